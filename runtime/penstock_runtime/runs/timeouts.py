"""Runs whose time is over: their deadline has come, or they should have ended by now."""

from __future__ import annotations

from dataclasses import replace

from penstock_runtime.domain.notices import RunEvent
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.cancel import begin_end, plan_or_none
from penstock_runtime.runs.occasions import record_occasion
from penstock_runtime.runs.services import RunServices

BATCH = 100


def end_overdue_runs(services: RunServices) -> int:
    """End runs whose deadline has come, as their `timeout_status`; how many.

    What waits ends at once; what runs is stopped by the worker that owns it, as a cancel stops it.
    """
    with services.store.transaction(read_only=True) as tx:
        overdue = tx.overdue_runs(services.clock.now(), BATCH)
    return sum(_end(services, run_id) for run_id in overdue)


def _end(services: RunServices, run_id: str) -> bool:
    now = services.clock.now()
    with services.store.transaction() as tx:
        run = tx.lock_run(run_id, skip_locked=True)
        # Locked: another scheduler ends it just now, or it advances, and the next pass looks again.
        if run is None or run.deadline_at is None or run.deadline_at > now or not tx.note_timeout(run_id, now):
            return False
        advance = begin_end(tx, services, replace(run, timed_out_at=now, deadline_at=None), now)
    services.tell_recorded(advance.told)
    services.wakeups.publish(Wakeup("cancel", run_id), Wakeup("run", run_id))
    return True


def tell_missed_service_levels(services: RunServices) -> int:
    """Note runs that have missed their service level, and record it for those who are to be told; how many runs."""
    now = services.clock.now()
    told = 0
    with services.store.transaction() as tx:
        late = tx.broken_promises(now, BATCH)
        for run in late:
            tx.note_sla(run.id, run.sla_at)
            late_run = replace(run, sla_missed_at=run.sla_at, sla_at=None)
            told += record_occasion(tx, plan_or_none(services, run), late_run, RunEvent.SLA_MISSED, now)
    for run in late:
        services.tell_run_changed(run.id)
    services.tell_recorded(told)
    return len(late)
