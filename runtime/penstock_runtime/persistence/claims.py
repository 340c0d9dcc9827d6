"""Claiming ready block runs.

A claim never waits for another: rows that someone holds are passed over, both block runs and the queued runs that
would have to be started. So it can take its locks in another order than the port asks of everyone else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import ColumnElement, Grouping

from penstock_runtime.domain.runs import (
    Attempt,
    AttemptStatus,
    BlockRun,
    BlockRunStatus,
    Run,
    RunStatus,
)
from penstock_runtime.persistence.columns import TextList, UtcTime, among
from penstock_runtime.persistence.statements import Row
from penstock_runtime.persistence.steps import ATTEMPT, BLOCK_RUN, RUN, Steps, field_values, parameters
from penstock_runtime.persistence.tables import (
    attempt_running,
    attempts,
    block_run_ready,
    block_run_ready_limited,
    block_runs,
    members,
    runs,
)

_now = bindparam("now", type_=UtcTime())
_member_works = exists().where(
    members.c.id == bindparam("member_id"), members.c.term == bindparam("term"), members.c.ended_at.is_(None)
)


def _not_before(ready_at: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the claim's time, or when the row became ready if that is later.

    A claim has the time of its transaction's beginning, and another may have made the row ready since: an attempt must
    not be dated before the end of the one that it follows.
    """
    return case((ready_at > _now, ready_at), else_=_now)


def _candidates(*where: Any) -> Select[Any]:
    return (
        select(*RUN, *BLOCK_RUN)
        .join_from(block_runs, runs, runs.c.id == block_runs.c.run_id)
        .where(*where, runs.c.admitted, _member_works)
        .order_by(block_runs.c.due_at, block_runs.c.id)
        .limit(bindparam("count"))
        .with_for_update(of=block_runs, key_share=True, skip_locked=True)
    )


_READY = _candidates(block_run_ready)
_READY_OF = _candidates(block_runs.c.run_id == bindparam("run_id"), block_runs.c.status == literal_column("'ready'"))
_RUNNING_OF_RUN = (
    select(func.count()).select_from(attempts).where(attempts.c.run_id == bindparam("run_id"), attempt_running)
)
# Materialised, because SQLite would else follow the key of all block runs in order to group these by run.
_waiting = (
    select(block_runs.c.run_id, block_runs.c.due_at)
    .where(block_run_ready_limited)
    .cte("waiting")
    .prefix_with("MATERIALIZED")
)
_running_of = (
    select(func.count())
    .select_from(attempts)
    .where(attempts.c.run_id == _waiting.c.run_id, attempt_running)
    .correlate(_waiting)
    .scalar_subquery()
)
_LIMITED_RUNS = (
    select(_waiting.c.run_id)
    .join_from(_waiting, runs, runs.c.id == _waiting.c.run_id)
    .group_by(_waiting.c.run_id, runs.c.block_run_limit)
    # Those at their limit would stand in front of others that could go on.
    .having(runs.c.block_run_limit > _running_of)
    .order_by(func.min(_waiting.c.due_at), _waiting.c.run_id)
    .limit(bindparam("count"))
)
_START_RUNS = (
    update(runs)
    .where(among(runs.c.id, "run_ids"))
    .values(status=RunStatus.RUNNING, started_at=func.coalesce(runs.c.started_at, _now))
)
_RUN_BLOCKS = (
    update(block_runs)
    .where(among(block_runs.c.id, "block_run_ids"))
    .values(
        status=BlockRunStatus.RUNNING,
        attempts=block_runs.c.attempts + 1,
        due_at=None,
        started_at=_not_before(block_runs.c.due_at),
        first_started_at=func.coalesce(block_runs.c.first_started_at, _not_before(block_runs.c.due_at)),
    )
)
_INSERT_ATTEMPT = postgresql.insert(attempts).values(parameters(ATTEMPT))


