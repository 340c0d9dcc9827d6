"""Turning what a child writes, which may be anything, into log lines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

RECORD_MARK = b"\x1e"
"""Before a JSON record of the SDK's logger; all else is plain text."""
LINE_LIMIT_BYTES = 64 * 1024
DEFAULT_LEVEL = "INFO"
_KNOWN = frozenset({"level", "message", "time"})


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line as it was written; `time` is the logger's own, RFC 3339, where it gave one."""

    message: str
    level: str = DEFAULT_LEVEL
    time: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class LineSplitter:
    """Cuts a stream of chunks into lines. Holds no more than one line of LINE_LIMIT_BYTES."""

    __slots__ = ("_partial",)

    def __init__(self) -> None:
        """Start with nothing."""
        self._partial = b""

    @property
    def partial(self) -> bytes:
        """What has begun and no newline has ended."""
        return self._partial

    def feed(self, chunk: bytes) -> Iterator[WrittenLine]:
        """Yield the lines that the chunk completes; one that grows past the limit is given in pieces."""
        *whole, self._partial = (self._partial + chunk).split(b"\n")
        for line in whole:
            yield from read_line(line)
        while len(self._partial) > LINE_LIMIT_BYTES and not self._partial.startswith(RECORD_MARK):
            piece, self._partial = self._partial[:LINE_LIMIT_BYTES], self._partial[LINE_LIMIT_BYTES:]
            yield from read_line(piece)
        if len(self._partial) > 16 * LINE_LIMIT_BYTES:
            # A "record" without an end is text after all.
            yield from self.flush()

    def take(self) -> bytes:
        """Return what has begun, raw, and forget it."""
        line, self._partial = self._partial, b""
        return line

    def flush(self) -> Iterator[WrittenLine]:
        """Yield what has begun, as if it had ended."""
        line = self.take()
        if line:
            yield from read_line(line)


def read_line(line: bytes) -> Iterator[WrittenLine]:
    """Yield the line; as two where the logger wrote behind a print that had not ended its line."""
    before, mark, record = line.partition(RECORD_MARK)
    if not mark:
        yield WrittenLine(_text(line))
        return
    written = _record(record)
    if written is None:
        yield WrittenLine(_text(line))
        return
    if before:
        yield WrittenLine(_text(before))
    yield written


def raw_lines(data: bytes) -> list[WrittenLine]:
    """Return lines as plain text, whatever marks they carry."""
    return [WrittenLine(_text(line)) for line in data.split(b"\n") if line]


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


# What JSON has no number for (NaN, Infinity, 1e999) stays the text that it is: stored as a number, it would make
# the log no JSON.
_decode = json.JSONDecoder(parse_float=_finite, parse_constant=str).decode


def _record(data: bytes) -> WrittenLine | None:
    try:
        record = _decode(data.decode("utf-8", "surrogatepass"))
        extra = {name: value for name, value in record.items() if name not in _KNOWN}
        time = record.get("time")
        level = str(record.get("level", DEFAULT_LEVEL))
        return WrittenLine(str(record["message"]), level, time if isinstance(time, str) else None, extra)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        # RecursionError: 60,000 opening brackets.
        return None


def _text(line: bytes) -> str:
    r"""Decode for reading: what is no UTF-8 shows as \\xNN; of a progress bar only its last state stays."""
    return line.removesuffix(b"\r").rpartition(b"\r")[2].decode("utf-8", "backslashreplace")
