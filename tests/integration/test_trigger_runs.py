"""Runs that triggers make by hand, by token and by event; what the code declares."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_runtime.domain.due_ticks import jitter
from penstock_runtime.domain.errors import IdempotencyConflict, InvalidInput, NotFound
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.schedules import parse_schedule
from penstock_runtime.domain.trigger_rules import token_digest
from penstock_runtime.ports.lost_ticks import LostKind
from penstock_runtime.ports.run_store import RunFilter, Trigger
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.create import RunLimitReached
from penstock_runtime.runs.trigger_runs import (
    TOKEN_PREFIX,
    TriggerPaused,
    UnknownToken,
    fire_trigger,
    receive_event,
    remove_token,
    set_new_token,
    trigger_of_token,
)
from penstock_runtime.scheduler.ticks import fire_due_triggers
from penstock_runtime.scheduler.trigger_sync import reconcile_triggers
from support.clocks import FakeClock
from support.engine_rig import Rig, plan_of

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAID = {"event": {"name": "order.paid", "match": {"$.country": "DE"}}}


@pytest.fixture
def rig(run_store):
    made = Rig(run_store, FakeClock(NOW))
    made.add(plan_of({"a": []}, variables={"from": "pipeline", "x": 0}))
    return made


def keep(rig: Rig, name: str = "t", kind: str = "api", **fields: Any) -> Trigger:
    made = Trigger(new_id(), fields.pop("pipeline", "p"), name, kind, **{"active": True, "created_at": NOW, **fields})
    with rig.store.transaction() as tx:
        tx.put_trigger(made)
    return made


def fire(rig: Rig, trigger_id: str, **given: Any):
    given = {"variables": {}, "idempotency_key": None, "created_by": None, **given}
    return fire_trigger(rig.services, trigger_id, **given)


def all_runs(rig: Rig) -> list[Any]:
    with rig.store.transaction(read_only=True) as tx:
        return list(tx.runs(RunFilter(), 100).items)


def stored(rig: Rig, trigger_id: str) -> Trigger:
    with rig.store.transaction(read_only=True) as tx:
        found = tx.trigger(trigger_id)
    assert found is not None
    return found


class TestByHand:
    @pytest.mark.parametrize("kind", ["api", "schedule", "event"])
    @pytest.mark.parametrize("active", [True, False])
    def test_any_trigger_is_fired_without_a_logical_time(self, rig, kind, active):
        trigger = keep(rig, kind=kind, active=active, variables={"from": "trigger"})
        run, created = fire(rig, trigger.id, variables={"x": 1}, created_by="user:ada", event={"why": "now"})
        assert created
        assert (run.trigger_id, run.trigger_kind, run.logical_at) == (trigger.id, kind, None)
        assert run.variables == {"from": "trigger", "x": 1}
        assert (run.created_by, run.event) == ("user:ada", {"why": "now"})
        assert Wakeup("work", run.id) in rig.hints.sent
        assert fire(rig, trigger.id)[0].id != run.id

    def test_a_deleted_trigger_is_not(self, rig):
        trigger = keep(rig)
        with rig.store.transaction() as tx:
            tx.delete_trigger(trigger.id, NOW)
        for gone in (trigger.id, "no such trigger"):
            with pytest.raises(NotFound):
                fire(rig, gone)
        assert all_runs(rig) == []

    def test_a_key_means_one_run_of_its_trigger(self, rig):
        first, second = keep(rig, "first"), keep(rig, "second")
        run, _ = fire(rig, first.id, idempotency_key="k")
        assert fire(rig, first.id, idempotency_key="k") == (run, False)
        assert fire(rig, second.id, idempotency_key="k")[1]
        with pytest.raises(IdempotencyConflict):
            fire(rig, first.id, idempotency_key="k", variables={"x": 5})

    def test_a_repeat_finds_its_run_however_full_the_trigger_is(self, rig):
        trigger = keep(rig, settings={"skip_if_previous_running": True})
        run, _ = fire(rig, trigger.id, idempotency_key="k")
        assert fire(rig, trigger.id, idempotency_key="k") == (run, False)
        with pytest.raises(RunLimitReached, match="still going"):
            fire(rig, trigger.id, idempotency_key="other")
        rig.run_all()
        assert fire(rig, trigger.id, idempotency_key="other")[1], "the refused key was not used up"


class TestTokens:
    def test_a_token_is_shown_once_and_only_its_digest_is_kept(self, rig):
        trigger = keep(rig)
        token = set_new_token(rig.services, trigger.id)
        assert token.startswith(TOKEN_PREFIX)
        assert len(token) > 40
        kept = stored(rig, trigger.id)
        assert kept.token_digest == token_digest(token)
        assert token not in repr(kept)
        assert trigger_of_token(rig.services, token).id == trigger.id

    def test_a_new_token_ends_the_one_before(self, rig):
        trigger = keep(rig)
        old, new = set_new_token(rig.services, trigger.id), set_new_token(rig.services, trigger.id)
        assert trigger_of_token(rig.services, new).id == trigger.id
        for token in (old, "", new[:-1], token_digest(new)):
            with pytest.raises(UnknownToken):
                trigger_of_token(rig.services, token)
        remove_token(rig.services, trigger.id)
        with pytest.raises(UnknownToken):
            trigger_of_token(rig.services, new)

    def test_a_paused_trigger_says_so_and_a_deleted_one_has_no_token(self, rig):
        trigger = keep(rig)
        token = set_new_token(rig.services, trigger.id)
        with rig.store.transaction() as tx:
            tx.put_trigger(replace(stored(rig, trigger.id), active=False))
        with pytest.raises(TriggerPaused):
            trigger_of_token(rig.services, token)
        with rig.store.transaction() as tx:
            tx.delete_trigger(trigger.id, NOW)
        with pytest.raises(UnknownToken):
            trigger_of_token(rig.services, token)
        for change in (set_new_token, remove_token):
            with pytest.raises(NotFound):
                change(rig.services, trigger.id)


class TestEvents:
    def test_an_event_starts_the_triggers_that_wait_for_it(self, rig):
        wanted = [keep(rig, name, "event", settings=PAID) for name in ("a", "b")]
        keep(rig, "french", "event", settings={"event": {"name": "order.paid", "match": {"$.country": "FR"}}})
        keep(rig, "sent", "event", settings={"event": {"name": "order.sent"}})
        keep(rig, "paused", "event", settings=PAID, active=False)
        payload = {"country": "DE", "order": 7}
        runs = receive_event(rig.services, "order.paid", payload, None)
        assert [run.trigger_id for run in runs] == [one.id for one in wanted]
        assert all(run.event == payload and run.logical_at is None for run in runs)
        assert {run.id for run in all_runs(rig)} == {run.id for run in runs}
        assert {Wakeup("work", run.id) for run in runs} <= set(rig.hints.sent)

    def test_an_event_that_nobody_waits_for_is_no_error(self, rig):
        assert receive_event(rig.services, "order.lost", {}, "k") == []

    def test_a_repeat_gives_the_runs_it_made(self, rig):
        for name in ("a", "b"):
            keep(rig, name, "event", settings=PAID)
        first = receive_event(rig.services, "order.paid", {"country": "DE"}, "k")
        again = receive_event(rig.services, "order.paid", {"country": "DE"}, "k")
        assert [run.id for run in again] == [run.id for run in first]
        assert len(all_runs(rig)) == 2
        assert len(receive_event(rig.services, "order.paid", {"country": "DE"}, "other")) == 2
        rig.clock.advance(8 * 24 * 3600)
        fresh = receive_event(rig.services, "order.paid", {"country": "DE"}, "k")
        assert {run.id for run in fresh}.isdisjoint({run.id for run in first}), "keys are kept for seven days"

    def test_a_key_with_another_payload_keeps_nothing_of_the_event(self, rig):
        keep(rig, "b", "event", settings=PAID)
        receive_event(rig.services, "order.paid", {"country": "DE", "order": 1}, "k")
        keep(rig, "a", "event", settings=PAID)  # comes first, and would make a run
        with pytest.raises(IdempotencyConflict):
            receive_event(rig.services, "order.paid", {"country": "DE", "order": 2}, "k")
        assert len(all_runs(rig)) == 1
        assert len(receive_event(rig.services, "order.paid", {"country": "DE", "order": 1}, "k")) == 2

    def test_a_broken_trigger_stops_no_other(self, rig):
        rig.add(plan_of({"a": []}, slug="broken", problems=("custom/a.py:3: no such block",)))
        broken = keep(rig, "a", "event", pipeline="broken", settings=PAID)
        gone = keep(rig, "a", "event", pipeline="gone", settings=PAID)
        sound = keep(rig, "z", "event", settings=PAID)
        full = keep(rig, "zz", "event", settings={**PAID, "skip_if_previous_running": True})
        fire(rig, full.id)
        runs = receive_event(rig.services, "order.paid", {"country": "DE"}, "k")
        assert [run.trigger_id for run in runs] == [sound.id]
        with rig.store.transaction(read_only=True) as tx:
            for trigger in (broken, gone, full):
                [row] = tx.lost_ticks(trigger.id, 5).items
                assert (row.kind, row.first_at) == (LostKind.SKIPPED, NOW)
        rig.run_all()
        # The refused trigger did not use the key up: the event, sent again, gets its run.
        again = receive_event(rig.services, "order.paid", {"country": "DE"}, "k")
        assert {run.trigger_id for run in again} == {sound.id, full.id}

    @pytest.mark.parametrize("payload", [{"x": float("nan")}, {"x": {1, 2}}, ["a"], "text"])
    def test_a_payload_is_a_json_object(self, rig, payload):
        with pytest.raises(InvalidInput) as refused:
            receive_event(rig.services, "order.paid", payload, None)
        assert refused.value.field == "payload"


class TestDeclared:
    def declare(self, rig: Rig, *declared: Trigger) -> dict[str, Trigger]:
        with rig.store.transaction() as tx:
            reconcile_triggers(tx, declared, rig.clock.now())
            return {one.name: one for one in tx.triggers()}

    def hourly(self, **fields: Any) -> Trigger:
        settings = {"schedule_interval": "@hourly", **fields.pop("settings", {})}
        return replace(Trigger("", "p", "t", "schedule", True, settings, in_code=True), **fields)

    def test_a_schedule_that_did_not_change_keeps_its_tick_whatever_else_did(self, rig):
        with_jitter = {"jitter_seconds": 600}
        first = self.declare(rig, self.hourly(settings=with_jitter))["t"]
        rig.clock.advance(3600 + 600)
        fire_due_triggers(rig.services)
        moved = stored(rig, first.id)
        rig.clock.advance(3600)
        changed = self.declare(rig, self.hourly(settings={**with_jitter, "sla": 60}, variables={"x": 2}))["t"]
        assert (changed.id, changed.variables) == (first.id, {"x": 2})
        assert (changed.next_due_at, changed.next_tick_at) == (moved.next_due_at, moved.next_tick_at)
        assert changed.tick_at == NOW + 2 * HOUR

    def test_one_that_changed_begins_anew(self, rig):
        self.declare(rig, self.hourly())
        rig.clock.advance(7200)
        assert self.declare(rig, self.hourly(settings={"timezone": "Asia/Kathmandu"}))["t"].next_due_at == (
            NOW + 2 * HOUR + timedelta(minutes=15)
        )

    def test_resumed_in_code_it_begins_with_its_next_tick(self, rig):
        self.declare(rig, self.hourly())
        paused = self.declare(rig, self.hourly(active=False))["t"]
        assert (paused.active, paused.next_due_at) == (False, None)
        rig.clock.advance(5 * 3600)
        assert fire_due_triggers(rig.services) == 0
        # Whatever `catch_up` says: it was paused on purpose.
        resumed = self.declare(rig, self.hourly(settings={"catch_up": "all"}))["t"]
        assert resumed.next_due_at == NOW + 6 * HOUR
        assert fire_due_triggers(rig.services) == 0
        rig.clock.advance(3600)
        assert fire_due_triggers(rig.services) == 1
        assert [run.logical_at for run in all_runs(rig)] == [NOW + 6 * HOUR]

    def test_the_first_tick_has_its_jitter_too(self, rig):
        trigger = self.declare(rig, self.hourly(settings={"jitter_seconds": 600}))["t"]
        delay = jitter(parse_schedule(trigger.settings), trigger.id, NOW + HOUR)
        assert (trigger.tick_at, trigger.next_due_at) == (NOW + HOUR, NOW + HOUR + delay)
        rig.clock.advance(3600 + delay.total_seconds() - 1)
        assert fire_due_triggers(rig.services) == 0
        rig.clock.advance(1)
        assert fire_due_triggers(rig.services) == 1
        assert [run.logical_at for run in all_runs(rig)] == [NOW + HOUR]

    def test_what_is_gone_from_the_code_is_deleted_and_comes_back_under_its_id_without_its_token(self, rig):
        first = self.declare(rig, self.hourly())["t"]
        token = set_new_token(rig.services, first.id)
        by_hand = keep(rig, "by hand")
        assert set(self.declare(rig)) == {"by hand"}
        assert stored(rig, first.id).deleted_at is not None
        with pytest.raises(UnknownToken):
            trigger_of_token(rig.services, token)
        back = self.declare(rig, self.hourly())
        assert back["t"].id == first.id
        assert back["by hand"].id == by_hand.id
        with pytest.raises(UnknownToken):
            trigger_of_token(rig.services, token)

    def test_the_codes_token_counts_and_without_one_a_persons_stays(self, rig):
        declared = Trigger("", "p", "t", "api", True, in_code=True, token_digest=token_digest("from the file, long"))
        first = self.declare(rig, declared)["t"]
        assert trigger_of_token(rig.services, "from the file, long").id == first.id
        without = replace(declared, token_digest=None)
        self.declare(rig, without)
        token = set_new_token(rig.services, first.id)
        self.declare(rig, replace(without, variables={"x": 1}))
        assert trigger_of_token(rig.services, token).id == first.id
        self.declare(rig, declared)
        with pytest.raises(UnknownToken):
            trigger_of_token(rig.services, token)
