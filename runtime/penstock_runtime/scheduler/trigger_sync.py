"""Bringing the store's triggers in line with what the code declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.schedules import parse_schedule
from penstock_runtime.ports.run_store import RunTransaction, Trigger
from penstock_runtime.scheduler.ticks import first_due


def reconcile_triggers(tx: RunTransaction, declared: Sequence[Trigger], now: datetime) -> None:
    """Make the triggers that come from code exactly these: new ones in, changed ones over, absent ones deleted.

    A schedule that has not changed keeps its next logical time, so publishing code neither loses nor repeats a tick.
    Triggers that people made elsewhere are left alone.
    """
    known = {(trigger.pipeline, trigger.name): trigger for trigger in tx.triggers()}
    wanted = {(trigger.pipeline, trigger.name): trigger for trigger in declared}
    for key, trigger in wanted.items():
        before = known.get(key)
        if before is None or _differs(before, trigger):
            tx.put_trigger(_prepared(before, trigger, now))
    for key, before in known.items():
        if before.in_code and key not in wanted:
            tx.delete_trigger(before.id, now)


def _differs(before: Trigger, declared: Trigger) -> bool:
    fields = ("kind", "active", "settings", "variables", "in_code")
    return any(getattr(before, name) != getattr(declared, name) for name in fields)


def _prepared(before: Trigger | None, declared: Trigger, now: datetime) -> Trigger:
    due = None
    if declared.kind == "schedule" and declared.active:
        same = before is not None and before.active and before.settings == declared.settings
        due = before.next_due_at if before is not None and same else first_due(parse_schedule(declared.settings), now)
    created = before.created_at if before is not None else now
    identity = before.id if before is not None else new_id()
    return replace(declared, id=identity, next_due_at=due, created_at=created, updated_at=now)
