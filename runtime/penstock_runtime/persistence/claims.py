"""Claiming ready block runs.

A claim never waits for another: rows that someone holds are passed over, both block runs and the queued runs that
would have to be started. So it can take its locks in another order than the port asks of everyone else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, literal_column, select, text, update
from sqlalchemy.dialects import postgresql

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
_LIMITED_RUNS = (
    select(block_runs.c.run_id)
    .where(block_run_ready_limited)
    .group_by(block_runs.c.run_id)
    .order_by(func.min(block_runs.c.due_at), block_runs.c.run_id)
    .limit(bindparam("count"))
)
_queued = select(runs.c.id).where(among(runs.c.id, "run_ids"), runs.c.status == literal_column("'queued'"))
_START_RUNS = (
    update(runs)
    .where(runs.c.id.in_(_queued.with_for_update(key_share=True, skip_locked=True)))
    .values(status=RunStatus.RUNNING, started_at=func.coalesce(runs.c.started_at, _now))
    .returning(runs.c.id)
)
_RUN_BLOCKS = (
    update(block_runs)
    .where(among(block_runs.c.id, "block_run_ids"))
    .values(
        status=BlockRunStatus.RUNNING,
        attempts=block_runs.c.attempts + 1,
        due_at=None,
        started_at=_now,
        first_started_at=func.coalesce(block_runs.c.first_started_at, _now),
    )
)
_INSERT_ATTEMPT = postgresql.insert(attempts).values(parameters(ATTEMPT))
# The same two on Postgres in one statement.
_RUN_AND_INSERT = text(
    """
    WITH claimed AS (
      UPDATE block_runs SET status = 'running', attempts = attempts + 1, due_at = NULL, started_at = :now,
             first_started_at = coalesce(first_started_at, :now)
      FROM unnest(:block_run_ids, :attempt_ids) AS taken(block_run_id, attempt_id)
      WHERE id = taken.block_run_id
      RETURNING taken.attempt_id, run_id, id, block, map_index, attempts, epoch)
    INSERT INTO attempts (id, run_id, block_run_id, block, map_index, number, epoch, status, executor, member_id,
                          term, started_at, host)
    SELECT attempt_id, run_id, id, block, map_index, attempts, epoch, 'running', CAST(:executor AS text),
           CAST(:member_id AS text), CAST(:term AS bigint), :now, CAST(:host AS text)
    FROM claimed
    """
).bindparams(
    bindparam("now", type_=UtcTime()),
    bindparam("block_run_ids", type_=TextList()),
    bindparam("attempt_ids", type_=TextList()),
)

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
        count = min(limit, len(attempt_ids))
        if count <= 0:
            return []
        rows = self._session.rows(_READY, member_id=member_id, term=term, count=count)
        owner = _Owner(member_id, term, host, executor)
        return self._take(rows, owner, now, attempt_ids) if rows else []

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
        count = min(limit, len(attempt_ids))
        if run.block_run_limit is not None:
            count = min(count, run.block_run_limit - int(self._session.rows(_RUNNING_OF_RUN, run_id=run.id)[0][0]))
        if count <= 0:
            return []
        rows = self._session.rows(_READY_OF, run_id=run.id, member_id=member_id, term=term, count=count)
        owner = _Owner(member_id, term, host, executor)
        return self._take(rows, owner, now, attempt_ids) if rows else []

    def _take(self, rows: Sequence[Row], owner: _Owner, now: datetime, attempt_ids: Sequence[str]) -> Sequence[Claim]:
        queued = {row[0] for row in rows if row[_RUN_STATUS] is RunStatus.QUEUED}
        if queued:
            started = self._session.rows(_START_RUNS, run_ids=sorted(queued), now=now)
            passed_over = queued - {row[0] for row in started}
            rows = [row for row in rows if row[0] not in passed_over]
        claims = [owner.claim(row, attempt_id, now) for row, attempt_id in zip(rows, attempt_ids, strict=False)]
        if claims:
            self._write(claims, owner, now)
        return claims

    def _write(self, claims: Sequence[Claim], owner: _Owner, now: datetime) -> None:
        block_run_ids = [block_run.id for _, block_run, _ in claims]
        if self._session.name == "postgresql":
            self._session.change(
                _RUN_AND_INSERT,
                now=now,
                block_run_ids=block_run_ids,
                attempt_ids=[attempt.id for _, _, attempt in claims],
                executor=owner.executor,
                member_id=owner.member_id,
                term=owner.term,
                host=owner.host,
            )
            return
        self._session.change(_RUN_BLOCKS, block_run_ids=block_run_ids, now=now)
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
        block[_STATUS] = BlockRunStatus.RUNNING
        block[_ATTEMPTS] += 1
        block[_DUE] = None
        block[_STARTED] = now
        block[_FIRST] = block[_FIRST] or now
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
            started_at=now,
            host=self.host,
        )
        return Run(*run), block_run, attempt
