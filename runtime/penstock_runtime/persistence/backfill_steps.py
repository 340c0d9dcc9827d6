"""Backfills: a range of logical times whose runs are made as there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, delete, func, literal_column, or_, select, tuple_, update

from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.persistence.columns import UtcTime, among
from penstock_runtime.persistence.cursors import read_cursor, write_cursor
from penstock_runtime.persistence.steps import Steps, field_values, insert_free, record_columns
from penstock_runtime.persistence.tables import (
    backfill_open,
    backfills,
    run_of_backfill,
    run_unfinished,
    runs,
    triggers,
)
from penstock_runtime.ports.backfills import Backfill, BackfillRun
from penstock_runtime.ports.run_store import Page

_c = backfills.c
_BACKFILL = record_columns(backfills, Backfill)
_one = _c.id == bindparam("backfill_id")
_INSERT = insert_free(backfills, _BACKFILL)
_READ = select(*_BACKFILL).where(_one)
_LOCK = _READ.with_for_update()
_LOCK_FREE = _READ.with_for_update(skip_locked=True)
_WRITTEN = [column for column in _BACKFILL if column.name != "id"]
_PUT = (
    update(backfills)
    .where(_one)
    .values({column.name: bindparam(f"new_{column.name}", type_=column.type) for column in _WRITTEN})
)
_DELETE = delete(backfills).where(_one, _c.ended_at.is_not(None))
_unfinished = (
    select(func.count())
    .select_from(runs)
    .where(runs.c.trigger_id == _c.id, run_unfinished)
    .correlate(backfills)
    .scalar_subquery()
)
# What may still be made has room while fewer runs are unfinished than it allows; what only has to end, when none is;
# what is being cancelled is looked at until it is over.
_room = case(
    (_c.status == literal_column("'cancelled'"), literal_column("2147483647")),
    (or_(_c.made < _c.total, _c.retry_asked_at.is_not(None)), _c.concurrency),
    else_=literal_column("1"),
)
backfill_has_work = and_(backfill_open, _unfinished < _room)
"""The condition on a backfill that the scheduler has something to do for it."""

_WITH_WORK = select(_c.id).where(backfill_has_work).order_by(_c.created_at).limit(bindparam("count"))
_of_backfill = and_(runs.c.trigger_id == bindparam("backfill_id"), run_of_backfill)
_COUNTS = (
    select(runs.c.trigger_id, runs.c.status, func.count())
    .where(among(runs.c.trigger_id, "backfill_ids"), run_of_backfill)
    .group_by(runs.c.trigger_id, runs.c.status)
)
_first, _last = bindparam("first", type_=UtcTime()), bindparam("last", type_=UtcTime())
_RUNS = (
    select(runs.c.logical_at, runs.c.id, runs.c.status)
    .where(_of_backfill, runs.c.logical_at >= _first, runs.c.logical_at <= _last)
    .order_by(runs.c.logical_at)
)
_TO_CANCEL = (
    select(runs.c.id)
    .where(runs.c.trigger_id == bindparam("backfill_id"), run_unfinished, runs.c.cancel_requested_at.is_(None))
    .order_by(runs.c.id)
    .limit(bindparam("count"))
)
_schedules = select(triggers.c.id).where(
    triggers.c.pipeline == bindparam("of_pipeline"), triggers.c.kind == literal_column("'schedule'")
)
_SUCCEEDED_TICKS = (
    select(runs.c.logical_at)
    .where(
        runs.c.trigger_id.in_(_schedules),
        runs.c.logical_at >= _first,
        runs.c.logical_at <= _last,
        runs.c.status == RunStatus.SUCCEEDED,
    )
    .limit(bindparam("count"))
)


@cache
def _list(*, pipeline: bool, after: bool) -> Select[Any]:
    statement = select(*_BACKFILL)
    if pipeline:
        statement = statement.where(_c.pipeline == bindparam("of_pipeline"))
    if after:
        last = tuple_(bindparam("after_at", type_=UtcTime()), bindparam("after_id", type_=_c.id.type))
        statement = statement.where(tuple_(_c.created_at, _c.id) < last)
    return statement.order_by(_c.created_at.desc(), _c.id.desc()).limit(bindparam("count"))


@cache
def _failed(*, newest_first: bool, after: bool) -> Select[Any]:
    at = runs.c.logical_at
    statement = select(at, runs.c.id, runs.c.status).where(
        _of_backfill,
        runs.c.status == literal_column("'failed'"),
        runs.c.ended_at <= bindparam("before", type_=UtcTime()),
    )
    if after:
        behind = bindparam("behind", type_=UtcTime())
        statement = statement.where(at < behind if newest_first else at > behind)
    return statement.order_by(at.desc() if newest_first else at).limit(1)


class BackfillSteps(Steps):
    """See ports.backfills."""

    def insert_backfill(self, backfill: Backfill) -> None:
        """See the port."""
        self._session.change(_INSERT, **field_values(backfill))

    def backfill(self, backfill_id: str) -> Backfill | None:
        """See the port."""
        row = self._session.first(_READ, backfill_id=backfill_id)
        return None if row is None else Backfill(*row)

    def lock_backfill(self, backfill_id: str, *, skip_locked: bool = False) -> Backfill | None:
        """See the port. On SQLite a write transaction is alone anyway."""
        row = self._session.first(_LOCK_FREE if skip_locked else _LOCK, backfill_id=backfill_id)
        return None if row is None else Backfill(*row)

    def put_backfill(self, backfill: Backfill) -> None:
        """See the port."""
        values = {f"new_{name}": value for name, value in field_values(backfill).items() if name != "id"}
        self._session.change(_PUT, backfill_id=backfill.id, **values)

    def delete_backfill(self, backfill_id: str) -> bool:
        """See the port."""
        return self._session.change(_DELETE, backfill_id=backfill_id) == 1

    def backfills(self, pipeline: str | None, limit: int, cursor: str | None = None) -> Page[Backfill]:
        """See the port."""
        values: dict[str, Any] = {"count": limit + 1}
        if pipeline is not None:
            values["of_pipeline"] = pipeline
        if cursor is not None:
            values["after_at"], values["after_id"] = read_cursor(cursor)
        rows = self._session.rows(_list(pipeline=pipeline is not None, after=cursor is not None), **values)
        items = [Backfill(*row) for row in rows[:limit]]
        more = len(rows) > limit and bool(items)
        return Page(items, write_cursor(items[-1].created_at, items[-1].id) if more else None)

    def backfills_with_work(self, limit: int) -> Sequence[str]:
        """See the port."""
        return [row[0] for row in self._session.rows(_WITH_WORK, count=limit)]

    def backfill_counts(self, backfill_ids: Sequence[str]) -> Mapping[str, Mapping[RunStatus, int]]:
        """See the port."""
        found: dict[str, dict[RunStatus, int]] = {}
        for backfill_id, status, count in self._session.rows(_COUNTS, backfill_ids=backfill_ids):
            found.setdefault(backfill_id, {})[status] = int(count)
        return found

    def backfill_runs(self, backfill_id: str, first: datetime, last: datetime) -> Sequence[BackfillRun]:
        """See the port."""
        rows = self._session.rows(_RUNS, backfill_id=backfill_id, first=first, last=last)
        return [BackfillRun(*row) for row in rows]

    def next_failed_run(
        self, backfill_id: str, before: datetime, after: datetime | None, *, newest_first: bool
    ) -> BackfillRun | None:
        """See the port."""
        statement = _failed(newest_first=newest_first, after=after is not None)
        values: dict[str, Any] = {} if after is None else {"behind": after}
        row = self._session.first(statement, backfill_id=backfill_id, before=before, **values)
        return None if row is None else BackfillRun(*row)

    def runs_to_cancel(self, backfill_id: str, limit: int) -> Sequence[str]:
        """See the port."""
        return [row[0] for row in self._session.rows(_TO_CANCEL, backfill_id=backfill_id, count=limit)]

    def succeeded_ticks(self, pipeline: str, first: datetime, last: datetime, limit: int) -> Sequence[datetime]:
        """See the port."""
        rows = self._session.rows(_SUCCEEDED_TICKS, of_pipeline=pipeline, first=first, last=last, count=limit)
        return sorted({row[0] for row in rows})
