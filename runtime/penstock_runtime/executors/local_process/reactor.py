"""The executor's own epoll: descriptors with handlers, deadlines, and a way for other threads to wake it."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from contextlib import suppress

from penstock_runtime.executors.local_process.timers import Timer, Timers

ROUNDS = 16
"""How often one `dispatch` looks for more: enough to be thorough, too few for a flood to hold the caller."""


class Reactor:
    """Not thread-safe, but for `wake`."""

    def __init__(self) -> None:
        """Open the descriptors."""
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._timers = Timers()
        self.on_wake: list[Callable[[], None]] = []
        self.add(self._wake_fd, self._woken)
        self.add(self._timers.fd, lambda _: self._timers.fire())

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is something to dispatch."""
        return self._epoll.fileno()

    def add(self, fd: int, handler: Callable[[int], None]) -> None:
        """Call the handler with the event mask while the descriptor is readable."""
        self._handlers[fd] = handler
        self._epoll.register(fd, select.EPOLLIN)

    def want_write(self, fd: int, *, wanted: bool) -> None:
        """Also call the handler while the descriptor is writable, or no longer."""
        self._epoll.modify(fd, select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

    def remove(self, fd: int) -> None:
        """Forget a descriptor, which must still be open. Idempotent."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do the action from `dispatch` when so many seconds have passed."""
        return self._timers.after(seconds, action)

    def wake(self) -> None:
        """Make `fileno` readable. Any thread."""
        os.eventfd_write(self._wake_fd, 1)

    def _woken(self, _: int) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)
        for action in self.on_wake:
            action()

    def dispatch(self) -> None:
        """Handle what is ready, and what became ready by that; never waits."""
        for _ in range(ROUNDS):
            ready = self._epoll.poll(0)
            if not ready:
                return
            for fd, mask in ready:
                # An earlier handler of the same round may have removed this one.
                handler = self._handlers.get(fd)
                if handler is not None:
                    handler(mask)

    def close(self) -> None:
        """Close the descriptors that are ours."""
        self._epoll.close()
        self._timers.close()
        os.close(self._wake_fd)
