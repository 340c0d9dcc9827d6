"""Ending a run that cannot be advanced: its code is gone, or a rule of ours broke on it. The others go on."""

from __future__ import annotations

from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.domain.runs import BLOCK_RUN_ENDED, AttemptStatus, BlockRunStatus, ExitReason, Run, RunStatus
from penstock_runtime.ports.run_store import AttemptEnd, BlockRunChange
from penstock_runtime.runs.occasions import record_ending
from penstock_runtime.runs.services import RunServices


def abandon_run(services: RunServices, run_id: str, reason: str) -> None:
    """End every block run and attempt of the run, and the run as failed, with the reason shown on each."""
    now = services.clock.now()
    error = {"type": "run_abandoned", "message": reason}
    told = 0
    with services.store.transaction() as tx:
        run = tx.lock_run(run_id)
        if run is None:
            return
        for attempt in tx.attempts(run_id):
            if attempt.status is AttemptStatus.RUNNING:
                end = AttemptEnd(AttemptStatus.FAILED, now, ExitReason.ERROR, error=error)
                tx.end_attempt(attempt.id, attempt.member_id, attempt.term, end)
        open_rows = [row for row in tx.block_runs(run_id) if row.status not in BLOCK_RUN_ENDED]
        for row in open_rows:
            change = BlockRunChange(BlockRunStatus.FAILED, ended_at=now, error=error)
            tx.change_block_run(row.id, (row.status,), change)
        # The run is locked, so this brings the count to 0 whatever broke it.
        tx.add_open_block_runs(run_id, -run.open_block_runs)
        if tx.change_run(run_id, (RunStatus.QUEUED, RunStatus.RUNNING), RunStatus.FAILED, ended_at=now):
            told = record_ending(tx, _plan(services, run), run, RunStatus.FAILED, now)
    services.tell_run_changed(run_id)
    services.tell_recorded(told)


def _plan(services: RunServices, run: Run) -> PipelinePlan:
    """Return the run's plan; one that tells nobody when it cannot be read: that is often why the run is abandoned."""
    try:
        return services.plans.plan(run.bundle, run.pipeline)
    except Exception:  # noqa: BLE001 - whatever is wrong with its code, the run has to end
        return PipelinePlan(run.pipeline, run.bundle, ())
