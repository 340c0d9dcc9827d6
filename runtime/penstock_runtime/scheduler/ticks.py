"""Schedules whose time has come."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from penstock_runtime.domain.due_ticks import DueTick, due_tick
from penstock_runtime.domain.errors import InvalidInput, PenstockError, StoreContention, StoreUnavailable
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.schedules import CatchUp, Schedule, parse_schedule
from penstock_runtime.ports.lost_ticks import LostKind, LostTick, TriggerMove
from penstock_runtime.ports.run_store import RunTransaction, Trigger
from penstock_runtime.runs.create import CreateRun, create_run_in
from penstock_runtime.runs.services import RunServices
from penstock_runtime.runs.trigger_runs import record_skipped

log = logging.getLogger("penstock.scheduler")

BATCH = 20
"""Triggers in one transaction: few, so that the first runs start while the others are made, and schedulers share."""

BATCHES = 50
"""Transactions in one pass: what is left then waits for the other duties of the loop."""

COLLISIONS = 3
"""How often a pass tries again at once when the database would not serialise it with another's."""

ALWAYS_ON_LOOK = timedelta(seconds=1)
_GAP_REASON = {
    CatchUp.LATEST: "their time passed before anybody made their runs; the schedule runs the latest",
    CatchUp.NONE: "their time passed before anybody made their runs; the schedule catches none up",
}


@dataclass(slots=True)
class _Batch:
    """What is being fired: `trigger` is the one whose turn it is."""

    now: datetime
    least_grace_seconds: float
    bundle: str | None = None
    trigger: Trigger | None = None
    moves: list[TriggerMove] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    taken: int = 0


def fire_due_triggers(services: RunServices, least_grace_seconds: float = 0.0) -> int:
    """Make the runs of every due schedule and move it on, a few in one transaction; how many runs were made.

    A tick whose run exists already makes none (I1). `least_grace_seconds` is how late a tick may be when a scheduler
    has just died: no schedule's own grace is shorter.
    """
    made, size, collisions = 0, BATCH, 0
    for _ in range(BATCHES):
        batch = _Batch(services.clock.now(), least_grace_seconds)
        try:
            _fire_batch(services, batch, size)
        except StoreUnavailable:
            raise
        except StoreContention:
            collisions += 1
            if collisions == COLLISIONS:
                raise
            continue
        except Exception as error:  # noqa: BLE001 - one trigger's trouble (a fault of ours) must not stop the others
            if size == 1 and batch.trigger is not None:
                _pass_over(services, batch.trigger, least_grace_seconds, error)
            size = 1
            continue
        made += len(batch.fired)
        for run_id in batch.fired:
            services.tell_run_changed(run_id, work=True)
        if batch.taken < size:
            break
    return made


def _fire_batch(services: RunServices, batch: _Batch, size: int) -> None:
    with services.store.transaction() as tx:
        due = tx.due_triggers(batch.now, size)
        batch.taken = len(due)
        newest = tx.newest_code_version() if due else None
        batch.bundle = newest.digest if newest else None
        # By pipeline, so that two schedulers that reserve under limits wait for each other instead of colliding.
        for trigger in sorted(due, key=lambda one: (one.pipeline, one.id)):
            batch.trigger = trigger
            _fire(tx, services, trigger, batch)
        tx.move_triggers(batch.moves, batch.now)


def _fire(tx: RunTransaction, services: RunServices, trigger: Trigger, batch: _Batch) -> None:
    try:
        schedule = parse_schedule(trigger.settings)
    except InvalidInput as error:
        log.warning("trigger %s of %s cannot be followed: %s", trigger.name, trigger.pipeline, error)
        batch.moves.append(TriggerMove(trigger.id, None))
        return
    if schedule.always_on:
        batch.moves.append(TriggerMove(trigger.id, batch.now + ALWAYS_ON_LOOK))
        if tx.unfinished_run_of(trigger.id) is None:
            _create(tx, services, trigger, batch.now, batch)
        return
    found = _decide(schedule, trigger, batch.now, batch.least_grace_seconds)
    batch.moves.append(_move(trigger, found))
    if found.missed is not None:
        gap = found.missed
        log.info("trigger %s of %s missed %d ticks since %s", trigger.name, trigger.pipeline, gap.ticks, gap.first_at)
        reason = _GAP_REASON[schedule.catch_up]
        at = (gap.first_at, gap.last_at, gap.ticks)
        tx.record_lost_ticks(LostTick(new_id(), trigger.id, LostKind.MISSED, *at, reason, batch.now))
    if found.tick_at is not None:
        _create(tx, services, trigger, found.tick_at, batch)


def _decide(schedule: Schedule, trigger: Trigger, now: datetime, least_grace_seconds: float) -> DueTick:
    tick_at = trigger.tick_at or now
    # A tick from before the trigger's last change is the run it asked for when it became active.
    initial = schedule.initial_run and trigger.updated_at is not None and tick_at <= trigger.updated_at
    return due_tick(schedule, trigger.id, tick_at, now, least_grace_seconds=least_grace_seconds, initial=initial)


def _move(trigger: Trigger, found: DueTick) -> TriggerMove:
    # The tick stands apart only where it is not the time at which it is acted upon.
    tick = None if found.next_tick_at == found.next_due_at else found.next_tick_at
    return TriggerMove(trigger.id, found.next_due_at, tick)


def _create(tx: RunTransaction, services: RunServices, trigger: Trigger, tick: datetime, batch: _Batch) -> None:
    request = CreateRun(trigger.pipeline, logical_at=tick, trigger=trigger, bundle=batch.bundle)
    try:
        run, created = create_run_in(tx, services, request)
    except (StoreUnavailable, StoreContention):
        raise
    except PenstockError as error:
        # A limit, or a broken pipeline: its tick is skipped, the schedule moves on, the others are not held up (I8).
        log.warning("trigger %s of %s: the tick of %s is skipped: %s", trigger.name, trigger.pipeline, tick, error)
        record_skipped(tx, trigger, tick, str(error), batch.now)
        return
    if created:
        batch.fired.append(run.id)


def _pass_over(services: RunServices, broken: Trigger, least_grace_seconds: float, error: Exception) -> None:
    """Move a trigger on whose run cannot be made for a reason that nobody foresaw."""
    log.error("trigger %s of %s broke", broken.name, broken.pipeline, exc_info=error)
    now = services.clock.now()
    with services.store.transaction() as tx:
        trigger = tx.lock_trigger(broken.id)
        if trigger is None or trigger.next_due_at != broken.next_due_at or trigger.next_due_at is None:
            return
        try:
            schedule = replace(parse_schedule(trigger.settings), catch_up=CatchUp.LATEST)
            move = _move(trigger, _decide(schedule, trigger, now, least_grace_seconds))
        except Exception:  # noqa: BLE001 - what is broken may be the very schedule; it is not asked again
            move = TriggerMove(trigger.id, None)
        tx.move_triggers([move], now)
        record_skipped(tx, trigger, trigger.tick_at or now, f"{type(error).__name__}: {error}", now)
