"""Who decides, when nothing may be decided, and what is kept of it."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from penstock_runtime.domain.errors import StoreUnavailable
from penstock_runtime.domain.scaling import Rules
from penstock_runtime.scaling.autoscaler import LEASE, Autoscaler, Target
from penstock_runtime.testing.clock import FakeClock
from penstock_runtime.testing.conformance.run_store_records import a_block_run, a_member, a_run, keep
from penstock_runtime.testing.memory_run_store import InMemoryRunStore
from penstock_runtime.testing.memory_scaler import InMemoryScaler

RULES = Rules(1, 4, look_seconds=10, cooldown_up_seconds=0, cooldown_down_seconds=60)
GROWS_AFTER = 3


class Rig:
    """A store with one scheduler of two slots, and scalers of processes that look at it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = InMemoryRunStore(self.clock.now)
        self.scaler = InMemoryScaler({"scheduler": 1})
        self.join("one")

    def join(self, name: str, **fields) -> None:
        given = {"expires_at": self.clock.now() + timedelta(days=1), "detail": {"slots": 2}}
        with self.store.transaction() as tx:
            tx.join(a_member(id=name, **(given | fields)))

    def autoscaler(
        self, holder: str = "a", *, dry_run: bool = False, spoken: bool = True, store=None, rules: Rules = RULES
    ) -> Autoscaler:
        target = Target("local:/x", "scheduler", self.scaler if spoken else None, dry_run)
        return Autoscaler(store or self.store, self.clock, target, rules, holder)

    def crowd(self, count: int = 40) -> None:
        run = a_run()
        due = self.clock.now()
        keep(self.store, run, *(a_block_run(run, f"b{index}", due_at=due) for index in range(count)))

    def looks(self, autoscaler: Autoscaler, count: int = GROWS_AFTER) -> list:
        found = []
        for _ in range(count):
            self.clock.advance(RULES.look_seconds)
            found.append(autoscaler.look())
        return found

    @property
    def kept(self) -> list:
        with self.store.transaction(read_only=True) as tx:
            return list(tx.scaling_decisions(100))


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_crowd_is_met_and_the_decision_kept(rig):
    rig.crowd()
    rig.looks(rig.autoscaler())
    assert rig.scaler.changes == [("scheduler", 4)]
    newest = rig.kept[0]
    assert (newest.before, newest.wanted, newest.applied, newest.dry_run) == (1, 4, True, False)
    assert newest.inputs["ready"] == 40
    assert newest.inputs["slots"] == 2
    assert newest.inputs["target_supported"] is True


def test_a_dry_run_decides_and_sets_nothing(rig):
    rig.crowd()
    rig.looks(rig.autoscaler(dry_run=True), 5)
    assert rig.scaler.changes == []
    newest = rig.kept[0]
    assert (newest.before, newest.wanted, newest.applied, newest.dry_run) == (1, 4, False, True)
    assert len(rig.kept) == 2, "the first hold, and one for all that say the same"


def test_a_target_that_nobody_speaks_to_is_looked_after_and_left_alone(rig):
    rig.crowd()
    rig.looks(rig.autoscaler(spoken=False))
    newest = rig.kept[0]
    assert (newest.before, newest.wanted, newest.applied, newest.dry_run) == (1, 4, False, True)
    assert newest.inputs["target_supported"] is False
    assert newest.inputs["target"] == "local:/x"


def test_one_of_several_decides_until_its_lease_has_passed(rig):
    first, second = rig.autoscaler("a"), rig.autoscaler("b")
    assert first.look() is not None
    assert second.look() is None
    rig.clock.advance(first.lease_seconds - 1)
    assert second.look() is None
    rig.clock.advance(1)
    assert second.look() is not None
    assert first.look() is None


def test_one_that_stops_lets_another_decide_at_once(rig):
    first = rig.autoscaler("a")
    assert first.look() is not None
    first.release()
    assert rig.autoscaler("b").look() is not None


def frozen_before_setting(rig, then) -> tuple:
    """Let a scaler look, stand still while `then` happens right before it would set, and go on; its decision."""
    rig.crowd()
    autoscaler = rig.autoscaler("a")
    rig.looks(autoscaler, GROWS_AFTER - 1)
    rig.clock.advance(RULES.look_seconds)
    asked = rig.scaler.current

    def current(service: str) -> int:
        found = asked(service)
        then(autoscaler)
        return found

    rig.scaler.current = current
    return autoscaler.look(), autoscaler


def test_one_that_was_frozen_sets_nothing_once_another_has_decided(rig):
    def freeze(autoscaler):
        """A machine that slept: its own clock did not count."""
        rig.clock.set(rig.clock.now() + timedelta(seconds=autoscaler.lease_seconds))
        with rig.store.transaction() as tx:
            held = tx.acquire_lease(LEASE, "b", rig.clock.now(), rig.clock.now() + timedelta(seconds=1))
        assert held.holder == "b"
        rig.clock.set(rig.clock.now() + timedelta(seconds=2))

    decision, _ = frozen_before_setting(rig, freeze)
    assert decision.wanted == 4
    assert not decision.applied
    assert "not set" in decision.reason
    assert rig.scaler.changes == []


