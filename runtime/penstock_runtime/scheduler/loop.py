"""The scheduler's loop."""

from __future__ import annotations

import logging
import os
import selectors
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from penstock_runtime.domain.errors import StoreContention, StoreUnavailable
from penstock_runtime.runs.backfill_turns import advance_backfills
from penstock_runtime.runs.due import admit_waiting_runs, make_due_ready
from penstock_runtime.runs.rescue import end_expired_members, rescue_lost_attempts
from penstock_runtime.runs.services import RunServices
from penstock_runtime.runs.timeouts import end_overdue_runs, tell_missed_service_levels
from penstock_runtime.scheduler.ticks import fire_due_triggers

log = logging.getLogger("penstock.scheduler")

_SHORTEST_WAIT_SECONDS = 0.01


DUTIES: Mapping[str, Callable[[RunServices], object]] = {
    "rescue": rescue_lost_attempts,
    "waits": make_due_ready,
    "timeouts": end_overdue_runs,
    "promises": tell_missed_service_levels,
    "admission": admit_waiting_runs,
    "schedules": fire_due_triggers,
    "backfills": advance_backfills,
}
"""What a pass may have to do, in this order."""


_TIMED = frozenset({"waits", "schedules", "timeouts", "promises"})
"""The duties that a time brings: having done them, there is a new next time."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What there is to do, found by one read: the duties, and when something is due next."""

    duties: frozenset[str]
    next_due_at: datetime | None


def look(services: RunServices, *, fire_schedules: bool, grace_seconds: float = 0.0) -> Outlook:
    """Find out what there is to do, without changing anything."""
    now = services.clock.now()
    dead_since = now - timedelta(seconds=grace_seconds)
    duties: set[str] = set()
    with services.store.transaction(read_only=True) as tx:
        due = tx.due_times()
        times = {"waits": due.waits, "timeouts": due.timeouts, "promises": due.promises}
        if fire_schedules:
            times["schedules"] = due.schedules
        duties |= {duty for duty, at in times.items() if at is not None and at <= now}
        if fire_schedules and due.backfills:
            duties.add("backfills")
        if any(member.expires_at <= dead_since for member in tx.members()):
            duties |= {"members", "rescue"}
        if tx.attempts_of_ended_members(1):
            duties.add("rescue")
        if tx.queued_unadmitted_runs(1):
            duties.add("admission")
    return Outlook(frozenset(duties), min((at for at in times.values() if at is not None), default=None))


@dataclass(slots=True)
class Scheduler:
    """Passes over what is due, `poll_seconds` apart or sooner when something is due sooner.

    An idle pass is one read. `look_at_code` publishes the project's code when it has changed (the stat scan);
    `fire_schedules` is off for a process that runs one pipeline in the foreground. `grace_seconds` is what a member
    has after its lease to end its processes. `least_grace_seconds` is how late a tick may be because a scheduler
    died. `passes` counts, for the liveness check.
    """

    services: RunServices
    poll_seconds: float
    look_at_code: Callable[[], object]
    code_seconds: float = 2.0
    fire_schedules: bool = True
    grace_seconds: float = 0.0
    least_grace_seconds: float = 0.0
    passes: int = 0
    _next_look: float = 0.0
    _quiet: dict[str, str] = field(default_factory=dict)
    _nudge: int | None = None

    def run_pass(self) -> float:
        """Do every duty that there is, and return the seconds until the next pass.

        A duty that fails is logged, and the others are done.
        """
        outlook = self._look()
        if "members" in outlook.duties:
            self._do("members", lambda services: end_expired_members(services, self.grace_seconds))
        for name, duty in DUTIES.items():
            if name == "schedules" and name in outlook.duties:
                self._do(name, lambda services: fire_due_triggers(services, self.least_grace_seconds))
            elif name in outlook.duties:
                self._do(name, duty)
        if self.services.clock.monotonic() >= self._next_look:
            self._next_look = self.services.clock.monotonic() + self.code_seconds
            self._do("code", lambda _services: self.look_at_code())
        self.passes += 1
        # What was done may have made something due sooner than the outlook knew: a wait that is over and waits again.
        due_at = self._look().next_due_at if outlook.duties & _TIMED else outlook.next_due_at
        return self._seconds_to(due_at)

    def _look(self) -> Outlook:
        found: list[Outlook] = []
        self._do("outlook", lambda services: found.append(self._look_at(services)))
        return found[0] if found else Outlook(frozenset(), None)

    def _look_at(self, services: RunServices) -> Outlook:
        return look(services, fire_schedules=self.fire_schedules, grace_seconds=self.grace_seconds)

    def _seconds_to(self, due_at: datetime | None) -> float:
        if due_at is None:
            return self.poll_seconds
        left = (due_at - self.services.clock.now()).total_seconds()
        # What is overdue and was not taken is another's (or nobody's here): it must not make this loop spin.
        return min(max(left, _SHORTEST_WAIT_SECONDS), self.poll_seconds) if left > 0 else self.poll_seconds

    def run_until(self, stopped: Callable[[], bool], stop_descriptor: int) -> None:
        """Pass until told to stop; `stop_descriptor` becomes readable then, so that no wait outlasts it."""
        selector = selectors.DefaultSelector()
        selector.register(stop_descriptor, selectors.EVENT_READ)
        nudged, self._nudge = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        selector.register(nudged, selectors.EVENT_READ)
        while not stopped():
            selector.select(self.run_pass())
            with suppress(BlockingIOError):
                os.read(nudged, 4096)
        # The writing end stays open with the object: a late nudge must not meet another file of that number.
        selector.close()
        os.close(nudged)

    def nudge(self) -> None:
        """Make the next pass begin soon; from any thread. Before `run_until`, and behind it, there is none."""
        if self._nudge is not None:
            with suppress(OSError):
                os.write(self._nudge, b".")

    def _do(self, name: str, duty: Callable[[RunServices], object]) -> None:
        try:
            duty(self.services)
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
