"""What a schedule that is due does: which tick makes a run, which ones are given up, when it is due again; pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock_runtime.domain.schedules import CatchUp, Schedule, first_due, next_after, previous_at_or_before

COUNTED = 1000
"""How many missed ticks of a cron schedule are counted one by one; a longer gap is given as that many, or more."""

_SMALLEST = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Missed:
    """A gap: the first and last tick of it and how many they are (see COUNTED)."""

    first_at: datetime
    last_at: datetime
    ticks: int


@dataclass(frozen=True, slots=True)
class DueTick:
    """The logical time to run now (None: none), the gap before it, and the next logical time with when it is due.

    `next_due_at` is `next_tick_at` plus its jitter, or later for a schedule that catches up at a rate.
    """

    tick_at: datetime | None
    missed: Missed | None
    next_tick_at: datetime | None
    next_due_at: datetime | None


def jitter(schedule: Schedule, trigger_id: str, tick: datetime) -> timedelta:
    """Return how long after its logical time a tick's run is made: the same for everyone who asks.

    Less than `jitter_seconds`, and never so long that the next tick comes first.
    """
    if not schedule.jitter_seconds:
        return timedelta(0)
    longest = schedule.jitter_seconds
    following = next_after(schedule, tick)
    if following is not None:
        longest = min(longest, (following - tick).total_seconds())
    digest = hashlib.sha256(f"{trigger_id}/{tick.isoformat()}".encode()).digest()
    return timedelta(seconds=longest * int.from_bytes(digest[:8]) / 2**64)


def beginning(schedule: Schedule, trigger_id: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the due time of a schedule that has just become active, and its logical time where that is another."""
    tick = first_due(schedule, now)
    delay = timedelta(0) if tick is None or schedule.once or schedule.always_on else jitter(schedule, trigger_id, tick)
    return (tick, None) if tick is None or not delay else (tick + delay, tick)


def due_tick(
    schedule: Schedule,
    trigger_id: str,
    tick_at: datetime,
    now: datetime,
    *,
    least_grace_seconds: float = 0.0,
    initial: bool = False,
) -> DueTick:
    """Decide for a schedule whose tick `tick_at` is due.

    Of several ticks that have passed `latest` runs the last; `all` the first, and the others follow at the
    schedule's rate; `none` the last, if it is within the grace. `initial` is the run that a schedule asked for when
    it became active: never too late.
    """
    if schedule.once:
        return DueTick(tick_at, None, None, None)
    if schedule.catch_up is CatchUp.ALL:
        return _one_of_all(schedule, trigger_id, tick_at, now)
    latest = _latest_due(schedule, trigger_id, tick_at, now)
    following = next_after(schedule, latest)
    due_at = None if following is None else following + jitter(schedule, trigger_id, following)
    late = (now - latest - jitter(schedule, trigger_id, latest)).total_seconds()
    grace = max(schedule.grace_seconds, least_grace_seconds)
    if schedule.catch_up is CatchUp.NONE and late > grace and not initial:
        return DueTick(None, _gap(schedule, tick_at, latest, including=True), following, due_at)
    return DueTick(latest, _gap(schedule, tick_at, latest, including=False), following, due_at)


def _one_of_all(schedule: Schedule, trigger_id: str, tick_at: datetime, now: datetime) -> DueTick:
    following = next_after(schedule, tick_at)
    if following is None:
        return DueTick(tick_at, None, None, None)
    due_at = following + jitter(schedule, trigger_id, following)
    if due_at <= now:
        # At the rate, but always faster than new ticks come: else it would never have caught up.
        beyond = next_after(schedule, following)
        pace = (beyond or now) - following
        due_at = now + min(timedelta(seconds=60 / schedule.catch_up_per_minute), pace / 2)
    return DueTick(tick_at, None, following, due_at)


def _latest_due(schedule: Schedule, trigger_id: str, tick_at: datetime, now: datetime) -> datetime:
    """Return the last tick, from `tick_at` on, whose time and jitter have passed."""
    latest = previous_at_or_before(schedule, now)
    if latest is not None and latest > tick_at and latest + jitter(schedule, trigger_id, latest) > now:
        latest = previous_at_or_before(schedule, latest - _SMALLEST)
    return tick_at if latest is None else max(latest, tick_at)


def _gap(schedule: Schedule, first: datetime, latest: datetime, *, including: bool) -> Missed | None:
    """Return the ticks from `first` to `latest`, which is one of them or not."""
    if first >= latest:
        return Missed(latest, latest, 1) if including else None
    last = latest if including else previous_at_or_before(schedule, latest - _SMALLEST)
    last = max(last or first, first)
    if schedule.interval_seconds:
        return Missed(first, last, round((last - first).total_seconds() / schedule.interval_seconds) + 1)
    ticks, tick = 1, first
    while tick < last and ticks < COUNTED:
        tick = next_after(schedule, tick) or last
        ticks += 1
    return Missed(first, last, ticks)
