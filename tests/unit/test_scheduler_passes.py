"""What a pass of the scheduler costs and does: nothing without need, and never a spin."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from penstock_runtime.domain.blocks import RetryPolicy
from penstock_runtime.domain.runs import BlockRunStatus, ExitReason, RunStatus
from penstock_runtime.domain.schedules import first_due, parse_schedule
from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.scheduler.loop import Scheduler, look
from penstock_runtime.scheduler.trigger_sync import reconcile_triggers
from support.clocks import FakeClock
from support.engine_rig import Rig, plan_of


@pytest.fixture
def rig(sqlite_url):
    store = SqlRunStore.open(DatabaseOptions(sqlite_url))
    yield Rig(store, FakeClock())
    store.close()


def scheduler_of(rig, look_at_code=lambda: None):
    return Scheduler(rig.services, 1.0, look_at_code)


def test_an_idle_pass_has_no_duty(rig):
    assert look(rig.services, fire_schedules=True).duties == frozenset()
    assert scheduler_of(rig).run_pass() == 1.0


def test_it_wakes_for_a_retry_and_makes_it_ready(rig):
    rig.add(plan_of({"a": []}, blocks={"a": {"retry": RetryPolicy(retries=1, delay_seconds=0.25)}}))
    run = rig.create()
    rig.finish(rig.claim()[0], ExitReason.ERROR)
    scheduler = scheduler_of(rig)
    assert scheduler.run_pass() == pytest.approx(0.25)
    rig.clock.advance(0.25)
    scheduler.run_pass()
    assert rig.statuses(run.id) == {"a": BlockRunStatus.READY}


def test_a_duty_that_breaks_does_not_stop_the_others(rig, monkeypatch):
    def broken(_services):
        raise RuntimeError("a fault of ours")

    monkeypatch.setitem(__import__("penstock_runtime.scheduler.loop", fromlist=["DUTIES"]).DUTIES, "members", broken)
    rig.add(plan_of({"a": []}, run_limit=1))
    rig.create()
    held = rig.create()
    rig.finish(rig.claim()[0])
    rig.clock.advance(60)  # the member's lease has passed, so `members` is due and breaks
    scheduler_of(rig).run_pass()
    assert rig.run(held.id).admitted


def test_code_is_looked_at_every_so_often_and_its_trouble_is_survived(rig):
    seen = []

    def look_at_code():
        seen.append(1)
        raise OSError("the share is away")

    scheduler = scheduler_of(rig, look_at_code)
    for _ in range(4):
        scheduler.run_pass()
        rig.clock.advance(1)
    assert len(seen) == 2
    assert scheduler.passes == 4


def trigger(rig, **settings):
    declared = Trigger("", "p", "tick", "schedule", active=True, settings=settings, in_code=True)
    with rig.store.transaction() as tx:
        reconcile_triggers(tx, [declared], rig.clock.now())


def runs_of(rig):
    from penstock_runtime.ports.run_store import RunFilter

    with rig.store.transaction(read_only=True) as tx:
        return tx.runs(RunFilter(), 100).items


def test_a_schedule_fires_once_a_tick_and_its_logical_time_is_the_tick(rig):
    rig.add(plan_of({"a": []}))
    trigger(rig, schedule_interval="*/5 * * * *")
    scheduler = scheduler_of(rig)
    scheduler.run_pass()
    assert runs_of(rig) == []
    rig.clock.advance(5 * 60)
    for _ in range(3):
        scheduler.run_pass()
    assert [run.logical_at.minute for run in runs_of(rig)] == [10]
    assert runs_of(rig)[0].status is RunStatus.QUEUED


def test_after_an_outage_the_latest_tick_runs_and_only_that(rig):
    rig.add(plan_of({"a": []}))
    trigger(rig, schedule_interval="@hourly")
    rig.clock.advance(10 * 3600)
    scheduler = scheduler_of(rig)
    scheduler.run_pass()
    scheduler.run_pass()
    assert [run.logical_at.hour for run in runs_of(rig)] == [15]


def test_catch_up_all_runs_each_missed_tick_and_none_drops_the_late(rig):
    rig.add(plan_of({"a": []}))
    trigger(rig, schedule_interval="@hourly", catch_up="all")
    rig.clock.advance(3 * 3600)
    scheduler = scheduler_of(rig)
    for _ in range(5):
        scheduler.run_pass()
    assert [run.logical_at.hour for run in runs_of(rig)] == [6]
    for _ in range(5):
        rig.clock.advance(10)  # six a minute
        scheduler.run_pass()
    assert sorted(run.logical_at.hour for run in runs_of(rig)) == [6, 7, 8]
    trigger(rig, schedule_interval="@hourly", catch_up="none")
    rig.clock.advance(3 * 3600 + 600)
    for _ in range(3):
        scheduler.run_pass()
    assert len(runs_of(rig)) == 3


def test_a_broken_pipeline_misses_its_tick_and_the_schedule_goes_on(rig):
    trigger(rig, schedule_interval="@hourly")
    rig.clock.advance(3600)
    scheduler_of(rig).run_pass()
    with rig.store.transaction(read_only=True) as tx:
        assert tx.triggers()[0].next_due_at > rig.clock.now()
    assert runs_of(rig) == []


def test_publishing_code_keeps_a_schedules_next_tick_and_deletes_what_is_gone(rig):
    trigger(rig, schedule_interval="@hourly")
    with rig.store.transaction(read_only=True) as tx:
        before = tx.triggers()[0]
    rig.clock.advance(3599)
    trigger(rig, schedule_interval="@hourly")
    with rig.store.transaction(read_only=True) as tx:
        assert tx.triggers()[0].next_due_at == before.next_due_at
    with rig.store.transaction() as tx:
        reconcile_triggers(tx, [], rig.clock.now())
    with rig.store.transaction(read_only=True) as tx:
        assert tx.triggers() == [] or tuple(tx.triggers()) == ()


def test_once_is_due_at_its_start_and_always_on_when_nothing_goes(rig):
    now = rig.clock.now()
    later = now + timedelta(hours=1)
    assert first_due(parse_schedule({"schedule_interval": "@once", "start_time": later.isoformat()}), now) == later
    rig.add(plan_of({"a": []}))
    trigger(rig, schedule_interval="@always_on")
    scheduler = scheduler_of(rig)
    for _ in range(3):
        scheduler.run_pass()
        rig.clock.advance(1)
    assert len(runs_of(rig)) == 1
    rig.finish(rig.claim()[0])
    scheduler.run_pass()
    assert len(runs_of(rig)) == 2


def test_stopping_does_not_wait_for_a_poll(rig):
    read, write = os.pipe()
    stopped = []
    scheduler = scheduler_of(rig, lambda: (stopped.append(1), os.write(write, b".")))
    scheduler.poll_seconds = 3600.0
    scheduler.run_until(lambda: bool(stopped), read)
    assert scheduler.passes == 1
    os.close(read)
    os.close(write)
