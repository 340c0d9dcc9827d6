"""The one place that waits for a condition that gives no signal of its own: with a deadline, and saying what for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

LOOK_SECONDS = 0.01


class NotInTime(AssertionError):
    """What was waited for did not happen before the deadline."""


def wait_until(
    condition: Callable[[], Value],
    patience: float = 30.0,
    otherwise: str | Callable[[], str] = "it did not happen",
    look: float = LOOK_SECONDS,
) -> Value:
    """Return the condition's first true value; NotInTime, an AssertionError, after `patience` seconds."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            said = otherwise() if callable(otherwise) else otherwise
            raise NotInTime(f"not within {patience:g} s: {said}")
        pause.wait(look)


def stays_so(condition: Callable[[], object], seconds: float, otherwise: str = "it did not stay so") -> None:
    """Fail as soon as the condition is false within `seconds`: for what must not happen."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < deadline:
        assert condition(), otherwise
        pause.wait(LOOK_SECONDS)
