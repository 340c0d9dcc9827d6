"""Repairing what a dead or frozen member left behind."""

from __future__ import annotations

from collections.abc import Sequence

from penstock_runtime.domain.runs import Attempt, ExitReason
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.runs.finish import Ending, Finished, finish_attempt
from penstock_runtime.runs.services import RunServices

BATCH = 200


def end_expired_members(services: RunServices) -> Sequence[str]:
    """End members whose lease has passed; their ids. From then on they claim nothing and their words are refused."""
    with services.store.transaction() as tx:
        return [member.id for member in tx.end_expired_members(services.clock.now())]


def rescue_lost_attempts(services: RunServices) -> Sequence[Finished]:
    """Declare the running attempts of ended members lost, each in its own transaction; what came of them.

    Idempotent, and safe to race: the fence lets one rescuer through. Callers make sure first that the attempts'
    processes are gone, or that the lease and the grace have passed (I4).
    """
    with services.store.transaction(read_only=True) as tx:
        lost = tx.attempts_of_ended_members(BATCH)
    rescued = [_rescue(services, attempt) for attempt in lost]
    done = [one for one in rescued if one is not None]
    for one in done:
        services.tell_run_changed(one.run_id, work=True)
    return done


def _rescue(services: RunServices, attempt: Attempt) -> Finished | None:
    text = f"the scheduler on {attempt.host or 'its host'} that ran it is gone"
    outcome = AttemptOutcome(attempt.id, ExitReason.LOST, text)
    with services.store.transaction() as tx:
        return finish_attempt(tx, services.plans, attempt, outcome, Ending(None, services.clock.now()))
