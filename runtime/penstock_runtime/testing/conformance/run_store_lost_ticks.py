"""What every run store must do for triggers and the times of their runs. Subclass with a `store` fixture."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.ports.lost_ticks import LostKind, LostTick, TriggerMove
from penstock_runtime.ports.run_store import DueTimes, RunStore
from penstock_runtime.testing.conformance.run_store_fleet import a_trigger
from penstock_runtime.testing.conformance.run_store_records import NOW, a_run, keep

MINUTE = timedelta(minutes=1)
R = RunStatus


def skipped(trigger_id: str, minute: int, **fields: object) -> LostTick:
    """Return one skipped tick."""
    at = NOW + minute * MINUTE
    tick = LostTick(new_id(), trigger_id, LostKind.SKIPPED, at, at, 1, "the last run was going", at)
    return replace(tick, **fields)  # type: ignore[arg-type]


class LostTickConformance:
    """Lost ticks; triggers by token and event; deadlines and service levels."""

    # --- lost ticks --------------------------------------------------------------------------------------------------
    def test_ticks_skipped_one_after_another_are_one_gap(self, store: RunStore) -> None:
        """With the first one's id and start, and the last one's end."""
        first = skipped("t", 0)
        with store.transaction() as tx:
            tx.record_lost_ticks(first)
            tx.record_lost_ticks(skipped("other", 1))
            tx.record_lost_ticks(skipped("t", 1))
            tx.record_lost_ticks(skipped("t", 2, last_at=NOW + 4 * MINUTE, ticks=3))
            grown = replace(first, last_at=NOW + 4 * MINUTE, ticks=5, recorded_at=NOW + 2 * MINUTE)
            assert tx.lost_ticks("t", 10).items == [grown]

    def test_a_gap_ends_with_a_run_another_reason_or_kind(self, store: RunStore) -> None:
        """Then a new row begins; a tick that is told again makes none longer."""
        trigger = a_trigger("hourly")
        with store.transaction() as tx:
            tx.put_trigger(trigger)
            tx.record_lost_ticks(skipped(trigger.id, 0))
        keep(store, a_run(trigger_id=trigger.id, logical_at=NOW + MINUTE))
        with store.transaction() as tx:
            tx.record_lost_ticks(skipped(trigger.id, 2))
            tx.record_lost_ticks(skipped(trigger.id, 3, reason="the pipeline is broken"))
            tx.record_lost_ticks(skipped(trigger.id, 4, reason="the pipeline is broken", kind=LostKind.MISSED))
            tx.record_lost_ticks(skipped(trigger.id, 4, kind=LostKind.MISSED, reason="the pipeline is broken"))
            found = tx.lost_ticks(trigger.id, 10).items
        assert [(one.kind, one.ticks) for one in found[2:]] == [(LostKind.SKIPPED, 1)] * 3
        assert [(one.kind, one.first_at) for one in found[:2]] == [(LostKind.MISSED, NOW + 4 * MINUTE)] * 2

    def test_gaps_are_listed_last_recorded_first(self, store: RunStore) -> None:
        """Page by page; a cursor of nobody's is refused."""
        with store.transaction() as tx:
            for minute in range(3):
                tx.record_lost_ticks(skipped("t", minute, reason=f"reason {minute}"))
            first = tx.lost_ticks("t", 2)
            assert [one.reason for one in first.items] == ["reason 2", "reason 1"]
            assert first.next_cursor is not None
            last = tx.lost_ticks("t", 2, first.next_cursor)
            assert [one.reason for one in last.items] == ["reason 0"]
            assert last.next_cursor is None
            assert tx.lost_ticks("nobody", 2).items == []
            with pytest.raises(InvalidInput):
                tx.lost_ticks("t", 2, "no cursor")

    # --- triggers ----------------------------------------------------------------------------------------------------
    def test_a_tick_may_stand_apart_from_when_it_is_due(self, store: RunStore) -> None:
        """`tick_at` is it; a plain move puts both together again."""
        first, second = a_trigger("a", next_due_at=NOW), a_trigger("b", next_due_at=NOW)
        with store.transaction() as tx:
            for trigger in (first, second):
                tx.put_trigger(trigger)
            later = NOW + 2 * MINUTE
            tx.move_triggers([TriggerMove(first.id, later, NOW + MINUTE), TriggerMove(second.id, None)], NOW)
            tx.move_triggers([], NOW)
            moved = tx.trigger(first.id)
            assert moved is not None
            assert (moved.next_due_at, moved.next_tick_at, moved.tick_at) == (later, NOW + MINUTE, NOW + MINUTE)
            assert tx.due_times() == DueTimes(schedules=later)
            assert [one.tick_at for one in tx.due_triggers(later, 5)] == [NOW + MINUTE]
            tx.move_trigger(first.id, later, NOW)
            again = tx.lock_trigger(first.id)
            assert again is not None
            assert again.tick_at == later
            assert tx.lock_trigger("no such trigger") is None

    def test_a_trigger_is_found_by_its_token(self, store: RunStore) -> None:
        """By the digest that was set last, while the trigger lives."""
        trigger, other = a_trigger("call", kind="api"), a_trigger("other", kind="api")
        with store.transaction() as tx:
            tx.put_trigger(trigger)
            tx.put_trigger(other)
            assert tx.set_trigger_token(other.id, "d-other", NOW)
            assert tx.set_trigger_token(trigger.id, "d1", NOW)
            assert tx.set_trigger_token(trigger.id, "d2", NOW)
            assert not tx.set_trigger_token("no such trigger", "d3", NOW)
            assert tx.trigger_of_token("d1") is None
            found = tx.trigger_of_token("d2")
            assert found is not None
            assert (found.id, found.token_digest) == (trigger.id, "d2")
            second = tx.trigger_of_token("d-other")
            assert second is not None
            assert second.id == other.id
            tx.delete_trigger(trigger.id, NOW)
            assert tx.trigger_of_token("d2") is None
            assert not tx.set_trigger_token(trigger.id, "d3", NOW)

    def test_an_event_finds_the_active_triggers_that_name_it(self, store: RunStore) -> None:
        """By pipeline and name; whatever else their settings say."""
        paid = {"event": {"name": "order.paid", "match": {"$.a": 1}}}
        with store.transaction() as tx:
            tx.put_trigger(a_trigger("b", kind="event", settings=paid))
            tx.put_trigger(a_trigger("a", kind="event", settings=paid))
            tx.put_trigger(a_trigger("sent", kind="event", settings={"event": {"name": "order.sent"}}))
            tx.put_trigger(a_trigger("paused", kind="event", settings=paid, active=False))
            tx.put_trigger(gone := a_trigger("gone", kind="event", settings=paid))
            tx.delete_trigger(gone.id, NOW)
            tx.put_trigger(a_trigger("clock", settings=paid))
            tx.put_trigger(a_trigger("changed", kind="event", settings=paid))
            tx.put_trigger(a_trigger("changed", kind="event", settings={}))
            assert [one.name for one in tx.triggers_of_event("order.paid")] == ["a", "b"]
            assert [one.name for one in tx.triggers_of_event("order")] == []

    def test_a_key_is_read_without_being_claimed(self, store: RunStore) -> None:
        """Until it expires."""
        with store.transaction() as tx:
            assert tx.idempotency_key("scope", "key", NOW) is None
            tx.claim_idempotency_key("scope", "key", "hash", "run", NOW + MINUTE)
            assert tx.idempotency_key("scope", "key", NOW) == ("run", "hash")
            assert tx.idempotency_key("scope", "key", NOW + MINUTE) is None
            assert tx.idempotency_key("other", "key", NOW) is None

    # --- limits ------------------------------------------------------------------------------------------------------
    def test_going_runs_are_counted_by_trigger(self, store: RunStore) -> None:
        """Held ones hold nobody up; runs that no trigger made count together."""
        going = a_run(trigger_id="t1", status=R.RUNNING)
        for run in (
            going,
            a_run(trigger_id="t1", admitted=False),
            a_run(trigger_id="t1", status=R.SUCCEEDED, ended_at=NOW),
            a_run(trigger_id="t2"),
            a_run(),
            a_run(pipeline="other", trigger_id="t1"),
        ):
            keep(store, run)
        keep(store, held := a_run(trigger_id="t3", admitted=False, created_at=NOW + MINUTE))
        with store.transaction(read_only=True) as tx:
            assert tx.running_runs("flights", "t1") == (3, 1)
            assert tx.running_runs("flights", "t3") == (3, 0)
            assert tx.running_runs("flights", None) == (3, 1)
            assert tx.unfinished_run_of("t3") == held.id
            assert tx.unfinished_run_of("t4") is None

    def test_of_held_runs_each_trigger_shows_its_oldest(self, store: RunStore) -> None:
        """Oldest first; those without a trigger stand as those of one."""
        runs = [
            a_run(trigger_id=trigger_id, admitted=False, created_at=NOW + index * MINUTE)
            for index, trigger_id in enumerate(("t1", "t1", None, None, "t2"))
        ]
        for run in runs:
            keep(store, run)
        with store.transaction(read_only=True) as tx:
            assert [run.id for run in tx.queued_unadmitted_runs(9)] == [runs[0].id, runs[2].id, runs[4].id]

    # --- deadlines and service levels --------------------------------------------------------------------------------
    def test_a_deadline_comes_once(self, store: RunStore) -> None:
        """For runs that have not ended; noting it takes it away."""
        late = a_run(deadline_at=NOW, timeout_status="failed")
        later = a_run(deadline_at=NOW + MINUTE, status=R.RUNNING)
        for run in (late, later, a_run(), a_run(deadline_at=NOW, status=R.SUCCEEDED, ended_at=NOW)):
            keep(store, run)
        with store.transaction() as tx:
            assert tx.due_times() == DueTimes(timeouts=NOW)
            assert tx.overdue_runs(NOW, 5) == [late.id]
            assert tx.overdue_runs(NOW + MINUTE, 5) == [late.id, later.id]
            assert tx.overdue_runs(NOW + MINUTE, 1) == [late.id]
            assert tx.note_timeout(late.id, NOW)
            assert not tx.note_timeout(late.id, NOW)
            assert tx.run(late.id) == replace(late, timed_out_at=NOW, deadline_at=None)
            assert tx.overdue_runs(NOW, 5) == []
            tx.set_deadline(later.id, None, None)
            assert tx.due_times() == DueTimes()

    def test_a_new_epoch_has_no_deadline_until_it_is_given_one(self, store: RunStore) -> None:
        """And is not one that timed out."""
        run = a_run(status=R.FAILED, ended_at=NOW, timed_out_at=NOW, timeout_status="failed", deadline_at=NOW)
        keep(store, run)
        with store.transaction() as tx:
            tx.open_epoch(run.id, "b", 1, NOW)
            again = tx.run(run.id)
            assert again is not None
            assert (again.timed_out_at, again.deadline_at) == (None, None)
            tx.set_deadline(run.id, NOW + MINUTE, "cancelled")
            assert tx.overdue_runs(NOW + MINUTE, 5) == [run.id]

    def test_a_service_level_that_was_kept_is_told_to_nobody(self, store: RunStore) -> None:
        """One that was missed before the end is, once."""
        kept, missed, going = (a_run(sla_at=NOW + MINUTE) for _ in range(3))
        for run in (kept, missed, going, a_run()):
            keep(store, run)
        with store.transaction() as tx:
            assert tx.due_times() == DueTimes(promises=NOW + MINUTE)
            tx.change_run(kept.id, (R.QUEUED,), R.FAILED, ended_at=NOW)
            tx.change_run(missed.id, (R.QUEUED,), R.SUCCEEDED, ended_at=NOW + 2 * MINUTE)
            assert tx.broken_promises(NOW, 5) == []
            assert {run.id for run in tx.broken_promises(NOW + MINUTE, 5)} == {missed.id, going.id}
            assert len(tx.broken_promises(NOW + MINUTE, 1)) == 1
            tx.note_sla(missed.id, NOW + MINUTE)
            tx.note_sla(missed.id, NOW + 9 * MINUTE)
            found = tx.run(missed.id)
            assert found is not None
            assert (found.sla_at, found.sla_missed_at) == (None, NOW + MINUTE)
            assert [run.id for run in tx.broken_promises(NOW + MINUTE, 5)] == [going.id]


class ConcurrentTriggerConformance:
    """Where several schedulers may work at once."""

    def test_a_missed_service_level_is_taken_by_one(self, store: RunStore) -> None:
        """Runs that one transaction tells of are passed over by the other."""
        for _ in range(2):
            keep(store, a_run(sla_at=NOW))
        with store.transaction() as first, store.transaction() as second:
            assert len(first.broken_promises(NOW, 1)) == 1
            assert len(second.broken_promises(NOW, 5)) == 1
