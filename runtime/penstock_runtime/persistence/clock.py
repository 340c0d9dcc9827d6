"""The database's time, kept without asking it each time."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

from penstock_runtime.ports.run_store import RunStore


class DatabaseClock:
    """Time as the database has it: sampled at connect and by `resample`, carried by the monotonic clock between.

    A sample is taken as being true at the middle of its round trip. A correction backwards is not shown: time stands
    still until the database has caught up.
    """

    def __init__(self, store: RunStore) -> None:
        """Ask once, now; StoreUnavailable when the database does not answer."""
        self._store = store
        self._guard = threading.Lock()
        self._sampled_at = 0.0
        self._sample: datetime
        self._last: datetime | None = None
        self.resample()

    def resample(self) -> timedelta:
        """Ask the database again; return how far the clock had drifted from it (positive: it was ahead)."""
        before = time.monotonic()
        sample = self._store.sample_time()
        after = time.monotonic()
        middle = before + (after - before) / 2
        with self._guard:
            expected = self._at(middle) if self._last is not None else sample
            self._sample, self._sampled_at = sample, middle
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
