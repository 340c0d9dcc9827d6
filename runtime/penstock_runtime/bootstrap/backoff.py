"""How long to wait before a process that ended is started again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Doubles from `first` to `last` seconds; a process that lived for `good_life` seconds starts it anew."""

    first: float
    last: float
    good_life: float
    _next: float | None = None

    def after(self, lived: float) -> float:
        """Return the seconds to wait after a life of this length, in seconds."""
        wait = self.first if self._next is None or lived > self.good_life else self._next
        self._next = min(2 * wait, self.last)
        return wait
