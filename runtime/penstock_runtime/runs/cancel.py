"""Cancelling a run: what waits ends at once, what runs is stopped by the worker that owns it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.domain.errors import NotFound, RunFinished, RunNotFound
from penstock_runtime.domain.runs import RUN_ENDED, BlockRunKind, BlockRunStatus, Run
from penstock_runtime.ports.run_store import BlockRunChange, RunTransaction
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.advance import Advance
from penstock_runtime.runs.services import RunServices


def cancel_run(services: RunServices, run_id: str) -> Run:
    """Ask a run to end; idempotent while it is ending. RunNotFound; RunFinished when it has ended already."""
    now = services.clock.now()
    with services.store.transaction() as tx:
        run = tx.lock_run(run_id)
        if run is None:
            raise RunNotFound(f"no run {run_id!r}")
        if run.status in RUN_ENDED:
            raise RunFinished(f"run {run_id} has ended already: {run.status.value}")
        advance = begin_end(tx, services, run, now)
        ended = tx.run(run_id)
    services.tell_recorded(advance.told)
    services.wakeups.publish(Wakeup("cancel", run_id), Wakeup("run", run_id))
    return ended or run


def begin_end(tx: RunTransaction, services: RunServices, run: Run, now: datetime) -> Advance:
    """End what waits of a run that is locked, and ask for the end of what runs; its status follows from the rest."""
    tx.request_cancel(run.id, now)
    advance = Advance(tx, plan_or_none(services, run), replace(run, cancel_requested_at=now), now)
    advance.opened -= tx.end_waiting_block_runs(run.id, BlockRunStatus.CANCELLED, now)
    advance.opened -= _end_idle_groups(tx, run.id, now)
    advance.settle()
    return advance


def plan_or_none(services: RunServices, run: Run) -> PipelinePlan:
    """Return the run's plan, an empty one when its code is gone: a run can be cancelled whatever became of its code."""
    try:
        return services.plans.plan(run.bundle, run.pipeline)
    except NotFound:
        return PipelinePlan(run.pipeline, run.bundle, ())


def _end_idle_groups(tx: RunTransaction, run_id: str, now: datetime) -> int:
    """End groups whose instances have all ended by the cancel; a group with a running one ends with that."""
    ended = 0
    rows = tx.block_runs(run_id)
    groups = [row for row in rows if row.kind is BlockRunKind.BLOCK and row.open_instances > 0]
    for group in groups:
        open_now = sum(
            1
            for row in rows
            if row.kind is BlockRunKind.INSTANCE and row.block == group.block and row.status is BlockRunStatus.RUNNING
        )
        change = BlockRunChange(
            BlockRunStatus.RUNNING if open_now else BlockRunStatus.CANCELLED,
            open_instances=open_now,
            ended_at=None if open_now else now,
        )
        changed = tx.change_block_run(group.id, (BlockRunStatus.RUNNING,), change)
        ended += 1 if changed is not None and not open_now else 0
    return ended
