"""Ticks that made no run, the triggers that events and tokens find, and the times of their runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, select, tuple_, update

from penstock_runtime.domain.runs import Run
from penstock_runtime.persistence.columns import UtcTime
from penstock_runtime.persistence.cursors import read_cursor, write_cursor
from penstock_runtime.persistence.steps import RUN, TRIGGER, Steps, field_values, insert_free, record_columns
from penstock_runtime.persistence.tables import (
    idempotency_keys,
    lost_ticks,
    run_promised,
    run_timed,
    run_unfinished,
    runs,
    trigger_listening,
    triggers,
)
from penstock_runtime.ports.lost_ticks import LostKind, LostTick
from penstock_runtime.ports.run_store import Page, Trigger

_now = bindparam("now", type_=UtcTime())
_LOST = record_columns(lost_ticks, LostTick)
_of_trigger = lost_ticks.c.trigger_id == bindparam("trigger_id")
_newest_first = (lost_ticks.c.recorded_at.desc(), lost_ticks.c.id.desc())
_INSERT_LOST = insert_free(lost_ticks, _LOST)
_newest = select(lost_ticks.c.id).where(_of_trigger).order_by(*_newest_first).limit(1).scalar_subquery()
_GROW = (
    update(lost_ticks)
    .where(
        lost_ticks.c.id == _newest,
        lost_ticks.c.kind == bindparam("kind"),
        lost_ticks.c.reason == bindparam("reason"),
        lost_ticks.c.last_at < bindparam("first_at", type_=UtcTime()),
        ~exists().where(runs.c.trigger_id == bindparam("trigger_id"), runs.c.logical_at > lost_ticks.c.last_at),
    )
    .values(
        last_at=bindparam("last_at", type_=UtcTime()),
        ticks=lost_ticks.c.ticks + bindparam("more"),
        recorded_at=bindparam("recorded_at", type_=UtcTime()),
    )
)
_one = triggers.c.id == bindparam("trigger_id")
_LOCK = select(*TRIGGER).where(_one).with_for_update()
_SET_TOKEN = (
    update(triggers)
    .where(_one, triggers.c.deleted_at.is_(None))
    .values(token_digest=bindparam("new_digest", type_=triggers.c.token_digest.type), updated_at=_now)
)
_OF_TOKEN = select(*TRIGGER).where(
    triggers.c.token_digest == bindparam("digest"), triggers.c.deleted_at.is_(None)
)  # fmt: skip
_OF_EVENT = (
    select(*TRIGGER)
    .where(trigger_listening, triggers.c.active, triggers.c.event_name == bindparam("event"))
    .order_by(triggers.c.pipeline, triggers.c.name)
)
_keys = idempotency_keys.c
_KEY = select(_keys.run_id, _keys.body_hash).where(
    _keys.scope == bindparam("scope"), _keys.key == bindparam("key"), _keys.expires_at > _now
)
_of_run = runs.c.id == bindparam("run_id")
_UNFINISHED = select(runs.c.id).where(runs.c.trigger_id == bindparam("trigger_id"), run_unfinished).limit(1)
_going = select(func.count()).select_from(runs).where(
    runs.c.pipeline == bindparam("pipeline"), run_unfinished, runs.c.admitted
)  # fmt: skip
_RUNNING_OF_TRIGGER = select(
    _going.scalar_subquery(), _going.where(runs.c.trigger_id == bindparam("trigger_id")).scalar_subquery()
)
_RUNNING_OF_NONE = select(_going.scalar_subquery(), _going.where(runs.c.trigger_id.is_(None)).scalar_subquery())
_SET_DEADLINE = (
    update(runs)
    .where(_of_run)
    .values(
        deadline_at=bindparam("new_deadline_at", type_=UtcTime()),
        timeout_status=bindparam("new_timeout_status", type_=runs.c.timeout_status.type),
    )
)
_OVERDUE = (
    select(runs.c.id)
    .where(run_timed, runs.c.deadline_at <= _now)
    .order_by(runs.c.deadline_at)
    .limit(bindparam("count"))
)
_NOTE_TIMEOUT = update(runs).where(_of_run, run_timed).values(timed_out_at=_now, deadline_at=None)
_BROKEN = (
    select(*RUN)
    .where(run_promised, runs.c.sla_at <= _now)
    .order_by(runs.c.sla_at)
    .limit(bindparam("count"))
    .with_for_update(key_share=True, skip_locked=True)
)
_missed_at = bindparam("missed_at", type_=UtcTime())
_NOTE_SLA = update(runs).where(_of_run, run_promised).values(sla_at=None, sla_missed_at=_missed_at)


@cache
def _lost_of(*, after: bool) -> Select[Any]:
    statement = select(*_LOST).where(_of_trigger)
    if after:
        last = tuple_(bindparam("after_at", type_=UtcTime()), bindparam("after_id", type_=lost_ticks.c.id.type))
        statement = statement.where(tuple_(lost_ticks.c.recorded_at, lost_ticks.c.id) < last)
    return statement.order_by(*_newest_first).limit(bindparam("count"))


class LostTickSteps(Steps):
    """See ports.lost_ticks."""

    def record_lost_ticks(self, lost: LostTick) -> None:
        """See the port."""
        grown = self._session.change(
            _GROW,
            trigger_id=lost.trigger_id,
            kind=lost.kind.value,
            reason=lost.reason,
            first_at=lost.first_at,
            last_at=lost.last_at,
            more=lost.ticks,
            recorded_at=lost.recorded_at,
        )
        if not grown:
            self._session.change(_INSERT_LOST, **{**field_values(lost), "kind": lost.kind.value})

    def lost_ticks(self, trigger_id: str, limit: int, cursor: str | None = None) -> Page[LostTick]:
        """See the port."""
        values: dict[str, Any] = {"trigger_id": trigger_id, "count": limit + 1}
        if cursor is not None:
            values["after_at"], values["after_id"] = read_cursor(cursor)
        rows = self._session.rows(_lost_of(after=cursor is not None), **values)
        items = [LostTick(row[0], row[1], LostKind(row[2]), *row[3:]) for row in rows[:limit]]
        more = len(rows) > limit and bool(items)
        return Page(items, write_cursor(items[-1].recorded_at, items[-1].id) if more else None)

    def lock_trigger(self, trigger_id: str) -> Trigger | None:
        """See the port."""
        row = self._session.first(_LOCK, trigger_id=trigger_id)
        return None if row is None else Trigger(*row)

    def set_trigger_token(self, trigger_id: str, token_digest: str | None, now: datetime) -> bool:
        """See the port."""
        return self._session.change(_SET_TOKEN, trigger_id=trigger_id, new_digest=token_digest, now=now) == 1

    def trigger_of_token(self, token_digest: str) -> Trigger | None:
        """See the port."""
        row = self._session.first(_OF_TOKEN, digest=token_digest)
        return None if row is None else Trigger(*row)

    def triggers_of_event(self, name: str) -> Sequence[Trigger]:
        """See the port."""
        return [Trigger(*row) for row in self._session.rows(_OF_EVENT, event=name)]

    def idempotency_key(self, scope: str, key: str, now: datetime) -> tuple[str, str] | None:
        """See the port."""
        row = self._session.first(_KEY, scope=scope, key=key, now=now)
        return None if row is None else (row[0], row[1])

    def unfinished_run_of(self, trigger_id: str) -> str | None:
        """See the port."""
        row = self._session.first(_UNFINISHED, trigger_id=trigger_id)
        return None if row is None else row[0]

    def running_runs(self, pipeline: str, trigger_id: str | None) -> tuple[int, int]:
        """See the port."""
        if trigger_id is None:
            row = self._session.rows(_RUNNING_OF_NONE, pipeline=pipeline)[0]
        else:
            row = self._session.rows(_RUNNING_OF_TRIGGER, pipeline=pipeline, trigger_id=trigger_id)[0]
        return int(row[0]), int(row[1])

    def set_deadline(self, run_id: str, deadline_at: datetime | None, timeout_status: str | None) -> None:
        """See the port."""
        self._session.change(
            _SET_DEADLINE, run_id=run_id, new_deadline_at=deadline_at, new_timeout_status=timeout_status
        )

    def overdue_runs(self, now: datetime, limit: int) -> Sequence[str]:
        """See the port."""
        return [row[0] for row in self._session.rows(_OVERDUE, now=now, count=limit)]

    def note_timeout(self, run_id: str, now: datetime) -> bool:
        """See the port."""
        return self._session.change(_NOTE_TIMEOUT, run_id=run_id, now=now) == 1

    def broken_promises(self, now: datetime, limit: int) -> Sequence[Run]:
        """See the port."""
        return [Run(*row) for row in self._session.rows(_BROKEN, now=now, count=limit)]

    def note_sla(self, run_id: str, missed_at: datetime | None) -> None:
        """See the port."""
        self._session.change(_NOTE_SLA, run_id=run_id, missed_at=missed_at)
