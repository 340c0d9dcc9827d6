"""Runs whose time is over, and runs that should have ended by now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.notices import Destination, NoticeRules, RunEvent
from penstock_runtime.domain.runs import AttemptStatus, BlockRunStatus, ExitReason, Run, RunStatus
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.cancel import cancel_run
from penstock_runtime.runs.due import admit_waiting_runs
from penstock_runtime.runs.retry import RetryRun, retry_run
from penstock_runtime.runs.timeouts import end_overdue_runs, tell_missed_service_levels
from penstock_runtime.scheduler.loop import Scheduler, look
from support.clocks import FakeClock
from support.engine_rig import Rig, plan_of

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
B, R = BlockRunStatus, RunStatus
TOLD = NoticeRules(frozenset(RunEvent), (Destination("webhook", "webhook", {"url": "https://x.test"}),))


@pytest.fixture
def rig(run_store):
    made = Rig(run_store, FakeClock(NOW))
    made.add(plan_of({"a": [], "b": ["a"], "c": []}, notices=TOLD))
    return made


def start(rig: Rig, logical_at: datetime | None = None, **settings: Any) -> Run:
    trigger = Trigger(new_id(), "p", new_id(), "schedule", active=True, settings=settings)
    with rig.store.transaction() as tx:
        tx.put_trigger(trigger)
    return rig.create(trigger=trigger, logical_at=logical_at)


def told(rig: Rig, run: Run) -> list[str]:
    with rig.store.transaction(read_only=True) as tx:
        return [message.event for message in tx.messages_of_run(run.id)]


def passes(rig: Rig) -> Scheduler:
    return Scheduler(rig.services, 1.0, lambda: None)


class TestTimeouts:
    @pytest.mark.parametrize(("wanted", "ended"), [(None, R.FAILED), ("failed", R.FAILED), ("cancelled", R.CANCELLED)])
    def test_an_overdue_run_ends_as_its_trigger_says(self, rig, wanted, ended):
        run = start(rig, timeout=60, timeout_status=wanted)
        assert (run.deadline_at, run.timeout_status) == (NOW + timedelta(seconds=60), ended.value)
        [running] = rig.claim(1)
        rig.clock.advance(59)
        assert end_overdue_runs(rig.services) == 0
        rig.clock.advance(1)
        assert end_overdue_runs(rig.services) == 1
        assert end_overdue_runs(rig.services) == 0
        going = rig.run(run.id)
        assert (going.status, going.timed_out_at, going.deadline_at) == (R.RUNNING, rig.clock.now(), None)
        assert Wakeup("cancel", run.id) in rig.hints.sent
        with rig.store.transaction(read_only=True) as tx:
            assert tx.attempts_to_cancel(rig.owner.member_id) == [(running.attempt.id, run.id)]
        finished = rig.finish(running, ExitReason.CANCELLED)
        assert finished.run_status is ended
        assert rig.run(run.id).status is ended
        assert (finished.attempt.exit_reason, finished.attempt.status) == (ExitReason.TIMEOUT, AttemptStatus.CANCELLED)
        assert finished.block_run.error["type"] == "timeout"
        assert set(rig.statuses(run.id).values()) == {B.CANCELLED}
        assert told(rig, run) == (["failure"] if ended is R.FAILED else [])

    def test_one_that_has_not_begun_ends_at_once(self, rig):
        run = start(rig, timeout=60)
        rig.clock.advance(60)
        end_overdue_runs(rig.services)
        assert rig.run(run.id).status is R.FAILED
        assert rig.claim() == []

    def test_what_had_succeeded_by_then_stays_a_success(self, rig):
        rig.add(plan_of({"a": []}))
        run = start(rig, timeout=60)
        [running] = rig.claim()
        rig.clock.advance(60)
        end_overdue_runs(rig.services)
        assert rig.finish(running).run_status is R.SUCCEEDED
        assert rig.run(run.id).status is R.SUCCEEDED

    def test_a_run_that_ended_in_time_is_left_alone(self, rig):
        run = start(rig, timeout=60)
        rig.run_all()
        rig.clock.advance(600)
        assert end_overdue_runs(rig.services) == 0
        assert rig.run(run.id).status is R.SUCCEEDED

    def test_a_run_that_somebody_cancelled_is_cancelled_and_not_timed_out(self, rig):
        run = start(rig, timeout=60)
        [running] = rig.claim(1)
        cancel_run(rig.services, run.id)
        finished = rig.finish(running, ExitReason.CANCELLED)
        assert (finished.run_status, finished.attempt.exit_reason) == (R.CANCELLED, ExitReason.CANCELLED)

    def test_the_time_of_a_held_run_counts_from_when_it_may_go(self, rig):
        rig.add(plan_of({"a": []}, run_limit=1))
        first, held = start(rig), start(rig, timeout=60)
        assert (held.admitted, held.deadline_at) == (False, None)
        rig.clock.advance(600)
        assert end_overdue_runs(rig.services) == 0
        rig.finish(rig.claim()[0])
        assert rig.run(first.id).status is R.SUCCEEDED
        assert admit_waiting_runs(rig.services) == 1
        assert rig.run(held.id).deadline_at == NOW + timedelta(seconds=660)
        rig.clock.advance(60)
        assert end_overdue_runs(rig.services) == 1
        assert rig.run(held.id).status is R.FAILED

    def test_a_manual_retry_has_all_of_its_time_again(self, rig):
        run = start(rig, timeout=60)
        rig.clock.advance(60)
        end_overdue_runs(rig.services)
        rig.clock.advance(600)
        retry_run(rig.services, RetryRun(run.id))
        again = rig.run(run.id)
        assert (again.status, again.timed_out_at) == (R.QUEUED, None)
        assert again.deadline_at == rig.clock.now() + timedelta(seconds=60)
        rig.run_all()
        assert rig.run(run.id).status is R.SUCCEEDED

    def test_a_whole_pipeline_unit_is_ended_like_a_block(self, rig):
        rig.add(plan_of({"a": [], "b": ["a"]}, in_one_process=True))
        run = start(rig, timeout=60)
        [unit] = rig.claim()
        rig.clock.advance(60)
        end_overdue_runs(rig.services)
        assert rig.finish(unit, ExitReason.CANCELLED).run_status is R.FAILED
        assert rig.run(run.id).open_block_runs == 0


class TestServiceLevels:
    def test_a_run_that_is_late_is_told_once(self, rig):
        run = start(rig, logical_at=NOW - timedelta(seconds=30), sla=60)
        assert run.sla_at == NOW + timedelta(seconds=30)
        rig.clock.advance(29)
        assert tell_missed_service_levels(rig.services) == 0
        rig.clock.advance(1)
        assert tell_missed_service_levels(rig.services) == 1
        assert tell_missed_service_levels(rig.services) == 0
        late = rig.run(run.id)
        assert (late.sla_missed_at, late.sla_at, late.status) == (NOW + timedelta(seconds=30), None, R.QUEUED)
        assert told(rig, run) == ["sla_missed"]
        assert Wakeup("notice") in rig.hints.sent
        rig.run_all()
        assert sorted(told(rig, run)) == ["sla_missed", "success"]

    def test_without_a_logical_time_it_counts_from_when_it_was_asked_for(self, rig):
        assert start(rig, sla=60).sla_at == NOW + timedelta(seconds=60)
        assert start(rig).sla_at is None

    def test_one_that_ended_in_time_is_not_late(self, rig):
        run = start(rig, sla=60)
        rig.run_all()
        assert rig.run(run.id).sla_at is None
        rig.clock.advance(600)
        assert tell_missed_service_levels(rig.services) == 0
        assert told(rig, run) == ["success"]

    def test_one_that_ended_late_before_anybody_looked_is(self, rig):
        run = start(rig, sla=60)
        rig.clock.advance(61)
        rig.run_all()
        assert tell_missed_service_levels(rig.services) == 1
        ended = rig.run(run.id)
        assert (ended.status, ended.sla_missed_at) == (R.SUCCEEDED, NOW + timedelta(seconds=60))

    def test_a_run_whose_code_is_gone_is_noted_and_stops_no_other(self, rig):
        lost, kept = start(rig, sla=60), start(rig, sla=60)
        with rig.store.transaction() as tx:
            tx.insert_run(replace(lost, id=new_id(), bundle="gone", trigger_id=None))
        rig.clock.advance(60)
        assert tell_missed_service_levels(rig.services) == 3
        assert told(rig, kept) == ["sla_missed"]


class TestTheLoop:
    def test_it_wakes_for_a_deadline_and_ends_the_run(self, rig):
        run = start(rig, timeout=0.25)
        scheduler = passes(rig)
        assert scheduler.run_pass() == pytest.approx(0.25)
        rig.clock.advance(0.25)
        assert look(rig.services, fire_schedules=True).duties == {"timeouts"}
        scheduler.run_pass()
        assert rig.run(run.id).status is R.FAILED

    def test_and_for_a_service_level(self, rig):
        run = start(rig, sla=0.25)
        scheduler = passes(rig)
        assert scheduler.run_pass() == pytest.approx(0.25)
        rig.clock.advance(0.25)
        assert look(rig.services, fire_schedules=True).duties == {"promises"}
        scheduler.run_pass()
        assert rig.run(run.id).sla_missed_at is not None
        assert look(rig.services, fire_schedules=True).duties == frozenset()

    def test_a_run_that_is_being_ended_does_not_keep_it_busy(self, rig):
        start(rig, timeout=10)
        rig.claim(1)
        rig.clock.advance(10)
        scheduler = passes(rig)
        scheduler.run_pass()
        assert look(rig.services, fire_schedules=True).duties == frozenset()
        assert scheduler.run_pass() == 1.0

    def test_a_schedule_that_is_not_fired_here_does_not_wake_it(self, rig):
        with rig.store.transaction() as tx:
            due = NOW + timedelta(seconds=0.25)
            tx.put_trigger(Trigger(new_id(), "p", "t", "schedule", active=True, next_due_at=due))
        assert look(rig.services, fire_schedules=False).next_due_at is None
        assert look(rig.services, fire_schedules=True).next_due_at == due
