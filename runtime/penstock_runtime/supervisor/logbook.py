"""What processes write: a file for each, which is rotated, and the lines passed on as they come."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

FILE_BYTES = 5_000_000
FILES_BEFORE = 2
READ_BYTES = 65_536
LONGEST_LINE = 16_384
SUPERVISOR = "supervisor"
LINES_KEPT = 40
"""Of each process, to say why it does not start."""


class _File(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the library's
        """Lose the line: a full disk must not stop the one that keeps processes alive, nor fill the terminal."""


class LogBook:
    """The logs of all processes, each by its name."""

    def __init__(self, folder: Path, passed_on: Callable[[str, str], None]) -> None:
        """Keep files in a folder, which is made; call `passed_on` with a process's name and its line."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._passed_on = passed_on
        self._files: dict[str, _File] = {}
        self._last: dict[str, deque[str]] = {}

    def write(self, name: str, line: str) -> None:
        """Keep one line of a process."""
        if name not in self._files:
            path = self._folder / f"{name}.log"
            self._files[name] = _File(path, maxBytes=FILE_BYTES, backupCount=FILES_BEFORE, encoding="utf-8", delay=True)
            self._last[name] = deque(maxlen=LINES_KEPT)
        self._files[name].emit(logging.makeLogRecord({"msg": line}))
        self._last[name].append(line)
        self._passed_on(name, line)

    def last(self, name: str, count: int) -> list[str]:
        """Return the last lines of a process, oldest first."""
        return list(self._last.get(name, ()))[-count:]

    def close(self) -> None:
        """Close every file."""
        for file in self._files.values():
            with suppress(OSError):
                file.close()


class BookHandler(logging.Handler):
    """The supervisor's own records, as lines of a process called `supervisor`; from any thread."""

    def __init__(self, book: LogBook, loop: asyncio.AbstractEventLoop) -> None:
        """Write in the loop's thread."""
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._book, self._loop = book, loop

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on, a line at a time; without a loop there is nobody to tell any more."""
        with suppress(RuntimeError):
            for line in self.format(record).splitlines():
                self._loop.call_soon_threadsafe(self._book.write, SUPERVISOR, line)


class Pump:
    """Reads one life's output from a pipe. `theirs` is the end that the process gets."""

    def __init__(self, book: LogBook, name: str) -> None:
        """Make the pipe; reading begins at once, in the running loop."""
        self._book, self._name = book, name
        self._ours, self.theirs = os.pipe()
        os.set_blocking(self._ours, False)
        self._rest = b""
        asyncio.get_running_loop().add_reader(self._ours, self._read)
        self._open = True

    def close_theirs(self) -> None:
        """Close our copy of the process's end, once it has its own."""
        os.close(self.theirs)

    def finish(self) -> None:
        """Take what is there and stop: a grandchild may hold the other end for ever."""
        while self._open and self._read():
            continue
        self._close()

    def _read(self) -> bool:
        try:
            data = os.read(self._ours, READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._close()
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._write(line)
        if len(self._rest) > LONGEST_LINE:
            self._write(self._rest)
            self._rest = b""
        return True

    def _write(self, line: bytes) -> None:
        self._book.write(self._name, line.decode(errors="replace").rstrip("\r"))

    def _close(self) -> None:
        if not self._open:
            return
        self._open = False
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)
        if self._rest:
            self._write(self._rest)
