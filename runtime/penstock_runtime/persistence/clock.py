"""The database's time, kept without asking it each time."""

from __future__ import annotations

import math
import threading
import time
from datetime import datetime, timedelta

from penstock_runtime.ports.run_store import RunStore

MOST_ROUND_TRIP_SECONDS = 0.25
"""A sample is wrong by up to half its round trip: one that took longer is not believed where a better one is known."""

FIRST_TRIES = 3
"""The first sample opens the connection too, so it may be slow: it is asked again, and the quickest one taken."""


class DatabaseClock:
    """Time as the database has it: sampled at connect and by `resample`, carried by the monotonic clock between.

    A sample is taken as being true at the middle of its round trip. A correction backwards is not shown: time stands
    still until the database has caught up. A sample that was long on its way (a stalled connection) is left out: it
    would make this clock early or late by seconds, and leases and ticks with it.
    """

    def __init__(self, store: RunStore) -> None:
        """Ask now; StoreUnavailable when the database does not answer."""
        self._store = store
        self._guard = threading.Lock()
        self._sampled_at = 0.0
        self._sample: datetime
        self._last: datetime | None = None
        self._round_trip = math.inf
        for _ in range(FIRST_TRIES):
            self.resample()
            if self._round_trip <= MOST_ROUND_TRIP_SECONDS:
                break

    def resample(self) -> timedelta:
        """Ask the database again; return how far the clock had drifted from it (positive: it was ahead).

        Nothing changes when the answer took too long to say what time it is now.
        """
        before = time.monotonic()
        sample = self._store.sample_time()
        after = time.monotonic()
        middle = before + (after - before) / 2
        with self._guard:
            if after - before > max(MOST_ROUND_TRIP_SECONDS, self._round_trip):
                return timedelta(0)
            expected = self._at(middle) if self._last is not None else sample
            self._sample, self._sampled_at, self._round_trip = sample, middle, after - before
        return expected - sample

    def _at(self, monotonic: float) -> datetime:
        return self._sample + timedelta(seconds=monotonic - self._sampled_at)

    def now(self) -> datetime:
        """See the port."""
        with self._guard:
            now = self._at(time.monotonic())
            if self._last is not None and now < self._last:
                return self._last
            self._last = now
            return now

    def monotonic(self) -> float:
        """See the port."""
        return time.monotonic()
