"""Log lines of a block: structured ones for a logger, plain ones for everything that is printed.

A structured line is the byte 0x1e, a JSON object with `level`, `message` and `time` (RFC 3339, UTC, microseconds) and
a line feed. In a whole-pipeline attempt it carries `block` and `map_index` too, since several blocks print at once.
"""

from __future__ import annotations

import json
import sys
from _thread import _local
from datetime import datetime, timezone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
_MARK = "\x1e"


class _Place(_local):
    """Which block this thread runs, in a whole-pipeline attempt; None in every other thread."""

    block: str | None = None
    map_index: int | None = None
    partial: dict[str, str] | None = None


place = _Place()


def now_text() -> str:
    """The present instant as RFC 3339 in UTC with microseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def record_line(level: str, message: str, **extra: Any) -> str:
    """One structured line, with its line feed."""
    record: dict[str, Any] = {"level": level, "message": message, "time": now_text()}
    if place.block is not None:
        record["block"] = place.block
        record["map_index"] = place.map_index
    if extra:
        record.update(extra)
    return _MARK + json.dumps(record, default=str) + "\n"


def write_record(level: str, message: str, **extra: Any) -> None:
    """Write one structured line to the present standard output, whole, and at once."""
    stream = sys.stdout
    if isinstance(stream, Router):
        stream = stream.below
    stream.write(record_line(level, message, **extra))
    stream.flush()


class BlockLogger:
    """The logger a block gets as `kwargs['logger']`: the calls of `logging.Logger`, without importing `logging`.

    What is not one of those calls is passed to the standard library's logger of the same name.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def log(self, level: int, message: object, *args: object, **kwargs: Any) -> None:
        """Write `message % args` at a numeric level; `exc_info` adds the traceback of the present exception."""
        text = str(message)
        if args:
            values = args[0] if len(args) == 1 and isinstance(args[0], dict) else args
            text = text % values
        if kwargs.get("exc_info"):
            import traceback

            text += "\n" + traceback.format_exc().rstrip()
        extra = kwargs.get("extra")
        extra = kwargs.get("tags") if extra is None else extra
        fields = {"extra": extra} if extra else {}
        write_record(_LEVELS.get(level, "INFO"), text, **fields)

    def debug(self, message: object, *args: object, **kwargs: Any) -> None:
        """Level DEBUG."""
        self.log(10, message, *args, **kwargs)

    def info(self, message: object, *args: object, **kwargs: Any) -> None:
        """Level INFO."""
        self.log(20, message, *args, **kwargs)

    def warning(self, message: object, *args: object, **kwargs: Any) -> None:
        """Level WARNING."""
        self.log(30, message, *args, **kwargs)

    warn = warning

    def error(self, message: object, *args: object, **kwargs: Any) -> None:
        """Level ERROR."""
        self.log(40, message, *args, **kwargs)

    def exception(self, message: object, *args: object, **kwargs: Any) -> None:
        """Level ERROR, with the traceback of the present exception."""
        self.log(40, message, *args, **{"exc_info": True, **kwargs})

    def critical(self, message: object, *args: object, **kwargs: Any) -> None:
        """Level CRITICAL."""
        self.log(50, message, *args, **kwargs)

    fatal = critical

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 - the name is logging.Logger's
        """Every level is written."""
        return True

    def __getattr__(self, name: str) -> Any:
        import logging

        return getattr(logging.getLogger(self.name), name)


def catch_standard_logging() -> None:
    """Send the standard library's log records here as structured lines, if block code uses `logging`.

    Called once the block file is loaded. A block that set up its own handlers keeps them.
    """
    logging = sys.modules.get("logging")
    if logging is None or logging.root.handlers:
        return

    class Handler(logging.Handler):  # type: ignore[name-defined,misc]
        def emit(self, record: Any) -> None:
            write_record(_LEVELS.get(record.levelno, "INFO"), self.format(record), logger=record.name)

    logging.root.addHandler(Handler())
    if logging.root.level == logging.WARNING:
        logging.root.setLevel(logging.INFO)


def make_live() -> None:
    """Write each printed line when it is complete, and never fail on a character the terminal cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and (stream.errors != "backslashreplace" or not stream.line_buffering):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def flush() -> None:
    """Flush both streams; a reader that has gone is no error here."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue


class Router:
    """A standard stream that names the block on each line, for threads that run a block of a whole pipeline.

    Other threads write through. Binary writes (`sys.stdout.buffer`) reach the stream below unchanged.
    """

    def __init__(self, below: TextIO) -> None:
        self.below: TextIO = below.below if isinstance(below, Router) else below

    def write(self, text: str) -> int:
        """Take text; write each complete line as a structured line of this thread's block."""
        if place.block is None:
            return self.below.write(text)
        if place.partial is None:
            place.partial = {}
        key = self.below.name
        *lines, rest = (place.partial.get(key, "") + text).split("\n")
        place.partial[key] = rest
        if lines:
            self.below.write("".join([record_line("INFO", line) for line in lines]))
        return len(text)

    def finish(self) -> None:
        """Write what this thread printed without a line feed at its end."""
        rest = (place.partial or {}).pop(self.below.name, "")
        if rest:
            self.below.write(record_line("INFO", rest))
        self.below.flush()

    def flush(self) -> None:
        """Flush the stream below; an unfinished line waits for its end."""
        self.below.flush()

    def writelines(self, lines: Any) -> None:
        """Write each of an iterable of texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)
