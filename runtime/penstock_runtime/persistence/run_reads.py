"""Reading: lists of runs, the block runs and attempts of one, outputs, counts and totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, literal_column, select, tuple_

from penstock_runtime.domain.runs import UNMAPPED, Attempt, BlockRun, BlockRunKind, BlockRunStatus, Run, RunStatus
from penstock_runtime.persistence.columns import UtcTime, among
from penstock_runtime.persistence.cursors import read_cursor, write_cursor
from penstock_runtime.persistence.steps import ATTEMPT, BLOCK_RUN, RUN, Steps, any_of
from penstock_runtime.persistence.tables import (
    attempt_running,
    attempts,
    block_runs,
    run_unfinished,
    runs,
)
from penstock_runtime.ports.run_store import Page, RunFilter

_RUN_OF_TICK = select(*RUN).where(
    runs.c.trigger_id == bindparam("trigger_id"), runs.c.logical_at == bindparam("tick", type_=UtcTime())
)
_b = block_runs.c
_of_run = _b.run_id == bindparam("run_id")
_BLOCK_RUNS = select(*BLOCK_RUN).where(_of_run).order_by(_b.id)
_BLOCK_RUN = select(*BLOCK_RUN).where(
    _of_run, _b.block == bindparam("of_block"), _b.map_index == bindparam("index"), _b.callback_key == ""
)
_BLOCK_RUN_BY_ID = select(*BLOCK_RUN).where(_b.id == bindparam("block_run_id"))
_INSTANCES = (
    select(*BLOCK_RUN)
    .where(_of_run, _b.block == bindparam("of_block"), _b.callback_key == "", _b.map_index > UNMAPPED)
    .order_by(_b.map_index)
)
_OUTPUTS = select(_b.block, _b.map_index, _b.outputs).where(
    _of_run,
    among(_b.block, "blocks"),
    _b.callback_key == "",
    _b.status == BlockRunStatus.SUCCEEDED,
    _b.outputs.is_not(None),
)
_ATTEMPT = select(*ATTEMPT).where(attempts.c.id == bindparam("attempt_id"))
_COUNTS = (
    select(_b.run_id, _b.status, func.count())
    .where(among(_b.run_id, "run_ids"), _b.kind == BlockRunKind.BLOCK)
    .group_by(_b.run_id, _b.status)
)


def _count(table: Any, where: Any) -> Any:
    return select(func.count()).select_from(table).where(where).scalar_subquery()


_ready = _b.status == literal_column("'ready'")
_TOTALS = select(
    _count(runs, runs.c.status == literal_column("'queued'")),
    _count(runs, runs.c.status == literal_column("'running'")),
    # Once for each of the two partial indexes of ready rows.
    _count(block_runs, _ready & ~_b.limited),
    _count(block_runs, _ready & _b.limited),
    _count(attempts, attempt_running),
    select(func.min(_b.due_at, type_=UtcTime())).where(_ready, ~_b.limited).scalar_subquery(),
    select(func.min(_b.due_at, type_=UtcTime())).where(_ready, _b.limited).scalar_subquery(),
)


@cache
def _attempts(*, block: bool, index: bool) -> Select[Any]:
    statement = select(*ATTEMPT).where(attempts.c.run_id == bindparam("run_id"))
    if block:
        statement = statement.where(attempts.c.block == bindparam("of_block"))
    if index:
        statement = statement.where(attempts.c.map_index == bindparam("index"))
    return statement.order_by(attempts.c.started_at, attempts.c.id)


@cache
def _runs(given: frozenset[str], statuses: tuple[RunStatus, ...]) -> Select[Any]:
    """Return the list statement of a filter's shape. Statuses are literal: an index for some of them can serve then."""
    c = runs.c
    conditions = {
        "pipeline": c.pipeline == bindparam("pipeline"),
        "trigger_id": c.trigger_id == bindparam("trigger_id"),
        "from_": c.created_at >= bindparam("from_", type_=UtcTime()),
        "to": c.created_at < bindparam("to", type_=UtcTime()),
        "after": tuple_(c.created_at, c.id) < tuple_(bindparam("after_at", type_=UtcTime()), bindparam("after_id")),
    }
    statement = select(*RUN).where(*(condition for name, condition in conditions.items() if name in given))
    if statuses:
        statement = statement.where(any_of(c.status, statuses))
    if statuses and set(statuses) <= {RunStatus.QUEUED, RunStatus.RUNNING}:
        statement = statement.where(run_unfinished)
    return statement.order_by(c.created_at.desc(), c.id.desc()).limit(bindparam("count"))


