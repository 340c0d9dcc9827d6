"""Logs as files: `<root>/<run>/<block>/<map index or ->/<attempt>.jsonl`, appended to and never rewritten."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from penstock_runtime.ports.log_store import LogKey, LogLine, LogStoreFailed, decode_chunk

READ_BYTES = 1024 * 1024
LONGEST_LINE_BYTES = 8 * 1024 * 1024


class LocalLogStore:
    """See ports.log_store. Several processes may write and read; one append is one write."""

    def __init__(self, root: Path) -> None:
        """Keep logs below this folder, which is made when it is needed."""
        self._root = root

    def append(self, key: LogKey, chunk: bytes) -> None:
        """Append to the attempt's file."""
        path = self._path(key)
        try:
            self._append(path, chunk)
        except FileNotFoundError:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._append(path, chunk)
            except OSError as error:
                raise LogStoreFailed(f"cannot write the log {path}: {error.strerror}") from error
        except OSError as error:
            raise LogStoreFailed(f"cannot write the log {path}: {error.strerror}") from error

    @staticmethod
    def _append(path: Path, chunk: bytes) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(fd, rest) :]
        finally:
            os.close(fd)

    def read(self, key: LogKey, offset: int = 0, limit: int = 1000) -> tuple[list[LogLine], int]:
        """Read whole lines from a byte offset."""
        path = self._path(key)
        lines: list[LogLine] = []
        try:
            with path.open("rb") as log:
                log.seek(offset)
                while len(lines) < limit:
                    found, used = decode_chunk(self._chunk(log.fileno(), offset), limit - len(lines))
                    if not found:
                        break
                    lines += found
                    offset += used
        except FileNotFoundError:
            return [], offset
        except OSError as error:
            raise LogStoreFailed(f"cannot read the log {path}: {error.strerror}") from error
        return lines, offset

    @staticmethod
    def _chunk(fd: int, offset: int) -> bytes:
        """Read from an offset, and more if the first line is longer than usual."""
        size = READ_BYTES
        chunk = os.pread(fd, size, offset)
        while b"\n" not in chunk and len(chunk) == size < LONGEST_LINE_BYTES:
            size *= 2
            chunk = os.pread(fd, size, offset)
        return chunk

    def size(self, key: LogKey) -> int:
        """Return the file's size."""
        try:
            return self._path(key).stat().st_size
        except OSError:
            return 0

    def run_ids(self) -> Iterator[str]:
        """Yield the names of the runs' folders, in order."""
        try:
            found = sorted(unquote(entry.name) for entry in os.scandir(self._root) if entry.is_dir())
        except FileNotFoundError:
            found = []
        except OSError as error:
            raise LogStoreFailed(f"cannot list the logs: {error.strerror}") from error
        yield from found

    def delete_run(self, run_id: str) -> None:
        """Remove the run's folder."""
        try:
            shutil.rmtree(self._root / _segment(run_id))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise LogStoreFailed(f"cannot remove the logs of run {run_id}: {error.strerror}") from error

    def _path(self, key: LogKey) -> Path:
        index = "-" if key.map_index is None else str(int(key.map_index))
        name = f"{int(key.attempt_number)}.jsonl"
        return self._root / _segment(key.run_id) / _segment(key.block) / index / name


def _segment(text: str) -> str:
    """Return the text as one folder name; raises LogStoreFailed for what has no name."""
    if not text or text in {".", ".."} or "\0" in text:
        raise LogStoreFailed(f"not a name for a log: {text!r}")
    # A block's slug may lead through folders; its log's name does not.
    return quote(text, safe=" +,=@")
