"""Repairing what a dead or frozen member left behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from penstock_runtime.domain.errors import StoreContention, StoreUnavailable
from penstock_runtime.domain.runs import Attempt, ExitReason
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.runs.abandon import abandon_run
from penstock_runtime.runs.finish import Ending, Finished, finish_attempt
from penstock_runtime.runs.services import RunServices

BATCH = 200


def end_expired_members(services: RunServices, grace_seconds: float = 0.0) -> Sequence[str]:
    """End members whose lease, and a grace after it, have passed; their ids.

    From then on they claim nothing and their words are refused. The grace is what a member that lives needs to notice
    that its lease is over and to end its processes, so that no successor starts beside them (I4).
    """
    until = services.clock.now() - timedelta(seconds=grace_seconds)
    with services.store.transaction() as tx:
        return [member.id for member in tx.end_expired_members(until)]


def rescue_lost_attempts(services: RunServices) -> Sequence[Finished]:
    """Declare the running attempts of ended members lost, each in its own transaction; what came of them.

    Idempotent, and safe to race: the fence lets one rescuer through. A run that cannot be advanced is abandoned, and
    the others are rescued.
    """
    with services.store.transaction(read_only=True) as tx:
        lost = tx.attempts_of_ended_members(BATCH)
    done = []
    for attempt in lost:
        try:
            one = _rescue(services, attempt)
        except (StoreUnavailable, StoreContention):
            raise
        except Exception as error:  # noqa: BLE001 - see below
            # One run's trouble, whatever it is, must not keep the others from their rescue (I8).
            abandon_run(services, attempt.run_id, f"the run could not be advanced: {error}")
            continue
        if one is not None:
            done.append(one)
            services.tell_run_changed(one.run_id, work=True)
            services.tell_recorded(one.told)
    return done


def _rescue(services: RunServices, attempt: Attempt) -> Finished | None:
    text = f"the scheduler on {attempt.host or 'its host'} that ran it is gone"
    outcome = AttemptOutcome(attempt.id, ExitReason.LOST, text)
    with services.store.transaction() as tx:
        return finish_attempt(tx, services.plans, attempt, outcome, Ending(None, services.clock.now()))
