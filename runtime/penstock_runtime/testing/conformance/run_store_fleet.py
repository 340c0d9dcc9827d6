"""What every run store must do about what is due, members, rights and triggers. Subclass with a `store` fixture."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import BlockRunKind, BlockRunStatus, Lease, RunStatus
from penstock_runtime.ports.run_store import DueTimes, RunStore, Trigger
from penstock_runtime.testing.conformance.run_store_records import (
    NOW,
    SECOND,
    Joined,
    a_block_run,
    a_member,
    a_run,
    in_threads,
    keep,
    ready_run,
)

B, R = BlockRunStatus, RunStatus


def a_trigger(name: str, **fields: Any) -> Trigger:
    """Return an active schedule of the pipeline `flights`."""
    given: dict[str, Any] = {
        "id": new_id(),
        "pipeline": "flights",
        "name": name,
        "kind": "schedule",
        "active": True,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Trigger(**(given | fields))


class FleetConformance:
    """What is due; members and their leases; triggers; totals."""

    # --- what is due -------------------------------------------------------------------------------------------------
    def test_waits_end_at_their_time(self, store: RunStore) -> None:
        """Longest due first, as many as asked for; ready since then."""
        run = a_run()
        rows = [
            a_block_run(run, "a", status=B.RETRY_WAIT, due_at=NOW),
            a_block_run(run, "b", status=B.DEFERRED, due_at=NOW - SECOND),
            a_block_run(run, "c", status=B.DEFERRED, due_at=NOW + SECOND),
            a_block_run(run, "d", status=B.PENDING, due_at=NOW - SECOND),
        ]
        keep(store, run, *rows)
        with store.transaction() as tx:
            assert tx.due_times() == DueTimes(waits=NOW - SECOND)
            assert list(tx.make_due_ready(NOW, 1)) == [(run.id, rows[1].id)]
            assert list(tx.make_due_ready(NOW, 5)) == [(run.id, rows[0].id)]
            assert list(tx.make_due_ready(NOW, 5)) == []
            assert tx.block_run(run.id, "b") == replace(rows[1], status=B.READY, due_at=NOW)
            assert tx.due_times().waits == NOW + SECOND

    def test_schedules_have_their_own_due_time(self, store: RunStore) -> None:
        """Active ones that are not deleted; None when nothing waits."""
        with store.transaction() as tx:
            assert tx.due_times() == DueTimes()
            tx.put_trigger(a_trigger("paused", active=False, next_due_at=NOW - SECOND))
            tx.put_trigger(gone := a_trigger("gone", next_due_at=NOW - SECOND))
            tx.delete_trigger(gone.id, NOW)
            tx.put_trigger(a_trigger("hourly", next_due_at=NOW))
            assert tx.due_times() == DueTimes(schedules=NOW)

    def test_held_runs_are_admitted(self, store: RunStore) -> None:
        """The oldest of each pipeline; what waits on nothing becomes ready, and the run counts from then on."""
        early = a_run(pipeline="early", admitted=False, created_at=NOW - SECOND)
        held = [a_run(admitted=False, created_at=NOW + index * SECOND) for index in range(2)]
        for run in (early, *held):
            keep(
                store,
                run,
                a_block_run(run, "a", status=B.PENDING),
                a_block_run(run, "b", status=B.PENDING, waiting_on=1),
                a_block_run(run, "", status=B.PENDING, kind=BlockRunKind.PIPELINE),
            )
        ready_run(store, "x")
        keep(store, a_run(status=R.SUCCEEDED))
        keep(store, a_run(pipeline="other"))
        with store.transaction() as tx:
            tx.lock_limit("pipeline:flights")
            assert [run.id for run in tx.queued_unadmitted_runs(5)] == [early.id, held[0].id]
            assert len(tx.queued_unadmitted_runs(1)) == 1
            assert tx.running_runs("flights", None) == (1, 1)
            assert tx.admit_run(held[0].id, NOW) == 2
            assert tx.admit_run(held[0].id, NOW) == 0
            assert tx.running_runs("flights", None) == (2, 2)
            assert [run.id for run in tx.queued_unadmitted_runs(5)] == [early.id, held[1].id]
            ready = [row for row in tx.block_runs(held[0].id) if row.status is B.READY]
            assert [(row.block, row.due_at) for row in ready] == [("a", NOW), ("", NOW)]

    # --- members -----------------------------------------------------------------------------------------------------
    def test_terms_only_grow(self, store: RunStore) -> None:
        """Across all members, those that ended too, however many join at once."""
        first = Joined(store)
        with store.transaction() as tx:
            tx.leave(first.id, NOW)
        terms = in_threads(6, lambda _: Joined(store).term)
        assert len(set(terms)) == 6
        assert min(terms) > first.term
        assert Joined(store).term > max(terms)

    def test_a_member_comes_back_as_it_was(self, store: RunStore) -> None:
        """With the term it was given."""
        member = a_member(standby=True, detail={"slots": 4})
        with store.transaction() as tx:
            term = tx.join(member)
            assert tx.members() == [replace(member, term=term)]

    def test_a_heartbeat_renews_a_living_member(self, store: RunStore) -> None:
        """Not under another term, not once it has ended."""
        member = Joined(store)
        with store.transaction() as tx:
            assert tx.heartbeat(member.id, member.term, NOW + SECOND, NOW + 20 * SECOND, {"running": 2})
            found = tx.members()[0]
            assert (found.seen_at, found.expires_at) == (NOW + SECOND, NOW + 20 * SECOND)
            assert found.detail == {"running": 2}
            assert not tx.heartbeat(member.id, member.term + 1, NOW, NOW, {})
            tx.leave(member.id, NOW)
            assert not tx.heartbeat(member.id, member.term, NOW, NOW + 20 * SECOND, {})

    def test_leaving_is_final_and_idempotent(self, store: RunStore) -> None:
        """The first time stands."""
        member = Joined(store)
        with store.transaction() as tx:
            tx.leave(member.id, NOW)
            tx.leave(member.id, NOW + SECOND)
            tx.leave("no such member", NOW)
            assert tx.members() == []
            assert [one.ended_at for one in tx.members(alive_only=False)] == [NOW]

    def test_members_whose_lease_passed_are_ended(self, store: RunStore) -> None:
        """Once, at the very instant; the others live on."""
        early, late = Joined(store, expires_at=NOW + SECOND), Joined(store, expires_at=NOW + 2 * SECOND)
        with store.transaction() as tx:
            assert tx.end_expired_members(NOW) == []
            assert [one.id for one in tx.end_expired_members(NOW + SECOND)] == [early.id]
            assert tx.end_expired_members(NOW + SECOND) == []
            assert [one.id for one in tx.members()] == [late.id]

    # --- rights ------------------------------------------------------------------------------------------------------
    def test_a_right_has_one_holder(self, store: RunStore) -> None:
        """Renewed by its holder, taken by another once it expired; the term changes with the holder."""
        with store.transaction() as tx:
            assert tx.lease("scheduler") is None
            mine = tx.acquire_lease("scheduler", "a", NOW, NOW + 5 * SECOND)
            assert mine == Lease("scheduler", "a", 1, NOW + 5 * SECOND)
            assert tx.acquire_lease("scheduler", "b", NOW + SECOND, NOW + 9 * SECOND) == mine
            renewed = tx.acquire_lease("scheduler", "a", NOW + SECOND, NOW + 6 * SECOND)
            assert renewed == replace(mine, expires_at=NOW + 6 * SECOND)
            taken = tx.acquire_lease("scheduler", "b", NOW + 6 * SECOND, NOW + 9 * SECOND)
            assert taken == Lease("scheduler", "b", 2, NOW + 9 * SECOND)
            assert tx.lease("scheduler") == taken
            assert tx.acquire_lease("other", "a", NOW, NOW + SECOND).holder == "a"

    def test_a_right_is_given_up_by_its_holder_only(self, store: RunStore) -> None:
        """And terms go on growing after it."""
        with store.transaction() as tx:
            tx.acquire_lease("scheduler", "a", NOW, NOW + 5 * SECOND)
            tx.release_lease("scheduler", "b")
            assert tx.lease("scheduler") is not None
            tx.release_lease("scheduler", "a")
            tx.release_lease("scheduler", "a")
            tx.release_lease("never held", "a")
            assert tx.lease("scheduler") is None
            assert tx.acquire_lease("scheduler", "a", NOW, NOW + SECOND).term == 2

    def test_one_of_eight_takes_a_free_right(self, store: RunStore) -> None:
        """All learn who."""

        def acquire(index: int) -> str:
            with store.transaction() as tx:
                return tx.acquire_lease("scheduler", f"m{index}", NOW, NOW + SECOND).holder

        holders = in_threads(8, acquire)
        with store.transaction(read_only=True) as tx:
            lease = tx.lease("scheduler")
        assert lease is not None
        assert set(holders) == {lease.holder}

    # --- triggers ----------------------------------------------------------------------------------------------------
    def test_a_trigger_comes_back_as_it_was(self, store: RunStore) -> None:
        """Every field."""
        trigger = a_trigger(
            "hourly", settings={"interval": "@hourly"}, variables={"a": 1}, next_due_at=NOW, in_code=True
        )
        with store.transaction() as tx:
            tx.put_trigger(trigger)
            assert tx.trigger(trigger.id) == trigger
            assert tx.trigger("no such trigger") is None

    def test_a_trigger_is_identified_by_pipeline_and_name(self, store: RunStore) -> None:
        """Put again it keeps its id, because its runs name it; a tombstone is lifted."""
        first = a_trigger("hourly")
        again = a_trigger("hourly", active=False, settings={"interval": "@daily"}, updated_at=NOW + SECOND)
        with store.transaction() as tx:
            tx.put_trigger(first)
            assert tx.delete_trigger(first.id, NOW)
            assert not tx.delete_trigger(first.id, NOW)
            assert not tx.delete_trigger("no such trigger", NOW)
            assert tx.triggers() == []
            found = tx.trigger(first.id)
            assert found is not None
            assert found.deleted_at == NOW
            tx.put_trigger(again)
            assert tx.triggers() == [replace(again, id=first.id)]

    def test_a_trigger_put_under_its_id_is_renamed(self, store: RunStore) -> None:
        """Unless the name is another's."""
        first, other = a_trigger("hourly"), a_trigger("daily")
        with store.transaction() as tx:
            tx.put_trigger(first)
            tx.put_trigger(replace(first, name="often"))
            assert [(one.id, one.name) for one in tx.triggers()] == [(first.id, "often")]
            tx.put_trigger(other)
            tx.put_trigger(replace(first, name="daily", kind="api"))
            assert [(one.id, one.name, one.kind) for one in tx.triggers()] == [
                (other.id, "daily", "api"),
                (first.id, "often", "schedule"),
            ]

    def test_triggers_are_listed_by_pipeline_and_name(self, store: RunStore) -> None:
        """Those of one pipeline where one is named."""
        with store.transaction() as tx:
            for pipeline, name in (("b", "Z"), ("b", "a"), ("a", "z")):
                tx.put_trigger(a_trigger(name, pipeline=pipeline))
            assert [(one.pipeline, one.name) for one in tx.triggers()] == [("a", "z"), ("b", "Z"), ("b", "a")]
            assert [one.name for one in tx.triggers("b")] == ["Z", "a"]

    def test_due_schedules_are_found_and_moved(self, store: RunStore) -> None:
        """Longest due first; paused, deleted and later ones are not due."""

        def names(at: datetime) -> list[str]:
            return [one.name for one in tx.due_triggers(at, 10)]

        with store.transaction() as tx:
            tx.put_trigger(hourly := a_trigger("hourly", next_due_at=NOW))
            tx.put_trigger(daily := a_trigger("daily", next_due_at=NOW - SECOND))
            tx.put_trigger(a_trigger("later", next_due_at=NOW + SECOND))
            tx.put_trigger(a_trigger("paused", next_due_at=NOW, active=False))
            tx.put_trigger(gone := a_trigger("gone", next_due_at=NOW))
            tx.delete_trigger(gone.id, NOW)
            tx.put_trigger(a_trigger("unscheduled", kind="api"))
            assert names(NOW) == ["daily", "hourly"]
            assert [one.name for one in tx.due_triggers(NOW, 1)] == ["daily"]
            tx.move_trigger(daily.id, NOW + 5 * SECOND, NOW)
            tx.move_trigger(hourly.id, None, NOW)
            assert names(NOW) == []
            assert names(NOW + 5 * SECOND) == ["later", "daily"]

    # --- totals ------------------------------------------------------------------------------------------------------
    def test_totals(self, store: RunStore) -> None:
        """Of all runs, those with a limit too."""
        with store.transaction(read_only=True) as tx:
            assert set(tx.totals(NOW).values()) == {0}
        ready_run(store, "a")
        member = Joined(store)
        member.claim()
        limited = a_run(block_run_limit=1)
        keep(store, limited, a_block_run(limited, "b", due_at=NOW - 3 * SECOND))
        ready_run(store, "c")
        with store.transaction(read_only=True) as tx:
            assert tx.totals(NOW) == {
                "runs_queued": 2,
                "runs_running": 1,
                "block_runs_ready": 2,
                "attempts_running": 1,
                "oldest_ready_age_seconds": 3.0,
            }
