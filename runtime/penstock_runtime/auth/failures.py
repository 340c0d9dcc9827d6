"""Slowing down those who guess."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from penstock_runtime.ports.authentication import TooManyFailures
from penstock_runtime.ports.clock import Clock

FREE_PER_NAME = 5
FREE_PER_ADDRESS = 30
LONGEST_WAIT = 300.0
FORGET_SECONDS = 900.0
CAPACITY = 10_000


@dataclass(slots=True)
class _Count:
    tries: int = 0
    last_at: float = 0.0
    free_at: float = 0.0


class FailureLimit:
    """Counts tries by (name, address) and by address; past the free ones each further try waits twice as long.

    A try is counted before it is made, so that many at once gain nothing; success takes it back. Entries are forgotten
    after a quarter of an hour without a try, and the oldest beyond `CAPACITY`. Safe from any thread.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin with nobody known."""
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: OrderedDict[tuple[str, ...], _Count] = OrderedDict()

    def begin(self, name: str, address: str | None) -> None:
        """Count a try; TooManyFailures, counting nothing, while one must wait."""
        now = self._clock.monotonic()
        with self._lock:
            entries = [(self._entry(key, now), free) for key, free in _keys(name, address)]
            wait = max(entry.free_at - now for entry, _ in entries)
            if wait > 0:
                raise TooManyFailures(math.ceil(wait))
            for entry, free in entries:
                entry.tries += 1
                entry.last_at = now
                if entry.tries >= free:
                    entry.free_at = now + min(LONGEST_WAIT, 2.0 ** min(entry.tries - free, 16))

    def succeeded(self, name: str, address: str | None) -> None:
        """Forget the failures for that name from there, and take the try back from the address."""
        (by_name, _), (by_address, _) = _keys(name, address)
        with self._lock:
            self._counts.pop(by_name, None)
            entry = self._counts.get(by_address)
            if entry is not None:
                entry.tries = max(0, entry.tries - 1)
                entry.free_at = 0.0

    def _entry(self, key: tuple[str, ...], now: float) -> _Count:
        entry = self._counts.get(key)
        if entry is None or now - entry.last_at > FORGET_SECONDS:
            entry = self._counts[key] = _Count(last_at=now)
        self._counts.move_to_end(key)
        while len(self._counts) > CAPACITY:
            self._counts.popitem(last=False)
        return entry


def _keys(name: str, address: str | None) -> Sequence[tuple[tuple[str, ...], int]]:
    where = address or ""
    return (("name", name.casefold(), where), FREE_PER_NAME), (("address", where), FREE_PER_ADDRESS)