def test_one_that_was_frozen_sets_nothing_from_an_old_look_either(rig):
    decision, autoscaler = frozen_before_setting(rig, lambda one: rig.clock.advance(one.lease_seconds + 1))
    assert not decision.applied
    assert rig.scaler.changes == []
    rig.scaler.current = InMemoryScaler.current.__get__(rig.scaler)
    rig.looks(autoscaler, 1)
    assert rig.scaler.changes == [("scheduler", 4)], "the next look is a fresh one"


def test_without_the_database_nothing_is_decided(rig, caplog):
    class Away:
        @contextmanager
        def transaction(self, *, read_only: bool = False):
            raise StoreUnavailable("gone")
            yield

    rig.crowd()
    with caplog.at_level(logging.WARNING):
        assert rig.looks(rig.autoscaler(store=Away()), 4) == [None] * 4
    assert rig.scaler.changes == []
    assert "stays as it is" in caplog.text


def test_without_an_answer_about_the_present_number_nothing_is_decided(rig):
    rig.crowd()
    rig.scaler.away = True
    assert rig.looks(rig.autoscaler(), 4) == [None] * 4
    assert rig.kept == []


def test_a_number_that_was_refused_is_said_and_tried_again(rig):
    rig.crowd()
    autoscaler = rig.autoscaler()
    allowed = rig.scaler.set
    rig.looks(autoscaler, GROWS_AFTER - 1)
    rig.scaler.set = lambda service, count: allowed("other", count)
    (refused,) = rig.looks(autoscaler, 1)
    assert not refused.applied
    assert "there is no service other" in refused.reason
    rig.scaler.set = allowed
    rig.looks(autoscaler, 1)
    assert rig.scaler.changes == [("scheduler", 4)]


def test_a_new_holder_knows_when_the_number_was_changed_last(rig):
    """The cooldown outlives whoever made the change."""
    rules = replace(RULES, cooldown_up_seconds=600)
    first, second = rig.autoscaler("a", rules=rules), rig.autoscaler("b", rules=rules)
    rig.crowd(4)
    rig.looks(first)
    assert rig.scaler.changes == [("scheduler", 2)]
    first.release()
    rig.crowd(40)
    made = rig.looks(second, 10)
    assert {decision.wanted for decision in made} == {2}
    assert "the last growth is too recent" in made[-1].reason
    rig.clock.advance(600)
    assert rig.looks(second, 1)[0].wanted == 4


def test_standbys_do_not_count_as_working(rig):
    rig.join("two", standby=True)
    rig.join("three", detail={"standby": True})
    decision = rig.autoscaler().look()
    assert (decision.inputs["schedulers"], decision.inputs["standbys"]) == (1, 2)


def test_those_whose_lease_has_passed_are_not_alive(rig):
    rig.join("two", expires_at=rig.clock.now() - timedelta(seconds=1))
    assert rig.autoscaler().look().inputs["schedulers"] == 1


def test_slots_are_those_that_schedulers_say(rig):
    rig.join("two", detail={"slots": 6})
    rig.join("three", detail={})
    assert rig.autoscaler().look().inputs["slots"] == 4


def test_what_says_the_same_is_kept_now_and_then(rig):
    rig.looks(rig.autoscaler(), 60)
    assert len(rig.kept) == 10
    ages = [one.at for one in reversed(rig.kept)]
    assert {(later - earlier).total_seconds() for earlier, later in pairwise(ages)} == {60.0}


def test_arrivals_are_what_ended_and_what_is_there_more_than_before(rig):
    autoscaler = rig.autoscaler()
    assert autoscaler.look().inputs["arrivals_per_second"] == 0
    rig.crowd(12)
    (decision,) = rig.looks(autoscaler, 1)
    assert decision.inputs["arrivals_per_second"] == pytest.approx(12 / 120)


def test_many_at_once_give_one_number(rig):
    """Eight processes look at the same time; the number is set once."""
    rig.crowd()
    everyone = [rig.autoscaler(f"h{index}") for index in range(8)]
    for _ in range(GROWS_AFTER + 2):
        rig.clock.advance(RULES.look_seconds)
        threads = [threading.Thread(target=one.look) for one in everyone]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        everyone.sort(key=lambda one: one._past is None)
    assert rig.scaler.changes == [("scheduler", 4)]
    assert len({one.id for one in rig.kept}) == len(rig.kept)


def test_a_number_outside_the_bounds_is_mended_at_once(rig):
    rig.scaler.set("scheduler", 9)
    rig.scaler.changes.clear()
    rig.autoscaler().look()
    assert rig.scaler.changes == [("scheduler", RULES.most)]
