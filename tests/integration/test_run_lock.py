"""A run advances in one transaction at a time: what a cancel and an ending do to it, they do one after the other."""

from __future__ import annotations

import threading

import pytest

from penstock_runtime.domain.blocks import RetryPolicy
from penstock_runtime.domain.runs import BlockRunStatus, ExitReason, RunStatus
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.runs.cancel import cancel_run
from penstock_runtime.runs.finish import Ending, finish_attempt
from support.clocks import FakeClock
from support.engine_rig import Rig, plan_of
from support.waiting import stays_so


@pytest.fixture
def rig(postgres_url):
    store = SqlRunStore.open(DatabaseOptions(postgres_url))
    yield Rig(store, FakeClock())
    store.close()


def test_a_cancel_waits_for_an_ending_and_ends_what_it_left(rig):
    """Otherwise the block would wait for its retry in a run that is being cancelled, and nobody would tell it."""
    rig.add(plan_of({"a": [], "b": ["a"]}, blocks={"a": {"retry": RetryPolicy(retries=3, delay_seconds=600)}}))
    run = rig.create()
    (claimed,) = rig.claim()
    cancelling = threading.Thread(target=cancel_run, args=(rig.services, run.id))
    with rig.store.transaction() as tx:
        outcome = AttemptOutcome(claimed.attempt.id, ExitReason.ERROR, "no")
        finish_attempt(tx, rig.services.plans, claimed.attempt, outcome, Ending(rig.owner, rig.clock.now()))
        cancelling.start()
        stays_so(cancelling.is_alive, 0.5, "the cancel did not wait")
    cancelling.join(10)
    assert rig.statuses(run.id) == dict.fromkeys("ab", BlockRunStatus.CANCELLED)
    assert rig.run(run.id).status is RunStatus.CANCELLED
