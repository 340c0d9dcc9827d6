"""Time for tests: the clock that is shipped for them, under the name they know."""

from __future__ import annotations

from penstock_runtime.testing.clock import START, FakeClock

__all__ = ["START", "FakeClock"]
