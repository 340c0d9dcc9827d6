"""Reading the logs of a run's attempts from where one left off."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.runs import RUN_ENDED, UNMAPPED, Attempt, AttemptStatus, Run
from penstock_runtime.ports.log_store import LogLine, log_key
from penstock_runtime.server.routing import Calling
from penstock_runtime.server.runs.routes import found_run

_CURSOR_BYTES = 1_000_000
_LAST_OFFSET = (1 << 63) - 1
"""The last place that a file can have."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which attempts: all of the run, of a block, of one instance, or one number."""

    run_id: str
    block: str | None = None
    map_index: int | None = None
    number: int | None = None


@dataclass(slots=True)
class LogPosition:
    """How far each attempt's log has been read (bytes by attempt id); `done` ones have nothing more to give."""

    offsets: dict[str, int] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Lines read at once, and whether the run has ended with nothing more to read."""

    lines: Sequence[dict[str, Any]]
    run: Run
    complete: bool


def encode_cursor(position: LogPosition) -> str:
    """Return a position as opaque text."""
    data = json.dumps([position.offsets, sorted(position.done)], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.compress(data)).decode().rstrip("=")


def decode_cursor(text: str | None) -> LogPosition:
    """Return the position; InvalidInput for a text that never came from `encode_cursor`."""
    if not text:
        return LogPosition()
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        # Bounded: a few bytes can be made to unpack to gigabytes.
        offsets, done = json.loads(zlib.decompressobj().decompress(packed, _CURSOR_BYTES))
        read = {str(key): _checked_offset(offset) for key, offset in offsets.items()}
        return LogPosition(read, {str(key) for key in done})
    except (binascii.Error, zlib.error, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput("this is no cursor of a log", "query.after") from error


def _checked_offset(offset: Any) -> int:
    if not isinstance(offset, int) or not 0 <= offset <= _LAST_OFFSET:
        raise ValueError("not a place in a file")
    return offset


def read_batch(call: Calling, where: LogFilter, position: LogPosition, limit: int) -> LogBatch:
    """Read up to `limit` lines on from `position`, which is moved. RunNotFound."""
    with call.services.runs.store.transaction(read_only=True) as tx:
        run = found_run(tx, where.run_id)
        attempts = tx.attempts(run.id, where.block, where.map_index)
    wanted = [attempt for attempt in attempts if where.number in {None, attempt.number}]
    lines: list[dict[str, Any]] = []
    for attempt in wanted:
        if attempt.id not in position.done and len(lines) < limit:
            lines += _read_attempt(call, attempt, position, limit - len(lines))
    complete = run.status in RUN_ENDED and all(attempt.id in position.done for attempt in wanted)
    return LogBatch(lines, run, complete)


def _read_attempt(call: Calling, attempt: Attempt, position: LogPosition, limit: int) -> list[dict[str, Any]]:
    key = log_key(attempt)
    offset = position.offsets.get(attempt.id, 0)
    lines, position.offsets[attempt.id] = call.services.logs.read(key, offset, limit)
    # The attempt was read before its log: one that had ended by then had all its lines written.
    if attempt.status is not AttemptStatus.RUNNING and len(lines) < limit:
        position.done.add(attempt.id)
        del position.offsets[attempt.id]
    return [_line_view(line, attempt) for line in lines]


def _line_view(line: LogLine, attempt: Attempt) -> dict[str, Any]:
    return {
        "time": line.t,
        "level": line.level,
        "message": line.message,
        "block": attempt.block,
        "map_index": None if attempt.map_index == UNMAPPED else attempt.map_index,
        "attempt": attempt.number,
        "extra": dict(line.extra),
    }