def _in_one(candidates: Select[Any]) -> Select[Any]:
    """Return Postgres' claim: candidates, the start of their runs, their new state and attempts in one statement.

    It gives back the candidates that were taken, in order; each has its attempt id by its place in `attempt_ids`.
    """
    named = [column.label(f"run_{column.name}") for column in RUN]
    named += [column.label(f"block_{column.name}") for column in BLOCK_RUN]
    found = candidates.with_only_columns(*named, maintain_column_froms=True).cte("found")
    waiting = select(found.c.run_id).where(found.c.run_status == literal_column("'queued'"))
    free = select(runs.c.id).where(runs.c.id.in_(waiting), runs.c.status == literal_column("'queued'"))
    started = (
        update(runs)
        .where(runs.c.id.in_(free.with_for_update(key_share=True, skip_locked=True)))
        .values(status=literal_column("'running'"), started_at=func.coalesce(runs.c.started_at, _now))
        .returning(runs.c.id)
        .cte("started")
    )
    place = func.row_number().over(order_by=(found.c.block_due_at, found.c.block_id)).label("place")
    taken = (
        select(*found.c, place)
        .where(or_(found.c.run_status == literal_column("'running'"), found.c.run_id.in_(select(started.c.id))))
        .cte("taken")
    )
    moved = (
        update(block_runs)
        .where(block_runs.c.id == taken.c.block_id)
        .values(
            status=literal_column("'running'"),
            attempts=block_runs.c.attempts + 1,
            due_at=None,
            started_at=_not_before(block_runs.c.due_at),
            first_started_at=func.coalesce(block_runs.c.first_started_at, _not_before(block_runs.c.due_at)),
        )
        .cte("moved")
    )
    attempt_ids = Grouping(cast(bindparam("attempt_ids", type_=TextList()), ARRAY(Text)))
    made = {
        "id": attempt_ids[cast(taken.c.place, Integer)],
        "run_id": taken.c.run_id,
        "block_run_id": taken.c.block_id,
        "block": taken.c.block_block,
        "map_index": taken.c.block_map_index,
        "number": taken.c.block_attempts + 1,
        "epoch": taken.c.block_epoch,
        "status": literal_column("'running'"),
        "executor": bindparam("executor", type_=attempts.c.executor.type),
        "member_id": bindparam("member_id", type_=attempts.c.member_id.type),
        "term": bindparam("term", type_=attempts.c.term.type),
        "started_at": _not_before(taken.c.block_due_at),
        "host": bindparam("host", type_=attempts.c.host.type),
    }
    inserted = postgresql.insert(attempts).from_select(list(made), select(*made.values())).cte("inserted")
    return select(*(taken.c[column.name] for column in found.c)).order_by(taken.c.place).add_cte(moved, inserted)


_CLAIM = _in_one(_READY)
_CLAIM_OF = _in_one(_READY_OF)

_RUN_FIELDS = [field.name for field in fields(Run)]
_RUN_STATUS, _RUN_STARTED = _RUN_FIELDS.index("status"), _RUN_FIELDS.index("started_at")
_BLOCK_FIELDS = [field.name for field in fields(BlockRun)]
_STATUS, _ATTEMPTS, _DUE, _STARTED, _FIRST = (
    _BLOCK_FIELDS.index(name) for name in ("status", "attempts", "due_at", "started_at", "first_started_at")
)

Claim = tuple[Run, BlockRun, Attempt]


