"""Deadlines behind one pollable descriptor (timerfd), so that an idle executor wakes for nothing."""

from __future__ import annotations

import ctypes
import heapq
import itertools
import os
import time
from collections.abc import Callable
from contextlib import suppress

_TFD_NONBLOCK = os.O_NONBLOCK
_TFD_CLOEXEC = os.O_CLOEXEC
_SOONEST_SECONDS = 1e-6
"""A zero would disarm the timer instead of firing at once."""

_libc = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Timer:
    """One deadline; `cancel` makes it nothing."""

    __slots__ = ("action", "due")

    def __init__(self, due: float, action: Callable[[], None] | None) -> None:
        """Keep when and what."""
        self.due = due
        self.action = action

    def cancel(self) -> None:
        """Forget what was to be done. Idempotent."""
        self.action = None


class Timers:
    """A heap of deadlines on the monotonic clock, with one descriptor that is readable when the first is due."""

    def __init__(self) -> None:
        """Open the descriptor; raises OSError where the kernel has none to give."""
        self.fd = _libc.timerfd_create(time.CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do the action, from `fire`, once so many seconds have passed."""
        timer = Timer(time.monotonic() + seconds, action)
        heapq.heappush(self._heap, (timer.due, next(self._order), timer))
        if self._heap[0][2] is timer:
            self._arm()
        return timer

    def fire(self) -> None:
        """Do all that is due."""
        with suppress(BlockingIOError):
            os.read(self.fd, 8)
        now = time.monotonic()
        while self._heap and (self._heap[0][2].action is None or self._heap[0][0] <= now):
            timer = heapq.heappop(self._heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                action()
        self._arm()

    def _arm(self) -> None:
        """Point the descriptor at the first deadline, or at none."""
        spec = _Itimerspec()
        if self._heap:
            wait = max(self._heap[0][0] - time.monotonic(), _SOONEST_SECONDS)
            spec.value.seconds = int(wait)
            spec.value.nanoseconds = max(int((wait % 1) * 1e9), 1)
        _libc.timerfd_settime(self.fd, 0, ctypes.byref(spec), None)

    def close(self) -> None:
        """Close the descriptor."""
        self._heap.clear()
        os.close(self.fd)
