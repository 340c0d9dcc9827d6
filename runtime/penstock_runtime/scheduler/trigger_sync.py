"""Bringing the store's triggers in line with what the code declares."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from penstock_runtime.domain.due_ticks import beginning
from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.schedules import parse_schedule
from penstock_runtime.ports.run_store import RunTransaction, Trigger


def reconcile_triggers(
    tx: RunTransaction,
    declared: Sequence[Trigger],
    now: datetime,
    unclear: Collection[tuple[str, str | None]] = frozenset(),
) -> None:
    """Make the triggers that come from code exactly these: new ones in, changed ones over, absent ones deleted.

    A schedule that has not changed keeps its next logical time, so publishing code neither loses nor repeats a tick.
    A trigger that was deleted and is declared again comes back under its old id, without its old token. Where the
    code names no token, one that a person was given stays. Triggers that people made elsewhere are left alone, and so
    are those that the code names in a way nobody understands: `unclear` has their (pipeline, name), or (pipeline, None)
    for all of a pipeline. A slip of the keyboard stops no schedule and loses no token.
    """
    known = {(trigger.pipeline, trigger.name): trigger for trigger in tx.triggers()}
    wanted = {(trigger.pipeline, trigger.name): trigger for trigger in declared}
    # Always in the same order, so that two publishers wait for each other instead of colliding.
    for key, trigger in sorted(wanted.items()):
        before = known.get(key)
        if before is None:
            tx.put_trigger(_prepared(None, trigger, now))
        elif _differs(before, trigger):
            # Read again under its lock: a tick may have moved it meanwhile.
            tx.put_trigger(_prepared(tx.lock_trigger(before.id) or before, trigger, now))
    for key, before in sorted(known.items()):
        if before.in_code and key not in wanted and not {key, (before.pipeline, None)} & set(unclear):
            tx.delete_trigger(before.id, now)


def _differs(before: Trigger, declared: Trigger) -> bool:
    fields = ("kind", "active", "settings", "variables", "in_code")
    new_token = declared.token_digest is not None and declared.token_digest != before.token_digest
    return new_token or any(getattr(before, name) != getattr(declared, name) for name in fields)


def _prepared(before: Trigger | None, declared: Trigger, now: datetime) -> Trigger:
    due, tick = None, None
    identity = before.id if before is not None else new_id()
    if declared.kind == "schedule" and declared.active:
        if before is not None and _same_schedule(before, declared):
            due, tick = before.next_due_at, before.next_tick_at
        else:
            due, tick = beginning(parse_schedule(declared.settings), identity, now)
    return replace(
        declared,
        id=identity,
        next_due_at=due,
        next_tick_at=tick,
        created_at=before.created_at if before is not None else now,
        updated_at=now,
        token_digest=declared.token_digest or (before.token_digest if before is not None else None),
    )


def _same_schedule(before: Trigger, declared: Trigger) -> bool:
    if before.kind != declared.kind or not before.active or before.deleted_at is not None:
        return False
    try:
        return parse_schedule(before.settings) == parse_schedule(declared.settings)
    except InvalidInput:
        return False
