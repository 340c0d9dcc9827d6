"""Schedules that are due, on both databases: which runs they make, and what is kept of the ticks that make none."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_runtime.domain.due_ticks import jitter
from penstock_runtime.domain.errors import StoreContention
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.domain.schedules import first_due, parse_schedule
from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.ports.lost_ticks import LostKind, LostTick
from penstock_runtime.ports.run_store import RunFilter, Trigger
from penstock_runtime.runs import create
from penstock_runtime.runs.cancel import cancel_run
from penstock_runtime.runs.due import admit_waiting_runs
from penstock_runtime.runs.services import RunServices
from penstock_runtime.scheduler import ticks
from penstock_runtime.scheduler.ticks import BATCH, fire_due_triggers
from support.clocks import FakeClock
from support.engine_rig import Hints, Rig, plan_of

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def rig(run_store):
    made = Rig(run_store, FakeClock(NOW))
    made.add(plan_of({"a": []}))
    return made


def schedule(rig: Rig, name: str = "tick", pipeline: str = "p", **settings: Any) -> Trigger:
    """Keep an active schedule as of now."""
    settings = {"schedule_interval": "@hourly", **settings}
    now = rig.clock.now()
    due = first_due(parse_schedule(settings), now)
    made = Trigger(
        new_id(), pipeline, name, "schedule", True, settings, next_due_at=due, created_at=now, updated_at=now
    )
    with rig.store.transaction() as tx:
        tx.put_trigger(made)
    return made


def hours(rig: Rig, trigger: Trigger) -> list[int]:
    with rig.store.transaction(read_only=True) as tx:
        found = tx.runs(RunFilter(trigger_id=trigger.id), 500).items
    return sorted(run.logical_at.hour for run in found if run.logical_at)


def lost(rig: Rig, trigger: Trigger) -> list[LostTick]:
    with rig.store.transaction(read_only=True) as tx:
        return list(tx.lost_ticks(trigger.id, 100).items)


def kept(rig: Rig, trigger: Trigger) -> Trigger:
    with rig.store.transaction(read_only=True) as tx:
        found = tx.trigger(trigger.id)
    assert found is not None
    return found


class TestAfterDowntime:
    def test_the_latest_runs_and_the_gap_before_it_is_one_row(self, rig):
        trigger = schedule(rig)
        rig.clock.advance(5 * 3600)
        assert fire_due_triggers(rig.services) == 1
        assert hours(rig, trigger) == [11]
        [gap] = lost(rig, trigger)
        assert (gap.kind, gap.first_at, gap.last_at, gap.ticks) == (LostKind.MISSED, NOW + HOUR, NOW + 4 * HOUR, 4)
        assert kept(rig, trigger).tick_at == NOW + 6 * HOUR
        assert fire_due_triggers(rig.services) == 0

    def test_none_catches_nothing_up(self, rig):
        trigger = schedule(rig, catch_up="none")
        rig.clock.advance(5 * 3600 + 61)
        assert fire_due_triggers(rig.services) == 0
        assert hours(rig, trigger) == []
        assert [(gap.first_at, gap.last_at, gap.ticks) for gap in lost(rig, trigger)] == [
            (NOW + HOUR, NOW + 5 * HOUR, 5)
        ]

    def test_all_come_one_by_one_at_the_rate(self, rig):
        trigger = schedule(rig, catch_up="all", catch_up_per_minute=4)
        rig.clock.advance(3 * 3600 + 60)
        seen = []
        for _ in range(40):
            seen.append(fire_due_triggers(rig.services))
            rig.clock.advance(1)
        assert seen == [1, *[0] * 14, 1, *[0] * 14, 1, *[0] * 9]
        assert hours(rig, trigger) == [7, 8, 9]
        assert lost(rig, trigger) == []
        assert kept(rig, trigger).next_due_at == kept(rig, trigger).tick_at == NOW + 4 * HOUR

    def test_a_schedule_asked_for_a_run_when_it_became_active(self, rig):
        rig.clock.advance(1800)
        trigger = schedule(rig, catch_up="none", create_initial_pipeline_run=True)
        fire_due_triggers(rig.services)
        assert hours(rig, trigger) == [6]


class TestJitter:
    def test_runs_are_made_later_and_their_time_is_the_tick(self, rig):
        trigger = schedule(rig, jitter_seconds=1200)
        rig.clock.advance(3600)
        fire_due_triggers(rig.services)
        assert hours(rig, trigger) == [7]
        delay = jitter(parse_schedule(trigger.settings), trigger.id, NOW + 2 * HOUR)
        moved = kept(rig, trigger)
        assert (moved.tick_at, moved.next_due_at) == (NOW + 2 * HOUR, NOW + 2 * HOUR + delay)
        rig.clock.advance(3600 + delay.total_seconds() - 1)
        assert fire_due_triggers(rig.services) == 0
        rig.clock.advance(1)
        assert fire_due_triggers(rig.services) == 1
        assert hours(rig, trigger) == [7, 8]
        assert lost(rig, trigger) == []


class TestLimits:
    def test_a_schedule_that_runs_alone_skips_while_the_last_run_goes(self, rig):
        trigger = schedule(rig, skip_if_previous_running=True)
        for _ in range(4):
            rig.clock.advance(3600)
            fire_due_triggers(rig.services)
        assert hours(rig, trigger) == [7]
        [gap] = lost(rig, trigger)
        assert (gap.kind, gap.ticks, gap.first_at, gap.last_at) == (LostKind.SKIPPED, 3, NOW + 2 * HOUR, NOW + 4 * HOUR)
        rig.run_all()
        rig.clock.advance(3600)
        fire_due_triggers(rig.services)
        assert hours(rig, trigger) == [7, 11]

    def test_without_the_setting_runs_go_side_by_side(self, rig):
        trigger = schedule(rig)
        for _ in range(3):
            rig.clock.advance(3600)
            fire_due_triggers(rig.services)
        assert hours(rig, trigger) == [7, 8, 9]
        assert len(rig.claim()) == 3

    def test_a_schedules_own_limit_makes_its_runs_wait(self, rig):
        trigger = schedule(rig, pipeline_run_limit=1)
        for _ in range(3):
            rig.clock.advance(3600)
            fire_due_triggers(rig.services)
        assert hours(rig, trigger) == [7, 8, 9]
        assert admit_waiting_runs(rig.services) == 0
        for _ in range(3):
            [claimed] = rig.claim()
            rig.finish(claimed)
            admit_waiting_runs(rig.services)
        assert rig.claim() == []

    def test_or_skips_them(self, rig):
        trigger = schedule(rig, pipeline_run_limit=1, on_pipeline_run_limit_reached="skip")
        for _ in range(3):
            rig.clock.advance(3600)
            fire_due_triggers(rig.services)
        assert hours(rig, trigger) == [7]
        assert [gap.ticks for gap in lost(rig, trigger)] == [2]

    def test_held_runs_of_one_trigger_hold_up_no_other_of_the_pipeline(self, rig):
        rig.add(plan_of({"a": []}, run_limit_per_trigger=1))
        slow, other = schedule(rig, "slow"), schedule(rig, "other", start_time="2026-03-04 08:00:00")
        rig.clock.advance(3600)
        fire_due_triggers(rig.services)
        rig.claim()
        rig.clock.advance(3600)
        fire_due_triggers(rig.services)
        assert (hours(rig, slow), hours(rig, other)) == ([7, 8], [8])
        [claimed] = rig.claim()
        assert claimed.run.trigger_id == other.id
        rig.clock.advance(3600)
        fire_due_triggers(rig.services)
        rig.finish(claimed)
        assert admit_waiting_runs(rig.services) == 1
        assert [one.run.trigger_id for one in rig.claim()] == [other.id]

    def test_the_limit_of_all_triggers_counts_all(self, rig):
        rig.add(plan_of({"a": []}, run_limit=2))
        triggers = [schedule(rig, f"t{number}") for number in range(3)]
        rig.clock.advance(3600)
        assert fire_due_triggers(rig.services) == 3
        claimed = rig.claim()
        assert len(claimed) == 2
        rig.finish(claimed[0])
        assert admit_waiting_runs(rig.services) == 1
        assert {one.run.trigger_id for one in (*claimed, *rig.claim())} == {one.id for one in triggers}

    def test_always_on_begins_again_when_its_run_has_ended(self, rig):
        trigger = schedule(rig, schedule_interval="@always_on")
        for _ in range(3):
            fire_due_triggers(rig.services)
            rig.clock.advance(1)
        assert len(hours(rig, trigger)) == 1
        cancel_run(rig.services, rig.claim()[0].run.id)
        rig.clock.advance(1)
        fire_due_triggers(rig.services)
        assert len(hours(rig, trigger)) == 1, "the run that is being cancelled still goes"


class TestTrouble:
    def test_a_broken_pipeline_skips_its_ticks_and_stops_nobody(self, rig):
        rig.add(plan_of({"a": []}, slug="broken", problems=("custom/a.py:3: no such block",)))
        broken, sound = schedule(rig, pipeline="broken"), schedule(rig)
        for _ in range(2):
            rig.clock.advance(3600)
            fire_due_triggers(rig.services)
        assert (hours(rig, broken), hours(rig, sound)) == ([], [7, 8])
        [gap] = lost(rig, broken)
        assert (gap.kind, gap.ticks) == (LostKind.SKIPPED, 2)
        assert "no such block" in gap.reason
        assert kept(rig, broken).tick_at == NOW + 3 * HOUR

    def test_a_fault_of_ours_on_one_trigger_stops_nobody_either(self, rig, monkeypatch):
        sound = [schedule(rig, f"sound {number}") for number in range(BATCH + 3)]
        cursed = schedule(rig, "cursed")
        rig.clock.advance(3600)
        whole = ticks.create_run_in

        def broken(tx, services, request):
            made = whole(tx, services, request)
            if request.trigger.id == cursed.id:
                raise ZeroDivisionError("a fault of ours")
            return made

        monkeypatch.setattr(ticks, "create_run_in", broken)
        fire_due_triggers(rig.services)
        assert [hours(rig, one) for one in sound] == [[7]] * len(sound)
        assert hours(rig, cursed) == []
        [gap] = lost(rig, cursed)
        assert "a fault of ours" in gap.reason
        assert kept(rig, cursed).tick_at == NOW + 2 * HOUR

    def test_a_tick_whose_run_exists_makes_no_second(self, rig):
        trigger = schedule(rig)
        rig.clock.advance(3600)
        fire_due_triggers(rig.services)
        with rig.store.transaction() as tx:
            tx.move_trigger(trigger.id, NOW + HOUR, rig.clock.now())
        assert fire_due_triggers(rig.services) == 0
        assert hours(rig, trigger) == [7]

    def test_a_collision_is_tried_again_at_once_and_not_for_ever(self, rig, monkeypatch):
        trigger = schedule(rig)
        rig.clock.advance(3600)
        refusals = [StoreContention("deadlock")] * 2
        whole = create.create_run_in

        def colliding(*given):
            if refusals:
                raise refusals.pop()
            return whole(*given)

        monkeypatch.setattr(ticks, "create_run_in", colliding)
        assert fire_due_triggers(rig.services) == 1
        assert hours(rig, trigger) == [7]
        refusals.extend([StoreContention("deadlock")] * 3)
        rig.clock.advance(3600)
        with pytest.raises(StoreContention):
            fire_due_triggers(rig.services)
        assert fire_due_triggers(rig.services) == 1


class TestSeveralSchedulers:
    @pytest.mark.parametrize("limit", [None, 1])
    def test_each_tick_makes_one_run(self, postgres_url, limit):
        count, schedulers = 100, 3
        stores = [SqlRunStore.open(DatabaseOptions(postgres_url)) for _ in range(schedulers)]
        rig = Rig(stores[0], FakeClock(NOW))
        for number in range(5):
            rig.add(plan_of({"a": []}, slug=f"p{number}", run_limit=limit))
        triggers = [
            schedule(rig, f"t{number}", f"p{number % 5}", schedule_interval="* * * * *") for number in range(count)
        ]
        rig.clock.advance(60)
        made, begin = [0] * schedulers, threading.Barrier(schedulers)

        def fire(index: int) -> None:
            services = RunServices(stores[index], rig.plans, rig.clock, Hints())
            begin.wait()
            made[index] = fire_due_triggers(services)

        threads = [threading.Thread(target=fire, args=(index,)) for index in range(schedulers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = fire_due_triggers(rig.services)
        with rig.store.transaction(read_only=True) as tx:
            runs = tx.runs(RunFilter(), 500).items
            assert {one.tick_at for one in tx.triggers()} == {NOW + 2 * MINUTE}
        assert sorted((run.trigger_id, run.logical_at) for run in runs) == sorted(
            (trigger.id, NOW + MINUTE) for trigger in triggers
        )
        assert sum(made) + left == count
        assert sum(1 for one in made if one) > 1, "they share what is due at one instant"
        assert {run.status for run in runs} == {RunStatus.QUEUED}
        assert sum(run.admitted for run in runs) == (count if limit is None else 5)
        for store in stores:
            store.close()
