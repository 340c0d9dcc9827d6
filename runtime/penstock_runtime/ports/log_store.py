"""Where the output of attempts is kept: append-only JSON lines, one log an attempt.

A line is `{"t": RFC 3339 UTC, "level": name, "message": text}`; more keys may follow. Offsets are bytes from the
log's start and mean something only to the store that gave them. Every method may raise LogStoreFailed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.domain.runs import UNMAPPED, Attempt


class LogStoreFailed(PenstockError):
    """The store could not do it. The text names the log and the cause (a full disk says so)."""


@dataclass(frozen=True, slots=True)
class LogKey:
    """Names one attempt's log. `block` is any text; `map_index` is None for what is no instance of a mapped block."""

    run_id: str
    block: str
    map_index: int | None
    attempt_number: int


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `t` is RFC 3339 in UTC, `level` a logging level's name; `extra` is whatever else the line carried."""

    t: str
    level: str
    message: str
    extra: Mapping[str, Any]


def log_key(attempt: Attempt) -> LogKey:
    """Return the name of an attempt's log: what writes it and what reads it go by this alone.

    The block's slug is for people; the end of the block run's id keeps apart the callbacks of several blocks.
    """
    index = None if attempt.map_index == UNMAPPED else attempt.map_index
    name = f"{attempt.block or 'pipeline'}.{attempt.block_run_id[-12:]}"
    return LogKey(attempt.run_id, name, index, attempt.number)


class LogStore(Protocol):
    """Append-only logs."""

    def append(self, key: LogKey, chunk: bytes) -> None:
        """Add whole JSON lines, each ended by a newline. Not idempotent: a chunk sent twice is there twice."""
        ...

    def read(self, key: LogKey, offset: int = 0, limit: int = 1000) -> tuple[list[LogLine], int]:
        """Return up to `limit` lines from a byte offset, and the offset to read on from.

        At the end, and for a log that does not exist, that is no line and the same offset. Only whole lines are read.
        """
        ...

    def size(self, key: LogKey) -> int:
        """Return the bytes kept; 0 for a log that does not exist."""
        ...

    def run_ids(self) -> Iterator[str]:
        """Yield the ids of the runs that have logs, in order."""
        ...

    def delete_run(self, run_id: str) -> None:
        """Remove every log of a run. Idempotent."""
        ...


def encode_line(t: str, level: str, message: str, extra: Mapping[str, Any] | None = None) -> bytes:
    """Return one line as a store keeps it, its newline included."""
    record = {"t": t, "level": level, "message": message, **(extra or {})}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"


def decode_line(line: bytes) -> LogLine:
    """Read one line of a store. A damaged one (a crash in the middle of a write) comes back as its own raw text."""
    try:
        record = json.loads(line)
        return LogLine(str(record.pop("t")), str(record.pop("level")), str(record.pop("message")), record)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return LogLine("", "INFO", line.decode("utf-8", "backslashreplace").rstrip("\n"), {})


def decode_chunk(chunk: bytes, limit: int) -> tuple[list[LogLine], int]:
    """Return up to `limit` whole lines of a chunk and the bytes they took."""
    lines: list[LogLine] = []
    used = 0
    for raw in chunk.splitlines(keepends=True):
        if len(lines) == limit or not raw.endswith(b"\n"):
            break
        used += len(raw)
        lines.append(decode_line(raw))
    return lines, used