class ReadSteps(Steps):
    """What people and the engine read."""

    def run_of_tick(self, trigger_id: str, logical_at: datetime) -> Run | None:
        """See the port."""
        row = self._session.first(_RUN_OF_TICK, trigger_id=trigger_id, tick=logical_at)
        return None if row is None else Run(*row)

    def runs(self, where: RunFilter, limit: int, cursor: str | None = None) -> Page[Run]:
        """See the port; InvalidInput for a cursor that is not one of ours."""
        values: dict[str, Any] = {
            name: value for name in ("pipeline", "trigger_id", "from_", "to")
            if (value := getattr(where, name)) is not None
        }  # fmt: skip
        given = set(values)
        if cursor is not None:
            given.add("after")
            values["after_at"], values["after_id"] = read_cursor(cursor)
        statement = _runs(frozenset(given), tuple(sorted(set(where.statuses))))
        rows = self._session.rows(statement, count=limit + 1, **values)
        items = [Run(*row) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(items, write_cursor(items[-1].created_at, items[-1].id) if more and items else None)

    def block_runs(self, run_id: str) -> Sequence[BlockRun]:
        """See the port. Ids are ordered by creation."""
        return [BlockRun(*row) for row in self._session.rows(_BLOCK_RUNS, run_id=run_id)]

    def block_run(self, run_id: str, block: str, map_index: int = UNMAPPED) -> BlockRun | None:
        """See the port."""
        row = self._session.first(_BLOCK_RUN, run_id=run_id, of_block=block, index=map_index)
        return None if row is None else BlockRun(*row)

    def block_run_by_id(self, block_run_id: str) -> BlockRun | None:
        """See the port."""
        row = self._session.first(_BLOCK_RUN_BY_ID, block_run_id=block_run_id)
        return None if row is None else BlockRun(*row)

    def instances(self, run_id: str, block: str) -> Sequence[BlockRun]:
        """See the port."""
        return [BlockRun(*row) for row in self._session.rows(_INSTANCES, run_id=run_id, of_block=block)]

    def outputs(self, run_id: str, blocks: Sequence[str]) -> Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]:
        """See the port."""
        if not blocks:
            return {}
        return {(row[0], row[1]): row[2] for row in self._session.rows(_OUTPUTS, run_id=run_id, blocks=blocks)}

    def attempts(self, run_id: str, block: str | None = None, map_index: int | None = None) -> Sequence[Attempt]:
        """See the port."""
        statement = _attempts(block=block is not None, index=map_index is not None)
        values: dict[str, Any] = {"run_id": run_id}
        if block is not None:
            values["of_block"] = block
        if map_index is not None:
            values["index"] = map_index
        return [Attempt(*row) for row in self._session.rows(statement, **values)]

    def attempt(self, attempt_id: str) -> Attempt | None:
        """See the port."""
        row = self._session.first(_ATTEMPT, attempt_id=attempt_id)
        return None if row is None else Attempt(*row)

    def status_counts(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[BlockRunStatus, int]]:
        """See the port."""
        found: dict[str, dict[BlockRunStatus, int]] = {run_id: {} for run_id in run_ids}
        if run_ids:
            for run_id, status, number in self._session.rows(_COUNTS, run_ids=run_ids):
                found[run_id][status] = number
        return found

    def totals(self, now: datetime) -> Mapping[str, float]:
        """See the port."""
        queued, running, ready, limited, trying, *oldest = self._session.rows(_TOTALS)[0]
        ages = [(now - at).total_seconds() for at in oldest if at is not None]
        return {
            "runs_queued": queued,
            "runs_running": running,
            "block_runs_ready": ready + limited,
            "attempts_running": trying,
            "oldest_ready_age_seconds": max(0.0, max(ages, default=0.0)),
        }
