"""Logs in memory: complete, for tests and for a run that keeps nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from penstock_runtime.ports.log_store import LogKey, LogLine, decode_chunk


class InMemoryLogStore:
    """See ports.log_store. Any thread."""

    def __init__(self) -> None:
        """Start with no log."""
        self._logs: dict[LogKey, bytearray] = {}
        self._lock = threading.Lock()

    def append(self, key: LogKey, chunk: bytes) -> None:
        """Append to the attempt's bytes."""
        with self._lock:
            self._logs.setdefault(key, bytearray()).extend(chunk)

    def read(self, key: LogKey, offset: int = 0, limit: int = 1000) -> tuple[list[LogLine], int]:
        """Read whole lines from a byte offset."""
        with self._lock:
            chunk = bytes(self._logs.get(key, b"")[offset:])
        lines, used = decode_chunk(chunk, limit)
        return lines, offset + used

    def size(self, key: LogKey) -> int:
        """Return the bytes kept."""
        with self._lock:
            return len(self._logs.get(key, b""))

    def run_ids(self) -> Iterator[str]:
        """Yield the ids of runs with logs, in order."""
        with self._lock:
            found = sorted({key.run_id for key in self._logs})
        yield from found

    def delete_run(self, run_id: str) -> None:
        """Forget the run's logs."""
        with self._lock:
            for key in [key for key in self._logs if key.run_id == run_id]:
                del self._logs[key]
