"""What becomes due by time alone: waits that are over, and runs that a limit held back."""

from __future__ import annotations

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.domain.runs import Run
from penstock_runtime.runs.abandon import abandon_run
from penstock_runtime.runs.create import Full, Group, limit_reached, rules_of
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

    The store gives the oldest held run of each trigger of each pipeline: what is full holds up no other.
    """
    admitted = 0
    full: set[tuple[str, str | None]] = set()
    full_pipelines: set[str] = set()
    while True:
        with services.store.transaction(read_only=True) as tx:
            waiting = [
                run
                for run in tx.queued_unadmitted_runs(BATCH)
                if run.pipeline not in full_pipelines and (run.pipeline, run.trigger_id) not in full
            ]
        if not waiting:
            return admitted
        for run in waiting:
            if run.pipeline in full_pipelines:
                continue
            reached = _admit(services, run)
            if reached is None:
                admitted += 1
                services.tell_run_changed(run.id, work=True)
            elif reached.of_pipeline:
                full_pipelines.add(run.pipeline)
            else:
                full.add((run.pipeline, run.trigger_id))


def _admit(services: RunServices, run: Run) -> Full | None:
    """Let a held run go, or return the limit that holds it."""
    try:
        plan = services.plans.plan(run.bundle, run.pipeline)
    except PenstockError as error:
        abandon_run(services, run.id, f"the run could not be admitted: {error}")
        return None
    now = services.clock.now()
    with services.store.transaction() as tx:
        rules = rules_of(tx, run)
        reached = limit_reached(tx, plan, Group(run.trigger_id, rules))
        if reached is None:
            tx.admit_run(run.id, now)
            if rules.timeout_seconds is not None:
                # Its time counts from here: waiting for others is not its own doing.
                tx.set_deadline(run.id, rules.deadline(now), rules.timeout_status.value)
    return reached
