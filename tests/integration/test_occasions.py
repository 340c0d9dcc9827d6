"""What is told of a run is recorded once an epoch, in the transaction that makes it true."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from penstock_runtime.domain.notices import Destination, NoticeRules, RunEvent
from penstock_runtime.domain.runs import ExitReason, RunStatus
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.ports.outbox import OutboxMessage
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.abandon import abandon_run
from penstock_runtime.runs.cancel import cancel_run
from penstock_runtime.runs.finish import Ending, finish_attempt
from penstock_runtime.runs.occasions import record_occasion
from penstock_runtime.runs.rescue import end_expired_members, rescue_lost_attempts
from penstock_runtime.runs.retry import RetryRun, retry_run
from support.clocks import FakeClock
from support.engine_rig import Rig, plan_of

BOTH = frozenset({RunEvent.FAILURE, RunEvent.SUCCESS, RunEvent.SLA_MISSED})
ERROR = {"status": "failed", "error": {"type": "ValueError", "message": "no such year", "traceback": "Traceback …"}}
NOTICE = Wakeup("notice")


def tells(*names: str, events: frozenset[RunEvent] = BOTH) -> NoticeRules:
    return NoticeRules(events, tuple(Destination(name, "webhook", {"url": "https://x.test"}) for name in names))


@pytest.fixture
def rig(run_store):
    return Rig(run_store, FakeClock())


def told(rig: Rig, run_id: str) -> list[OutboxMessage]:
    with rig.store.transaction(read_only=True) as tx:
        return list(tx.messages_of_run(run_id))


def start(rig: Rig, rules: NoticeRules | None = None, graph: Any = None, **options: Any):
    rig.add(plan_of(graph or {"a": []}, notices=rules or tells("email", "webhook"), **options))
    return rig.create()


def test_a_success_tells_every_destination_once(rig):
    run = start(rig)
    [claimed] = rig.claim()
    assert rig.finish(claimed).told == 2
    assert rig.finish(claimed) is None
    found = told(rig, run.id)
    assert sorted(one.destination for one in found) == ["email", "webhook"]
    assert {(one.event, one.occasion, one.tries, one.due_at) for one in found} == {
        ("success", f"{run.id}/1/success", 0, rig.clock.now())
    }
    facts = found[0].payload
    assert (facts["status"], facts["ended_at"], facts["failed_blocks"]) == (
        "succeeded",
        rig.clock.now().isoformat(),
        [],
    )


def test_a_failure_tells_which_blocks_failed_and_why(rig):
    run = start(rig, graph={"a": [], "b": ["a"]})
    rig.finish(rig.claim()[0], ExitReason.ERROR, **ERROR)
    found = told(rig, run.id)
    assert [one.event for one in found] == ["failure", "failure"]
    assert found[0].payload["failed_blocks"] == [
        {"block": "a", "map_index": None, "type": "ValueError", "message": "no such year", "traceback": "Traceback …"}
    ]
    assert found[0].payload["status"] == "failed"


def test_only_asked_events_are_told(rig):
    run = start(rig, tells("email", events=frozenset({RunEvent.FAILURE})))
    rig.run_all()
    assert rig.run(run.id).status is RunStatus.SUCCEEDED
    assert told(rig, run.id) == []


def test_nothing_is_asked_of_the_database_when_nobody_is_to_be_told(rig):
    run = start(rig, NoticeRules())
    # None for a transaction: a single step would raise.
    assert record_occasion(None, rig.plans.plan(run.bundle, "p"), run, "failure", rig.clock.now()) == 0


def test_a_transaction_that_is_undone_records_nothing(rig):
    run = start(rig)
    [claimed] = rig.claim()

    def crash() -> None:
        with rig.store.transaction() as tx:
            outcome = AttemptOutcome(
                claimed.attempt.id, ExitReason.SUCCESS, result={"status": "succeeded", "outputs": []}
            )
            ended = finish_attempt(tx, rig.plans, claimed.attempt, outcome, Ending(rig.owner, rig.clock.now()))
            assert ended.told == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert told(rig, run.id) == []
    assert rig.run(run.id).status is RunStatus.RUNNING
    rig.finish(claimed)
    assert len(told(rig, run.id)) == 2


def test_a_retry_is_told_again_and_the_first_end_stays_as_it_was(rig):
    run = start(rig)
    rig.finish(rig.claim()[0], ExitReason.ERROR, **ERROR)
    retry_run(rig.services, RetryRun(run.id))
    rig.run_all()
    found = {(one.destination, one.occasion, one.payload["epoch"]) for one in told(rig, run.id)}
    assert found == {
        (to, f"{run.id}/{epoch}/{event}", epoch)
        for to in ("email", "webhook")
        for epoch, event in ((1, "failure"), (2, "success"))
    }


def test_a_cancelled_run_tells_nobody(rig):
    run = start(rig, graph={"a": [], "b": ["a"]})
    cancel_run(rig.services, run.id)
    assert rig.run(run.id).status is RunStatus.CANCELLED
    assert told(rig, run.id) == []


def test_a_rescue_that_ends_the_run_tells_and_hints(rig):
    run = start(rig)
    for _ in range(20):
        if rig.run(run.id).status is RunStatus.FAILED:
            break
        member = rig.join()
        rig.claim(owner=member)
        rig.clock.advance(60)
        end_expired_members(rig.services)
        rescue_lost_attempts(rig.services)
        with rig.store.transaction() as tx:
            tx.make_due_ready(rig.clock.now(), 10)
    assert rig.run(run.id).status is RunStatus.FAILED
    assert [one.event for one in told(rig, run.id)] == ["failure", "failure"]
    assert rig.hints.sent.count(NOTICE) == 1


def test_an_abandoned_run_tells_once(rig):
    run = start(rig)
    abandon_run(rig.services, run.id, "its code broke a rule")
    abandon_run(rig.services, run.id, "again")
    found = told(rig, run.id)
    assert [one.event for one in found] == ["failure", "failure"]
    assert found[0].payload["failed_blocks"][0]["message"] == "its code broke a rule"
    assert rig.hints.sent.count(NOTICE) == 1


def test_a_run_whose_code_is_gone_is_abandoned_without_a_word(rig):
    run = start(rig)
    rig.plans.known.clear()
    abandon_run(rig.services, run.id, "its code is gone")
    assert rig.run(run.id).status is RunStatus.FAILED
    assert told(rig, run.id) == []


def test_an_ended_run_that_is_abandoned_tells_nothing_new(rig):
    run = start(rig, tells("email"))
    rig.run_all()
    abandon_run(rig.services, run.id, "too late")
    assert [one.event for one in told(rig, run.id)] == ["success"]


def test_a_whole_pipeline_in_one_process_tells_its_end(rig):
    run = start(rig, in_one_process=True)
    rig.finish(rig.claim()[0], ExitReason.ERROR, **ERROR)
    assert rig.run(run.id).status is RunStatus.FAILED
    found = told(rig, run.id)
    assert [one.event for one in found] == ["failure", "failure"]
    assert [one["message"] for one in found[0].payload["failed_blocks"]] == ["no such year"]


def test_a_missed_level_is_recorded_once_by_many_schedulers(rig):
    run = start(rig, tells("email"))
    counts: list[int] = []
    barrier = threading.Barrier(4)

    def go() -> None:
        barrier.wait()
        with rig.store.transaction() as tx:
            plan = rig.plans.plan(run.bundle, "p")
            counts.append(record_occasion(tx, plan, run, RunEvent.SLA_MISSED, rig.clock.now()))

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, 1]
    assert [(one.event, one.payload["status"]) for one in told(rig, run.id)] == [("sla_missed", "queued")]


def test_long_errors_are_cut(rig):
    run = start(rig)
    error = {"type": "E", "message": "m" * 5000, "traceback": "t" * 5000 + "the end"}
    rig.finish(rig.claim()[0], ExitReason.ERROR, status="failed", error=error)
    shown = told(rig, run.id)[0].payload["failed_blocks"][0]
    assert len(shown["message"]) == 2001
    assert shown["traceback"].endswith("the end")
    assert len(shown["traceback"]) == 2001
