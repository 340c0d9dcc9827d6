"""The rows of pipeline runs: insert, lock, move, cancel, open an epoch, admit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, case, func, null, select, text, update

from penstock_runtime.domain.errors import RunNotFinished, RunNotFound
from penstock_runtime.domain.runs import BlockRunKind, BlockRunStatus, Run, RunStatus
from penstock_runtime.persistence.columns import UtcTime
from penstock_runtime.persistence.steps import RUN, Steps, any_of, field_values, insert_free
from penstock_runtime.persistence.tables import block_runs, run_held, run_unfinished, runs

_now = bindparam("now", type_=UtcTime())
_of_run = runs.c.id == bindparam("run_id")

_INSERT = insert_free(runs, RUN)
_READ = select(*RUN).where(_of_run)
# Not FOR UPDATE: rows that refer to the run may be inserted while it is locked.
_LOCK = _READ.with_for_update(key_share=True)
_LOCK_FREE = _READ.with_for_update(key_share=True, skip_locked=True)
_ADD_OPEN = (
    update(runs)
    .where(_of_run)
    .values(open_block_runs=runs.c.open_block_runs + bindparam("change"))
    .returning(runs.c.open_block_runs)
)
_REQUEST_CANCEL = (
    update(runs).where(_of_run, runs.c.cancel_requested_at.is_(None), run_unfinished).values(cancel_requested_at=_now)
)
_OPEN_EPOCH = (
    update(runs)
    .where(_of_run, ~run_unfinished)
    .values(
        epoch=runs.c.epoch + 1,
        status=RunStatus.QUEUED,
        ended_at=None,
        cancel_requested_at=None,
        deadline_at=None,
        timed_out_at=None,
        bundle=bindparam("new_bundle"),
        open_block_runs=bindparam("open_count"),
        block_run_limit=bindparam("new_limit", type_=runs.c.block_run_limit.type),
    )
    .returning(runs.c.epoch)
)
_ADMIT = update(runs).where(_of_run, ~runs.c.admitted).values(admitted=True)
_READY_ROOTS = (
    update(block_runs)
    .where(
        block_runs.c.run_id == bindparam("run_id"),
        block_runs.c.status == BlockRunStatus.PENDING,
        block_runs.c.waiting_on == 0,
        any_of(block_runs.c.kind, (BlockRunKind.BLOCK, BlockRunKind.PIPELINE)),
    )
    .values(status=BlockRunStatus.READY, due_at=_now)
)
_MOST_HELD = 1_000_000
# Ids are ordered by creation, so the least id of a trigger is its oldest. Materialised, because SQLite would else
# follow the pipelines' index over every run there ever was in order to group these.
# In order and bounded, because by the statistics of a history that is all of one status it would rather read all of
# that than take the index, which has the order.
_held = (
    select(runs.c.id, runs.c.pipeline, runs.c.trigger_id)
    .where(run_held)
    .order_by(runs.c.created_at, runs.c.id)
    .limit(_MOST_HELD)
    .cte("held")
    .prefix_with("MATERIALIZED")
)
_oldest_held = select(func.min(_held.c.id)).group_by(_held.c.pipeline, _held.c.trigger_id)
_HELD = (
    select(*RUN)
    .where(run_held, runs.c.id.in_(_oldest_held))
    .order_by(runs.c.created_at, runs.c.id)
    .limit(bindparam("count"))
)
_LOCK_KEY = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))").bindparams(bindparam("key"))


@cache
def _change(times: tuple[str, ...], statuses: frozenset[RunStatus]) -> Update:
    values: dict[str, Any] = {"status": bindparam("new_status", type_=runs.c.status.type)}
    values |= {name: bindparam(f"new_{name}", type_=UtcTime()) for name in times}
    if "ended_at" in times:
        # A service level that was kept can no longer be missed; one that was not is still to be told.
        in_time = runs.c.sla_at > bindparam("new_ended_at", type_=UtcTime())
        values["sla_at"] = case((in_time, null()), else_=runs.c.sla_at)
    return update(runs).where(_of_run, any_of(runs.c.status, statuses)).values(values)


class RunSteps(Steps):
    """Pipeline runs."""

    def insert_run(self, run: Run) -> bool:
        """See the port."""
        return self._session.change(_INSERT, **field_values(run)) == 1

    def lock_run(self, run_id: str, *, skip_locked: bool = False) -> Run | None:
        """See the port. On SQLite a write transaction is alone anyway."""
        row = self._session.first(_LOCK_FREE if skip_locked else _LOCK, run_id=run_id)
        return None if row is None else Run(*row)

    def run(self, run_id: str) -> Run | None:
        """See the port."""
        row = self._session.first(_READ, run_id=run_id)
        return None if row is None else Run(*row)

    def change_run(
        self,
        run_id: str,
        from_statuses: Sequence[RunStatus],
        status: RunStatus,
        *,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
    ) -> bool:
        """See the port."""
        times = {name: at for name, at in (("started_at", started_at), ("ended_at", ended_at)) if at is not None}
        statement = _change(tuple(times), frozenset(from_statuses))
        values: dict[str, Any] = {f"new_{name}": at for name, at in times.items()}
        return self._session.change(
            statement, run_id=run_id, new_status=status, **values
        ) == 1  # fmt: skip

    def add_open_block_runs(self, run_id: str, change: int) -> int:
        """See the port."""
        row = self._session.first(_ADD_OPEN, run_id=run_id, change=change)
        if row is None:
            raise RunNotFound(f"no run {run_id!r}")
        return int(row[0])

    def request_cancel(self, run_id: str, now: datetime) -> bool:
        """See the port."""
        return self._session.change(_REQUEST_CANCEL, run_id=run_id, now=now) == 1

    def open_epoch(
        self,
        run_id: str,
        bundle: str,
        open_block_runs: int,
        now: datetime,
        *,
        block_run_limit: int | None = None,
    ) -> int:
        """See the port; RunNotFinished when the run has not ended, RunNotFound when there is none."""
        del now
        row = self._session.first(
            _OPEN_EPOCH,
            run_id=run_id,
            new_bundle=bundle,
            open_count=open_block_runs,
            new_limit=block_run_limit,
        )
        if row is not None:
            return int(row[0])
        if self.run(run_id) is None:
            raise RunNotFound(f"no run {run_id!r}")
        raise RunNotFinished(f"run {run_id!r} has not ended")

    def queued_unadmitted_runs(self, limit: int) -> Sequence[Run]:
        """See the port."""
        return [Run(*row) for row in self._session.rows(_HELD, count=limit)]

    def lock_limit(self, key: str) -> None:
        """See the port. A lock of the transaction, which a pooler allows; SQLite needs none."""
        if self._session.name == "postgresql":
            self._session.rows(_LOCK_KEY, key=key)

    def admit_run(self, run_id: str, now: datetime) -> int:
        """See the port."""
        if self._session.change(_ADMIT, run_id=run_id) == 0:
            return 0
        return self._session.change(_READY_ROOTS, run_id=run_id, now=now)
