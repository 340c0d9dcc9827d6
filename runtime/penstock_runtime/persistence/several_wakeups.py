"""Several ways of wake-ups as one: quick ones on the machine, and those that come from other machines."""

from __future__ import annotations

import select
from collections.abc import Sequence

from penstock_runtime.ports.wakeups import Wakeup, Wakeups


class SeveralWakeups:
    """Publishes by every way, and hears from all of them. Closing it closes them."""

    def __init__(self, *ways: Wakeups) -> None:
        """Take the ways over."""
        self._ways = ways
        # An epoll is itself a descriptor that is readable while one of those it watches is.
        self._watch = select.epoll()
        for way in ways:
            if way.fileno() >= 0:
                self._watch.register(way.fileno(), select.EPOLLIN)

    def publish(self, *wakeups: Wakeup) -> None:
        """See the port."""
        for way in self._ways:
            way.publish(*wakeups)

    def fileno(self) -> int:
        """See the port."""
        return self._watch.fileno()

    def drain(self) -> Sequence[Wakeup]:
        """See the port; what came by two ways is given once."""
        return tuple(dict.fromkeys(wakeup for way in self._ways for wakeup in way.drain()))

    def close(self) -> None:
        """See the port."""
        self._watch.close()
        for way in self._ways:
            way.close()
