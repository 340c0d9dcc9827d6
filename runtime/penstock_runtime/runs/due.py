"""What becomes due by time alone: waits that are over, and runs that a limit held back."""

from __future__ import annotations

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.domain.runs import Run
from penstock_runtime.runs.abandon import abandon_run
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
    """Let held runs go, oldest first, as far as their pipelines' limits allow; how many.

    The store gives the oldest held run of each pipeline, so a pipeline that is full holds up no other.
    """
    admitted = 0
    full: set[str] = set()
    while True:
        with services.store.transaction(read_only=True) as tx:
            waiting = [run for run in tx.queued_unadmitted_runs(BATCH) if run.pipeline not in full]
        if not waiting:
            return admitted
        for run in waiting:
            if _admit(services, run):
                admitted += 1
                services.tell_run_changed(run.id, work=True)
            else:
                full.add(run.pipeline)


def _admit(services: RunServices, run: Run) -> bool:
    try:
        limit = services.plans.plan(run.bundle, run.pipeline).run_limit
    except PenstockError as error:
        abandon_run(services, run.id, f"the run could not be admitted: {error}")
        return True
    with services.store.transaction() as tx:
        tx.lock_limit(f"pipeline:{run.pipeline}")
        if limit is not None and tx.running_runs_of(run.pipeline) >= limit:
            return False
        tx.admit_run(run.id, services.clock.now())
        return True
