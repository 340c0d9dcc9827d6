"""Backfills: which times a range has, and how their runs are made, paused, retried, cancelled and ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from penstock_runtime.domain.backfills import (
    MAX_CONCURRENCY,
    MAX_TIMES,
    BackfillStatus,
    all_times,
    count_times,
    make_range,
)
from penstock_runtime.domain.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidInput,
    PipelineInvalid,
    PipelineNotFound,
)
from penstock_runtime.domain.runs import ExitReason, RunStatus
from penstock_runtime.ports.run_store import RunFilter, Trigger
from penstock_runtime.runs import backfills
from penstock_runtime.runs.backfill_turns import advance_backfill, advance_backfills
from penstock_runtime.runs.backfills import CreateBackfill
from penstock_runtime.runs.cancel import cancel_run
from penstock_runtime.runs.retry import RetryRun, retry_run
from penstock_runtime.scheduler.loop import Scheduler, look
from penstock_runtime.testing.memory_run_store import InMemoryRunStore
from support.clocks import FakeClock
from support.engine_rig import Rig, plan_of

HOUR = timedelta(hours=1)
DAILY = {"schedule_interval": "@daily", "timezone": "UTC"}


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def span(settings, start, end, *, newest_first=False):
    return make_range(settings, start, end, newest_first=newest_first)


class Backfilling(Rig):
    """A rig whose pipeline `p` has one block; `now` is after every time that the tests fill."""

    def __init__(self):
        super().__init__(InMemoryRunStore(), FakeClock())
        self.add(plan_of({"a": []}))

    def fill(self, times=6, **asked):
        end = self.clock.now().replace(minute=0, second=0, microsecond=0)
        request = CreateBackfill("p", {"schedule_interval": "@hourly"}, end - (times - 1) * HOUR, end)
        return backfills.create_backfill(self.services, replace(request, **asked))[0]

    def of(self, backfill):
        return backfills.found_backfill(self.services, backfill.id)

    def runs_of(self, backfill, *statuses):
        with self.store.transaction(read_only=True) as tx:
            return sorted(
                tx.runs(RunFilter(trigger_id=backfill.id, statuses=statuses), 200).items, key=lambda run: run.id
            )

    def advance(self):
        return advance_backfills(self.services)

    def finish_all(self, reason=ExitReason.SUCCESS):
        for one in self.claim():
            self.finish(one, reason)

    def drive(self, reason=ExitReason.SUCCESS):
        """Finish and advance until nothing is left; return the most runs that were ever unfinished at once."""
        most = 0
        for _ in range(200):
            with self.store.transaction(read_only=True) as tx:
                unfinished = tx.runs(RunFilter(statuses=(RunStatus.QUEUED, RunStatus.RUNNING)), 200).items
            most = max(most, len(unfinished))
            self.finish_all(reason)
            if not self.advance() and not unfinished:
                return most
        raise AssertionError("it does not come to an end")


@pytest.fixture
def rig():
    return Backfilling()


# --- the range -----------------------------------------------------------------------------------------------------
def test_both_ends_belong_to_the_range():
    found = all_times(span(DAILY, utc(2026, 1, 1), utc(2026, 1, 3)))
    assert list(found) == [utc(2026, 1, 1), utc(2026, 1, 2), utc(2026, 1, 3)]


def test_newest_first_is_the_same_times_backwards():
    there = span(DAILY, utc(2026, 1, 1, 5), utc(2026, 1, 4, 5))
    back = span(DAILY, utc(2026, 1, 1, 5), utc(2026, 1, 4, 5), newest_first=True)
    assert list(back.times()) == list(there.times())[::-1]
    assert list(all_times(back)) == list(back.times())


def test_an_interval_counts_from_the_start():
    found = all_times(span({"interval_seconds": 5400}, utc(2026, 1, 1, 0, 10), utc(2026, 1, 1, 4, 0)))
    assert [at.strftime("%H:%M") for at in found] == ["00:10", "01:40", "03:10"]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_range_over_both_changes_of_the_clock(newest_first):
    """Berlin, worked out by hand: 02:30 does not exist on 29 March 2026, and comes twice on 25 October."""
    berlin = {"schedule_interval": "30 2 * * *", "timezone": "Europe/Berlin"}
    spring = span(berlin, utc(2026, 3, 27, 12), utc(2026, 3, 30, 12), newest_first=newest_first)
    autumn = span(berlin, utc(2026, 10, 23, 12), utc(2026, 10, 26, 12), newest_first=newest_first)
    assert sorted(spring.times()) == [utc(2026, 3, 28, 1, 30), utc(2026, 3, 29, 1, 0), utc(2026, 3, 30, 0, 30)]
    assert sorted(autumn.times()) == [utc(2026, 10, 24, 0, 30), utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)]


def test_every_hour_of_a_long_day_is_filled_once():
    """25 October 2026 has 25 hours in Berlin; an interval of a day stays 24 hours long."""
    hourly = {"schedule_interval": "0 * * * *", "timezone": "Europe/Berlin"}
    found = all_times(span(hourly, utc(2026, 10, 24, 22), utc(2026, 10, 25, 22)))
    assert list(found) == [utc(2026, 10, 24, 22) + n * HOUR for n in range(25)]
    by_interval = all_times(span({"interval_seconds": 86400}, utc(2026, 10, 24, 22), utc(2026, 10, 26, 22)))
    assert list(by_interval) == [utc(2026, 10, 24, 22), utc(2026, 10, 25, 22), utc(2026, 10, 26, 22)]


def test_the_most_times_are_allowed_and_one_more_is_not():
    minute, start = {"interval_seconds": 60}, utc(2026, 1, 1)
    assert count_times(span(minute, start, start + (MAX_TIMES - 1) * timedelta(minutes=1))) == MAX_TIMES
    with pytest.raises(InvalidInput, match="10,000") as caught:
        count_times(span(minute, start, start + MAX_TIMES * timedelta(minutes=1)))
    assert caught.value.field == "end_at"


@pytest.mark.parametrize(
    ("settings", "hours", "field"),
    [
        (DAILY, -1, "end_at"),
        ({"schedule_interval": "@once"}, 48, "schedule_interval"),
        ({"schedule_interval": "@always_on"}, 48, "schedule_interval"),
        ({"schedule_interval": "no cron"}, 48, "schedule_interval"),
        ({"schedule_interval": "@daily", "timezone": "Mars/Base"}, 48, "timezone"),
        ({"interval_seconds": 0.5}, 48, "interval_seconds"),
        (DAILY, 1, "end_at"),
    ],
)
def test_a_range_that_makes_no_sense_names_the_field(settings, hours, field):
    start = utc(2026, 1, 1, 5)
    with pytest.raises(InvalidInput) as caught:
        count_times(span(settings, start, start + hours * HOUR))
    assert caught.value.field == field


# --- asking --------------------------------------------------------------------------------------------------------
def test_a_preview_says_what_would_happen_and_does_nothing(rig):
    request = CreateBackfill("p", DAILY, utc(2026, 1, 1), utc(2026, 1, 31), newest_first=True)
    found = backfills.preview_backfill(rig.services, request)
    assert (found.total, found.first_at, found.last_at) == (31, utc(2026, 1, 31), utc(2026, 1, 1))
    assert list(found.next_times) == [utc(2026, 1, 31) - timedelta(days=n) for n in range(10)]
    with rig.store.transaction(read_only=True) as tx:
        assert (tx.backfills(None, 9).items, tx.runs(RunFilter(), 9).items) == ([], [])


def test_a_preview_counts_what_a_schedule_has_run_well(rig):
    trigger = Trigger("t1", "p", "daily", "schedule", active=True)
    with rig.store.transaction() as tx:
        tx.put_trigger(trigger)
    for day, reason in ((1, ExitReason.SUCCESS), (2, ExitReason.ERROR), (3, ExitReason.SUCCESS)):
        rig.create(trigger=trigger, logical_at=utc(2026, 1, day))
        rig.finish_all(reason)
    rig.create(trigger=trigger, logical_at=utc(2026, 1, 3, 5))
    rig.finish_all()
    found = backfills.preview_backfill(rig.services, CreateBackfill("p", DAILY, utc(2026, 1, 1), utc(2026, 1, 9)))
    assert found.succeeded == 2


def test_times_to_come_are_refused(rig):
    with pytest.raises(InvalidInput, match="passed") as caught:
        rig.fill(end_at=rig.clock.now() + 2 * HOUR)
    assert caught.value.field == "end_at"
    # An end later today is fine when no logical time is still to come.
    assert rig.fill(end_at=rig.clock.now() + timedelta(minutes=1)).total == 6


@pytest.mark.parametrize("concurrency", [0, -1, MAX_CONCURRENCY + 1])
def test_concurrency_has_bounds(rig, concurrency):
    with pytest.raises(InvalidInput) as caught:
        rig.fill(concurrency=concurrency)
    assert caught.value.field == "concurrency"


def test_a_broken_or_unknown_pipeline_is_refused_with_its_problems(rig):
    rig.add(plan_of({"a": []}, slug="broken", problems=("pipelines/broken/metadata.yaml:3: no such block",)))
    with pytest.raises(PipelineInvalid) as caught:
        rig.fill(pipeline="broken")
    assert caught.value.problems == ("pipelines/broken/metadata.yaml:3: no such block",)
    with pytest.raises(PipelineNotFound):
        rig.fill(pipeline="unknown")
    with rig.store.transaction(read_only=True) as tx:
        assert tx.backfills(None, 9).items == []


def test_the_same_key_is_the_same_backfill_and_another_body_a_conflict(rig):
    one = rig.fill(idempotency_key="k")
    assert rig.fill(idempotency_key="k").id == one.id
    with pytest.raises(IdempotencyConflict):
        rig.fill(idempotency_key="k", concurrency=3)
    assert len(rig.runs_of(one)) == 1
    assert rig.fill().id != one.id


# --- making runs ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("newest_first", [False, True])
def test_every_time_is_run_once_in_order_and_never_more_at_once(rig, newest_first):
    backfill = rig.fill(6, concurrency=2, newest_first=newest_first)
    assert rig.drive() == 2
    runs = rig.runs_of(backfill)
    times = [run.logical_at for run in runs]
    assert times == sorted(set(times), reverse=newest_first)
    assert len(times) == 6
    assert {(run.trigger_kind, run.trigger_name, run.pipeline) for run in runs} == {("backfill", backfill.name, "p")}
    done = rig.of(backfill)
    assert (done.status.value, done.made, done.ended_at) == ("succeeded", 6, rig.clock.now())


def test_its_first_runs_are_there_at_once_and_the_next_follows_an_end(rig):
    backfill = rig.fill(6, concurrency=2)
    assert len(rig.runs_of(backfill)) == 2
    assert rig.advance() == 0
    [first, _] = rig.claim()
    finished = rig.finish(first)
    assert finished.backfill == backfill.id
    assert rig.advance() == 1


def test_another_run_makes_no_room(rig):
    rig.create()
    assert rig.finish(rig.claim()[0]).backfill is None


def test_variables_of_the_backfill_go_over_the_pipelines(rig):
    rig.add(plan_of({"a": []}, variables={"year": 1, "month": 2}))
    backfill = rig.fill(variables={"year": 2026})
    assert rig.runs_of(backfill)[0].variables == {"year": 2026, "month": 2}


@pytest.mark.parametrize("reached", ["wait", "skip"])
def test_the_pipelines_own_limit_holds_and_leaves_no_time_out(rig, reached):
    rig.add(plan_of({"a": []}, run_limit=1, run_limit_reached=reached))
    backfill = rig.fill(4, concurrency=3)
    scheduler = Scheduler(rig.services, 1.0, lambda: None)
    for _ in range(20):
        going = rig.claim()
        assert len(going) <= 1
        assert len(rig.runs_of(backfill, RunStatus.QUEUED, RunStatus.RUNNING)) <= 3
        for one in going:
            rig.finish(one)
        scheduler.run_pass()
    assert rig.of(backfill).status.value == "succeeded"
    assert len(rig.runs_of(backfill, RunStatus.SUCCEEDED)) == 4


def test_a_run_of_a_schedule_for_the_same_time_is_no_obstacle(rig):
    trigger = Trigger("t1", "p", "hourly", "schedule", active=True)
    at = rig.clock.now().replace(minute=0, second=0, microsecond=0)
    rig.create(trigger=trigger, logical_at=at)
    backfill = rig.fill(1)
    assert [run.logical_at for run in rig.runs_of(backfill)] == [at]


def test_a_failed_run_leaves_it_failed_when_all_have_ended(rig):
    backfill = rig.fill(3, concurrency=1)
    rig.finish_all(ExitReason.ERROR)
    rig.advance()
    rig.drive()
    assert rig.of(backfill).status.value == "failed"
    assert len(rig.runs_of(backfill)) == 3


def test_an_idle_scheduler_has_no_duty_for_a_full_or_finished_one(rig):
    backfill = rig.fill(2, concurrency=1)
    assert "backfills" not in look(rig.services, fire_schedules=True).duties
    rig.finish_all()
    assert "backfills" in look(rig.services, fire_schedules=True).duties
    assert "backfills" not in look(rig.services, fire_schedules=False).duties
    rig.drive()
    assert rig.of(backfill).ended_at is not None
    assert look(rig.services, fire_schedules=True).duties == frozenset()


# --- pause, resume, cancel -----------------------------------------------------------------------------------------
def test_a_paused_one_makes_no_more_and_goes_on_where_it_was(rig):
    backfill = rig.fill(5, concurrency=1)
    backfills.pause_backfill(rig.services, backfill.id)
    assert backfills.pause_backfill(rig.services, backfill.id).status.value == "paused"
    rig.drive()
    assert len(rig.runs_of(backfill)) == 1
    assert rig.of(backfill).ended_at is None
    backfills.resume_backfill(rig.services, backfill.id)
    assert len(rig.runs_of(backfill)) == 2
    assert rig.drive() == 1
    assert rig.of(backfill).status.value == "succeeded"
    assert len({run.logical_at for run in rig.runs_of(backfill)}) == 5


def test_one_that_is_paused_between_a_scheduler_s_look_and_its_turn_makes_no_run(rig):
    backfill = rig.fill(5, concurrency=1)
    rig.finish_all()
    with rig.store.transaction(read_only=True) as tx:
        assert list(tx.backfills_with_work(9)) == [backfill.id]
    paused = replace(rig.of(backfill), status=BackfillStatus.PAUSED)
    with rig.store.transaction() as tx:
        tx.put_backfill(paused)
    assert advance_backfill(rig.services, backfill.id) == 0
    assert len(rig.runs_of(backfill)) == 1


def test_a_cancel_ends_what_waits_and_what_runs_and_makes_no_more(rig):
    rig.add(plan_of({"a": []}, run_limit=1))
    backfill = rig.fill(6, concurrency=3)
    [going] = rig.claim()
    cancelled = backfills.cancel_backfill(rig.services, backfill.id)
    assert (cancelled.status.value, cancelled.ended_at) == ("cancelled", None)
    assert len(rig.runs_of(backfill, RunStatus.CANCELLED)) == 2
    rig.finish(going, ExitReason.CANCELLED)
    rig.advance()
    assert rig.of(backfill).ended_at == rig.clock.now()
    assert len(rig.runs_of(backfill, RunStatus.CANCELLED)) == len(rig.runs_of(backfill)) == 3
    for change in (backfills.pause_backfill, backfills.resume_backfill, backfills.retry_backfill):
        with pytest.raises(Conflict):
            change(rig.services, backfill.id)


def test_a_cancel_whose_process_died_halfway_is_ended_by_a_scheduler(rig, monkeypatch):
    backfill = rig.fill(6, concurrency=3)
    monkeypatch.setattr(backfills, "advance_backfill", lambda *_: 0)
    backfills.cancel_backfill(rig.services, backfill.id)
    assert len(rig.runs_of(backfill, RunStatus.QUEUED)) == 3
    monkeypatch.undo()
    Scheduler(rig.services, 1.0, lambda: None).run_pass()
    assert len(rig.runs_of(backfill, RunStatus.CANCELLED)) == 3
    assert rig.of(backfill).ended_at is not None


def test_more_or_fewer_at_once_from_now_on(rig):
    backfill = rig.fill(9, concurrency=1)
    backfills.set_concurrency(rig.services, backfill.id, 4)
    assert len(rig.runs_of(backfill)) == 4
    backfills.set_concurrency(rig.services, backfill.id, 2)
    rig.finish_all()
    rig.advance()
    assert len(rig.runs_of(backfill, RunStatus.QUEUED)) == 2
    with pytest.raises(InvalidInput):
        backfills.set_concurrency(rig.services, backfill.id, 0)


def test_only_one_that_is_over_is_deleted_and_its_runs_stay(rig):
    backfill = rig.fill(1)
    with pytest.raises(Conflict):
        backfills.delete_backfill(rig.services, backfill.id)
    rig.drive()
    backfills.delete_backfill(rig.services, backfill.id)
    with pytest.raises(backfills.BackfillNotFound):
        rig.of(backfill)
    assert len(rig.runs_of(backfill)) == 1


# --- the failed again ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("newest_first", [False, True])
def test_the_failed_go_again_never_more_at_once_than_allowed(rig, newest_first):
    backfill = rig.fill(7, concurrency=2, newest_first=newest_first)
    assert rig.drive(ExitReason.ERROR) == 2
    rig.clock.advance(1)
    backfills.retry_backfill(rig.services, backfill.id)
    again = rig.runs_of(backfill, RunStatus.QUEUED)
    assert [run.logical_at for run in again] == [run.logical_at for run in rig.runs_of(backfill)[:2]]
    assert {run.epoch for run in again} == {2}
    assert rig.drive() == 2
    assert {run.epoch for run in rig.runs_of(backfill)} == {2}
    assert rig.of(backfill).status.value == "succeeded"


def test_what_fails_again_is_left_alone_and_the_well_done_too(rig):
    backfill = rig.fill(4, concurrency=4)
    for number, one in enumerate(rig.claim()):
        rig.finish(one, ExitReason.ERROR if number % 2 else ExitReason.SUCCESS)
    rig.advance()
    rig.clock.advance(1)
    backfills.retry_backfill(rig.services, backfill.id)
    rig.clock.advance(1)
    rig.drive(ExitReason.ERROR)
    assert sorted(run.epoch for run in rig.runs_of(backfill)) == [1, 1, 2, 2]
    assert rig.of(backfill).status.value == "failed"


def test_a_clock_that_stands_still_runs_nothing_again_twice(rig):
    """A run that fails again in the very instant of the asking is behind it all the same."""
    backfill = rig.fill(3, concurrency=1)
    rig.drive(ExitReason.ERROR)
    backfills.retry_backfill(rig.services, backfill.id)
    rig.drive(ExitReason.ERROR)
    assert [run.epoch for run in rig.runs_of(backfill)] == [2, 2, 2]


def test_what_fails_after_the_asking_is_not_part_of_it(rig):
    backfill = rig.fill(2, concurrency=1)
    rig.finish_all(ExitReason.ERROR)
    rig.advance()
    [second] = rig.claim()
    backfills.retry_backfill(rig.services, backfill.id)
    rig.clock.advance(1)
    rig.finish(second, ExitReason.ERROR)
    rig.advance()
    rig.drive()
    assert [run.epoch for run in rig.runs_of(backfill)] == [2, 1]


def test_there_is_nothing_to_run_again_where_none_failed(rig):
    backfill = rig.fill(1)
    with pytest.raises(Conflict, match="failed"):
        backfills.retry_backfill(rig.services, backfill.id)
    rig.drive()
    with pytest.raises(Conflict):
        backfills.retry_backfill(rig.services, backfill.id)


def test_a_run_that_somebody_runs_again_by_hand_is_passed_over(rig, monkeypatch):
    backfill = rig.fill(3, concurrency=1)
    rig.drive(ExitReason.ERROR)
    rig.clock.advance(1)
    first = rig.runs_of(backfill)[0]
    monkeypatch.setattr(backfills, "advance_backfill", lambda *_: 0)
    backfills.retry_backfill(rig.services, backfill.id)
    retry_run(rig.services, RetryRun(first.id))
    monkeypatch.undo()
    assert rig.advance() == 0
    rig.drive()
    assert [run.epoch for run in rig.runs_of(backfill)] == [2, 2, 2]
    assert rig.of(backfill).status.value == "succeeded"


def test_a_full_pipeline_delays_the_failed_and_forgets_none(rig):
    rig.add(plan_of({"a": []}, run_limit=1))
    backfill = rig.fill(2, concurrency=2)
    scheduler = Scheduler(rig.services, 1.0, lambda: None)
    for _ in range(4):
        rig.finish_all(ExitReason.ERROR)
        scheduler.run_pass()
    rig.clock.advance(1)
    backfills.retry_backfill(rig.services, backfill.id)
    assert len(rig.runs_of(backfill, RunStatus.QUEUED)) == 1
    assert rig.advance() == 0
    rig.drive()
    assert [run.epoch for run in rig.runs_of(backfill)] == [2, 2]
    assert rig.of(backfill).status.value == "succeeded"


# --- trouble -------------------------------------------------------------------------------------------------------
def test_a_pipeline_that_breaks_pauses_its_backfill_and_no_other(rig):
    rig.add(plan_of({"a": []}, slug="q"))
    first = rig.fill(3, concurrency=1)
    second = rig.fill(3, concurrency=1, pipeline="q")
    rig.add(plan_of({"a": []}, problems=("pipelines/p/metadata.yaml:3: no such block",)))
    rig.finish_all()
    rig.advance()
    paused = rig.of(first)
    assert (paused.status.value, paused.made) == ("paused", 1)
    assert "metadata.yaml:3" in paused.reason
    assert len(rig.runs_of(second)) == 2
    rig.add(plan_of({"a": []}))
    assert backfills.resume_backfill(rig.services, first.id).reason is None
    rig.drive()
    assert {rig.of(one).status.value for one in (first, second)} == {"succeeded"}


def test_a_fault_of_ours_pauses_with_its_text(rig, monkeypatch):
    backfill, other = rig.fill(3), rig.fill(3)
    create = __import__("penstock_runtime.runs.backfill_turns", fromlist=["create_run_in"])
    real = create.create_run_in

    def broken(tx, services, request):
        if request.trigger.id == backfill.id:
            raise ZeroDivisionError("ours")
        return real(tx, services, request)

    monkeypatch.setattr(create, "create_run_in", broken)
    rig.finish_all()
    rig.advance()
    assert (rig.of(backfill).status.value, rig.of(backfill).reason) == ("paused", "ZeroDivisionError: ours")
    assert len(rig.runs_of(other)) == 2


def test_a_turn_that_dies_leaves_nothing_and_the_next_makes_the_same(rig, monkeypatch):
    backfill = rig.fill(6, concurrency=1)
    rig.finish_all()
    turns = __import__("penstock_runtime.runs.backfill_turns", fromlist=["replace"])

    def killed(*_args, **_fields):
        raise SystemExit

    monkeypatch.setattr(turns, "replace", killed)
    with pytest.raises(SystemExit):
        rig.advance()
    monkeypatch.undo()
    assert len(rig.runs_of(backfill)) == rig.of(backfill).made == 1
    rig.drive()
    assert len({run.logical_at for run in rig.runs_of(backfill)}) == 6


def test_a_cancelled_run_is_no_success(rig):
    backfill = rig.fill(1)
    cancel_run(rig.services, rig.runs_of(backfill)[0].id)
    rig.advance()
    assert rig.of(backfill).status.value == "failed"