class ClaimSteps(Steps):
    """Claims."""

    def claim_ready(  # noqa: PLR0913 - the port's
        self,
        member_id: str,
        term: int,
        limit: int,
        now: datetime,
        *,
        host: str,
        attempt_ids: Sequence[str],
        executor: str = "",
    ) -> Sequence[Claim]:
        """See the port."""
        owner = _Owner(member_id, term, host, executor)
        return self._claim((_CLAIM, _READY), owner, now, attempt_ids[: max(limit, 0)])

    def limited_runs_with_ready(self, limit: int) -> Sequence[str]:
        """See the port."""
        return [row[0] for row in self._session.rows(_LIMITED_RUNS, count=limit)]

    def claim_ready_of(  # noqa: PLR0913 - the port's
        self,
        run: Run,
        member_id: str,
        term: int,
        limit: int,
        now: datetime,
        *,
        host: str,
        attempt_ids: Sequence[str],
        executor: str = "",
    ) -> Sequence[Claim]:
        """See the port."""
        count = max(limit, 0)
        if run.block_run_limit is not None:
            running = int(self._session.rows(_RUNNING_OF_RUN, run_id=run.id)[0][0])
            count = min(count, max(run.block_run_limit - running, 0))
        owner = _Owner(member_id, term, host, executor)
        return self._claim((_CLAIM_OF, _READY_OF), owner, now, attempt_ids[:count], run_id=run.id)

    def _claim(
        self,
        statements: tuple[Select[Any], Select[Any]],
        owner: _Owner,
        now: datetime,
        attempt_ids: Sequence[str],
        **narrowed: str,
    ) -> Sequence[Claim]:
        """Run the first of the statements, which does it all, on Postgres; the second and then each step on SQLite."""
        if not attempt_ids:
            return []
        in_one, candidates = statements
        asked = {"member_id": owner.member_id, "term": owner.term, "count": len(attempt_ids), **narrowed}
        if self._session.name == "postgresql":
            given = {"now": now, "attempt_ids": attempt_ids, "executor": owner.executor, "host": owner.host}
            rows = self._session.rows(in_one, **asked, **given)
            return [owner.claim(row, id_, now) for row, id_ in zip(rows, attempt_ids, strict=False)]
        rows = self._session.rows(candidates, **asked)
        claims = [owner.claim(row, id_, now) for row, id_ in zip(rows, attempt_ids, strict=False)]
        if claims:
            self._write(claims, {row[0] for row in rows if row[_RUN_STATUS] is RunStatus.QUEUED}, now)
        return claims

    def _write(self, claims: Sequence[Claim], queued: set[str], now: datetime) -> None:
        if queued:
            self._session.change(_START_RUNS, run_ids=sorted(queued), now=now)
        self._session.change(_RUN_BLOCKS, block_run_ids=[row.id for _, row, _ in claims], now=now)
        self._session.change_many(_INSERT_ATTEMPT, [field_values(attempt) for _, _, attempt in claims])


class _Owner:
    """Who claims, and the records a claim makes: the rows are locked, so what they become is known without asking."""

    __slots__ = ("executor", "host", "member_id", "term")

    def __init__(self, member_id: str, term: int, host: str, executor: str) -> None:
        self.member_id = member_id
        self.term = term
        self.host = host
        self.executor = executor

    def claim(self, row: Row, attempt_id: str, now: datetime) -> Claim:
        run, block = list(row[: len(_RUN_FIELDS)]), list(row[len(_RUN_FIELDS) :])
        run[_RUN_STATUS] = RunStatus.RUNNING
        run[_RUN_STARTED] = run[_RUN_STARTED] or now
        at = max(now, block[_DUE] or now)
        block[_STATUS] = BlockRunStatus.RUNNING
        block[_ATTEMPTS] += 1
        block[_DUE] = None
        block[_STARTED] = at
        block[_FIRST] = block[_FIRST] or at
        block_run = BlockRun(*block)
        attempt = Attempt(
            id=attempt_id,
            run_id=block_run.run_id,
            block_run_id=block_run.id,
            block=block_run.block,
            map_index=block_run.map_index,
            number=block_run.attempts,
            epoch=block_run.epoch,
            status=AttemptStatus.RUNNING,
            executor=self.executor,
            member_id=self.member_id,
            term=self.term,
            started_at=at,
            host=self.host,
        )
        return Run(*run), block_run, attempt
