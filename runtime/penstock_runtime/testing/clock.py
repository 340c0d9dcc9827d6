"""Time that a test moves."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


class FakeClock:
    """See ports.clock: stands still until it is set or advanced. Any thread."""

    def __init__(self, at: datetime = START) -> None:
        """Start at an aware instant."""
        self._guard = threading.Lock()
        self.at = at
        self.seconds = 1000.0

    def now(self) -> datetime:
        """See the port."""
        with self._guard:
            return self.at

    def monotonic(self) -> float:
        """See the port."""
        with self._guard:
            return self.seconds

    def advance(self, seconds: float) -> datetime:
        """Let both clocks go on; return the new time. ValueError for going back, which no clock here does."""
        if seconds < 0:
            raise ValueError("time does not go backwards; use `set` for a database whose clock was wrong")
        with self._guard:
            self.at += timedelta(seconds=seconds)
            self.seconds += seconds
            return self.at

    def set(self, at: datetime) -> None:
        """Set the wall clock, also backwards; the monotonic one stays."""
        with self._guard:
            self.at = at
