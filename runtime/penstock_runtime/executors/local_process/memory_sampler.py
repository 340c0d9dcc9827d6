"""Watches the memory of attempts that have a limit, from a thread that sleeps while there are none.

RLIMIT_DATA stops one process; this stops a tree. Proportional set size, since children share most pages with their
parent; the cheap resident size first, which is never less, so that the dear one is read only near a limit or a peak.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from penstock import process_tree

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Watched:
    """One attempt's tree: its root, its limit, the largest size seen."""

    pid: int
    limit_bytes: int
    peak_bytes: int = 0


class MemorySampler:
    """`watch` and `forget` may be called from any thread; `on_over` is called from the sampler's."""

    def __init__(self, interval_seconds: float, on_over: Callable[[str, int], None]) -> None:
        """Start nothing; the thread starts with the first attempt that has a limit."""
        self._interval = interval_seconds
        self._on_over = on_over
        self._watched: dict[str, Watched] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def watch(self, attempt_id: str, pid: int, limit_bytes: int) -> None:
        """Sample this tree from now on."""
        with self._changed:
            self._watched[attempt_id] = Watched(pid, limit_bytes)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="penstock-memory-sampler", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self, attempt_id: str) -> int:
        """Stop sampling; return the peak seen, in bytes (0 when it was never sampled). Idempotent."""
        with self._changed:
            watched = self._watched.pop(attempt_id, None)
            return watched.peak_bytes if watched else 0

    def close(self) -> None:
        """End the thread. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._watched))
                if self._changed.wait_for(lambda: self._closed, self._interval):
                    return
                present = list(self._watched.items())
            for attempt_id, watched in present:
                size = tree_bytes(watched.pid, max(watched.peak_bytes, watched.limit_bytes))
                watched.peak_bytes = max(watched.peak_bytes, size)
                if size > watched.limit_bytes:
                    self._on_over(attempt_id, size)


def tree_bytes(root: int, threshold: int) -> int:
    """Return a tree's memory in bytes: its proportional size where the resident size passes the threshold."""
    tree = process_tree.tree_of([root])
    resident = sum(map(resident_bytes, tree))
    return sum(map(proportional_bytes, tree)) if resident > threshold else resident


def resident_bytes(pid: int) -> int:
    """Return a process's resident bytes, shared ones too; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_bytes().split()
    except OSError:
        return 0
    return int(fields[1]) * PAGE_BYTES


def proportional_bytes(pid: int) -> int:
    """Return a process's proportional set size in bytes; its resident size where that may not be read."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return resident_bytes(pid)
    return 0
