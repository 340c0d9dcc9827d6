"""Time, as the database sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Every process of a fleet agrees on this time, so that leases can be compared across machines."""

    def now(self) -> datetime:
        """Return the present, aware and in UTC, with microseconds. Never goes backwards within a process."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that no one sets; only differences mean something."""
        ...
