"""The load as the scaler sees it, and what it decided from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select

from penstock_runtime.domain.scaling import ScalingDecision
from penstock_runtime.persistence.columns import UtcTime
from penstock_runtime.persistence.steps import Steps, field_values, insert_free, record_columns
from penstock_runtime.persistence.tables import (
    attempt_ended,
    attempt_running,
    attempts,
    block_run_ready,
    block_run_ready_limited,
    block_runs,
    runs,
    scaling_decisions,
)
from penstock_runtime.ports.scaling_decisions import LoadFigures

_DECISION = record_columns(scaling_decisions, ScalingDecision)
_RECORD = insert_free(scaling_decisions, _DECISION)
_NEWEST = (
    select(*_DECISION).order_by(scaling_decisions.c.at.desc(), scaling_decisions.c.id.desc()).limit(bindparam("count"))
)
_READY = select(func.count(), func.min(block_runs.c.due_at, type_=UtcTime())).where(block_run_ready)
_RUNNING = select(func.count()).select_from(attempts).where(attempt_running)
# Materialised for SQLite, as in `claims`: it would else follow the key of all block runs to group these.
_waiting = (
    select(block_runs.c.run_id, block_runs.c.due_at)
    .where(block_run_ready_limited)
    .cte("waiting")
    .prefix_with("MATERIALIZED")
)
_of_run = (
    select(_waiting.c.run_id, func.count().label("ready"), func.min(_waiting.c.due_at, type_=UtcTime()).label("due_at"))
    .group_by(_waiting.c.run_id)
    .subquery("of_run")
)
_running_of = (
    select(func.count())
    .select_from(attempts)
    .where(attempts.c.run_id == _of_run.c.run_id, attempt_running)
    .correlate(_of_run)
    .scalar_subquery()
)
_READY_LIMITED = select(_of_run.c.ready, _of_run.c.due_at, runs.c.block_run_limit - _running_of).join_from(
    _of_run, runs, runs.c.id == _of_run.c.run_id
)
_ENDED = (
    select(attempts.c.started_at, attempts.c.ended_at)
    .where(attempt_ended, attempts.c.ended_at >= bindparam("since", type_=UtcTime()))
    .order_by(attempts.c.ended_at.desc())
    .limit(bindparam("count"))
)


class ScalingSteps(Steps):
    """See ports.scaling_decisions."""

    def load_figures(self, since: datetime, most: int) -> LoadFigures:
        """See the port."""
        ready, oldest = self._session.rows(_READY)[0]
        waits = [oldest] if oldest is not None else []
        for waiting, due_at, room in self._session.rows(_READY_LIMITED):
            if room > 0:
                ready += min(waiting, room)
                waits.append(due_at)
        ended = self._session.rows(_ENDED, since=since, count=most)
        lasted = [(end - start).total_seconds() for start, end in ended]
        return LoadFigures(
            ready=ready,
            oldest_ready_at=min(waits, default=None),
            running=self._session.rows(_RUNNING)[0][0],
            ended=len(ended),
            since=ended[-1][1] if len(ended) == most else since,
            mean_seconds=sum(lasted) / len(lasted) if lasted else None,
        )

    def record_scaling(self, decision: ScalingDecision) -> None:
        """See the port."""
        self._session.change(_RECORD, **field_values(decision))

    def scaling_decisions(self, limit: int) -> Sequence[ScalingDecision]:
        """See the port."""
        return [ScalingDecision(*row) for row in self._session.rows(_NEWEST, count=limit)]
