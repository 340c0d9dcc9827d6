"""Doing things at their times, on a thread of its own, counted from one beginning."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

Deed = Callable[[], None]


class Agenda:
    """`at` puts a deed on it, before the start or from a deed; it is over when nothing is left."""

    def __init__(self, name: str) -> None:
        """Nothing happens before `start`."""
        self._todo: list[tuple[float, int, Deed]] = []
        self._order = itertools.count()
        self._began = 0.0
        self._trouble: BaseException | None = None
        self._never = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def at(self, seconds: float, deed: Deed) -> None:
        """Do it so many seconds after the beginning, or at once when that is past."""
        heapq.heappush(self._todo, (seconds, next(self._order), deed))

    def start(self, began: float) -> None:
        """Begin; times count from `began` of the monotonic clock."""
        self._began = began
        self._thread.start()

    def now(self) -> float:
        """Return the seconds since the beginning."""
        return time.monotonic() - self._began

    def wait(self) -> None:
        """Wait until all is done; raises what a deed raised, after which nothing more was done."""
        self._thread.join()
        if self._trouble is not None:
            raise self._trouble

    def _run(self) -> None:
        try:
            while self._todo:
                seconds, _, deed = heapq.heappop(self._todo)
                self._never.wait(max(0.0, seconds - self.now()))
                deed()
        except BaseException as error:  # noqa: BLE001 - a thread's edge: `wait` raises it
            self._trouble = error
