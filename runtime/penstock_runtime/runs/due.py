"""What becomes due by time alone: waits that are over, and runs that a limit held back."""

from __future__ import annotations

from penstock_runtime.runs.services import RunServices

BATCH = 500


def make_due_ready(services: RunServices) -> int:
    """Make block runs whose retry or deferral is over ready; how many."""
    with services.store.transaction() as tx:
        due = tx.make_due_ready(services.clock.now(), BATCH)
    for run_id in {run_id for run_id, _ in due}:
        services.tell_run_changed(run_id, work=True)
    return len(due)


def admit_waiting_runs(services: RunServices) -> int:
    """Let held runs go, oldest first, as far as their pipelines' limits allow; how many."""
    admitted = 0
    with services.store.transaction(read_only=True) as tx:
        waiting = tx.queued_unadmitted_runs(BATCH)
    for run in waiting:
        plan = services.plans.plan(run.bundle, run.pipeline)
        with services.store.transaction() as tx:
            tx.lock_limit(f"pipeline:{run.pipeline}")
            if plan.run_limit is not None and tx.running_runs_of(run.pipeline) >= plan.run_limit:
                continue
            tx.admit_run(run.id, services.clock.now())
        admitted += 1
        services.tell_run_changed(run.id, work=True)
    return admitted
