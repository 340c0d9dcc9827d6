"""The scheduler's loop."""

from __future__ import annotations

import logging
import selectors
from collections.abc import Callable
from dataclasses import dataclass, field

from penstock_runtime.domain.errors import StoreContention, StoreUnavailable
from penstock_runtime.runs.due import admit_waiting_runs, make_due_ready
from penstock_runtime.runs.rescue import end_expired_members, rescue_lost_attempts
from penstock_runtime.runs.services import RunServices
from penstock_runtime.scheduler.ticks import fire_due_triggers

log = logging.getLogger("penstock.scheduler")

_SHORTEST_WAIT_SECONDS = 0.01


@dataclass(slots=True)
class Scheduler:
    """Passes over what is due, `poll_seconds` apart or sooner when something is due sooner.

    `look_at_code` publishes the project's code when it has changed (the stat scan); `fire_schedules` is off for a
    process that runs one pipeline in the foreground. `passes` counts, for the liveness check.
    """

    services: RunServices
    poll_seconds: float
    look_at_code: Callable[[], object]
    code_seconds: float = 2.0
    fire_schedules: bool = True
    passes: int = 0
    _next_look: float = 0.0
    _quiet: dict[str, str] = field(default_factory=dict)

    def run_pass(self) -> None:
        """Do every duty once. A duty that fails is logged, and the others are done."""
        duties: dict[str, Callable[[], object]] = {
            "members": lambda: end_expired_members(self.services),
            "rescue": lambda: rescue_lost_attempts(self.services),
            "waits": lambda: make_due_ready(self.services),
            "admission": lambda: admit_waiting_runs(self.services),
        }
        if self.fire_schedules:
            duties["schedules"] = lambda: fire_due_triggers(self.services)
        for name, duty in duties.items():
            self._do(name, duty)
        if self.services.clock.monotonic() >= self._next_look:
            self._next_look = self.services.clock.monotonic() + self.code_seconds
            self._do("code", self.look_at_code)
        self.passes += 1

    def seconds_to_next(self) -> float:
        """Return how long to wait: until what is due next, but no longer than a poll."""
        try:
            with self.services.store.transaction(read_only=True) as tx:
                due = tx.next_due_at()
        except (StoreUnavailable, StoreContention):
            return self.poll_seconds
        if due is None:
            return self.poll_seconds
        left = (due - self.services.clock.now()).total_seconds()
        return min(max(left, _SHORTEST_WAIT_SECONDS), self.poll_seconds)

    def run_until(self, stopped: Callable[[], bool], stop_descriptor: int) -> None:
        """Pass until told to stop; `stop_descriptor` becomes readable then, so that no wait outlasts it."""
        selector = selectors.DefaultSelector()
        selector.register(stop_descriptor, selectors.EVENT_READ)
        while not stopped():
            self.run_pass()
            selector.select(self.seconds_to_next())
        selector.close()

    def _do(self, name: str, duty: Callable[[], object]) -> None:
        try:
            duty()
            self._quiet.pop(name, None)
        except (StoreUnavailable, StoreContention) as error:
            self._complain(name, str(error))
        except Exception as error:  # noqa: BLE001 - the loop survives anything; a duty's trouble stops that duty only
            self._complain(name, f"{type(error).__name__}: {error}", error)

    def _complain(self, name: str, text: str, error: Exception | None = None) -> None:
        """Log a trouble once, not every second, until it changes or is over."""
        if self._quiet.get(name) != text:
            self._quiet[name] = text
            log.warning("%s: %s", name, text, exc_info=error)
