"""What a worker does at each poll: bring what the store has as its own, and what it knows of, in line."""

from __future__ import annotations

from collections.abc import Mapping

from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.runs.finish import Ending, Finished, finish_attempt
from penstock_runtime.worker.parts import Active, WorkerParts


def write_processes(parts: WorkerParts, known: Mapping[str, Active]) -> None:
    """Record the process of each attempt that has one by now."""
    fresh = {
        attempt_id: (active.pid, str(active.external_id) if active.external_id else None)
        for attempt_id, active in known.items()
        if active.pid is not None and not active.pid_written
    }
    if not fresh:
        return
    with parts.services.store.transaction() as tx:
        tx.set_attempts_process(fresh)
    for attempt_id in fresh:
        known[attempt_id].pid_written = True


def give_back_unheard(parts: WorkerParts, known: Mapping[str, Active]) -> list[Finished]:
    """End the attempts that the store has as ours and that we do not know of.

    The answer to the commit of their claim was lost with its connection, so nothing of them was started.
    """
    owner, services = parts.membership.owner, parts.services
    with services.store.transaction(read_only=True) as tx:
        stored = tx.running_attempts_of(owner.member_id)
    done = []
    for attempt in stored:
        if attempt.id in known:
            continue
        outcome = AttemptOutcome(attempt.id, ExitReason.LOST, "its claim was not heard of")
        with services.store.transaction() as tx:
            one = finish_attempt(tx, services.plans, attempt, outcome, Ending(owner, services.clock.now()))
        if one is not None:
            done.append(one)
    return done


def disowned(parts: WorkerParts, known: Mapping[str, Active]) -> list[Active]:
    """Return attempts that run here and that the store has as ended, those already told to stop left out."""
    if not known:
        return []
    with parts.services.store.transaction(read_only=True) as tx:
        stored = {attempt.id for attempt in tx.running_attempts_of(parts.membership.owner.member_id)}
    return [
        active
        for attempt_id, active in known.items()
        if attempt_id not in stored and not active.cancelled and active.outcome is None
    ]
