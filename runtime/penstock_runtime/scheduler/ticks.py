"""Schedules whose time has come."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from penstock_runtime.domain.errors import InvalidInput, PenstockError, StoreContention, StoreUnavailable
from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.domain.schedules import CatchUp, Schedule, next_after, parse_schedule, previous_at_or_before
from penstock_runtime.ports.run_store import RunFilter, RunTransaction, Trigger
from penstock_runtime.runs.create import CreateRun, RunLimitReached, create_run_in
from penstock_runtime.runs.services import RunServices

log = logging.getLogger("penstock.scheduler")

BATCH = 100
ALWAYS_ON_LOOK = timedelta(seconds=1)


def fire_due_triggers(services: RunServices) -> int:
    """Make the runs of every due schedule and move it on, in one transaction; how many runs were made.

    A tick whose run exists already makes none (I1).
    """
    now = services.clock.now()
    with services.store.transaction() as tx:
        fired = [run_id for trigger in tx.due_triggers(now, BATCH) if (run_id := _fire(tx, services, trigger, now))]
    for run_id in fired:
        services.tell_run_changed(run_id, work=True)
    return len(fired)


def first_due(schedule: Schedule, now: datetime) -> datetime | None:
    """Return when a schedule that has just become active is due first; pure."""
    if schedule.always_on:
        return now
    if schedule.once:
        return schedule.start_at or now
    return next_after(schedule, now)


def due_tick(schedule: Schedule, due_at: datetime, now: datetime) -> datetime | None:
    """Return the logical time to run for a schedule that is due since `due_at`, or None when it was missed; pure.

    Of several missed ticks `latest` takes the last, `all` the first (the others follow, a pass apart), and `none` the
    last if it is within the grace.
    """
    if schedule.once or schedule.always_on or schedule.catch_up is CatchUp.ALL:
        return due_at
    latest = max(previous_at_or_before(schedule, now) or due_at, due_at)
    late = (now - latest).total_seconds() > schedule.grace_seconds
    return None if schedule.catch_up is CatchUp.NONE and late else latest


def _fire(tx: RunTransaction, services: RunServices, trigger: Trigger, now: datetime) -> str | None:
    try:
        schedule = parse_schedule(trigger.settings)
    except InvalidInput as error:
        log.warning("trigger %s of %s cannot be followed: %s", trigger.name, trigger.pipeline, error)
        tx.move_trigger(trigger.id, None, now)
        return None
    if schedule.always_on:
        return _fire_always_on(tx, services, trigger, now)
    due_at = trigger.next_due_at or now
    tick = due_tick(schedule, due_at, now)
    after = due_at if schedule.catch_up is CatchUp.ALL else max(now, due_at)
    tx.move_trigger(trigger.id, None if schedule.once else next_after(schedule, after), now)
    if tick is None:
        log.info("trigger %s of %s: the tick of %s was missed", trigger.name, trigger.pipeline, due_at)
        return None
    return _create(tx, services, trigger, tick)


def _fire_always_on(tx: RunTransaction, services: RunServices, trigger: Trigger, now: datetime) -> str | None:
    going = RunFilter(trigger_id=trigger.id, statuses=(RunStatus.QUEUED, RunStatus.RUNNING))
    tx.move_trigger(trigger.id, now + ALWAYS_ON_LOOK, now)
    return None if tx.runs(going, 1).items else _create(tx, services, trigger, now)


def _create(tx: RunTransaction, services: RunServices, trigger: Trigger, tick: datetime) -> str | None:
    try:
        run, created = create_run_in(tx, services, CreateRun(trigger.pipeline, logical_at=tick, trigger=trigger))
    except RunLimitReached as reason:
        log.info("trigger %s of %s: the tick of %s is skipped: %s", trigger.name, trigger.pipeline, tick, reason)
        return None
    except (StoreUnavailable, StoreContention):
        raise
    except PenstockError as error:
        # A broken pipeline misses its tick; the schedule itself moves on, and the others are not held up (I8).
        log.warning("trigger %s of %s: the tick of %s failed: %s", trigger.name, trigger.pipeline, tick, error)
        return None
    return run.id if created else None
