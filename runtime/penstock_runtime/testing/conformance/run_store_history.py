"""What every run store must do when history goes. Subclass with a `store` fixture."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import AttemptStatus, BlockRunStatus, Member, RunStatus
from penstock_runtime.ports.run_store import RunStore
from penstock_runtime.testing.conformance.run_store_records import NOW, a_block_run, a_run, keep

DAY = timedelta(days=1)
LATER = NOW + 100 * DAY


class HistoryConformance:
    """Ended runs and records that are over."""

    def test_ended_runs_come_oldest_first_page_by_page(self, store: RunStore) -> None:
        """Those that go on, and those that ended later, are not among them."""
        old = [a_run(status=RunStatus.FAILED, ended_at=NOW - DAY * age) for age in (5, 4, 3)]
        for run in (*reversed(old), a_run(), a_run(status=RunStatus.SUCCEEDED, ended_at=NOW)):
            keep(store, run)
        with store.transaction(read_only=True) as tx:
            first = tx.ended_runs(NOW - DAY, None, 2)
            rest = tx.ended_runs(NOW - DAY, (first[-1].ended_at, first[-1].id), 2)
        assert [one.id for one in (*first, *rest)] == [run.id for run in old]
        assert first[0].pipeline == old[0].pipeline

    def test_of_runs_that_ended_at_once_none_is_passed_over(self, store: RunStore) -> None:
        """The id is part of the order."""
        runs = [a_run(status=RunStatus.SUCCEEDED, ended_at=NOW) for _ in range(3)]
        for run in runs:
            keep(store, run)
        with store.transaction(read_only=True) as tx:
            first = tx.ended_runs(LATER, None, 1)
            rest = tx.ended_runs(LATER, (first[0].ended_at, first[0].id), 5)
        assert {one.id for one in (*first, *rest)} == {run.id for run in runs}

    def test_the_nth_newest_run_of_a_pipeline(self, store: RunStore) -> None:
        """Counted from the newest; None when there are fewer."""
        for age in (3, 1, 2):
            keep(store, a_run(pipeline="counted", created_at=NOW - DAY * age))
        keep(store, a_run(pipeline="another", created_at=NOW))
        with store.transaction(read_only=True) as tx:
            found = [tx.newest_runs_since("counted", count) for count in (1, 3, 4)]
        assert found == [NOW - DAY, NOW - 3 * DAY, None]

    def test_a_run_goes_with_what_is_its_own(self, store: RunStore) -> None:
        """Its block runs and attempts; those of others stay, and a repeat finds nothing."""
        gone, stays = (a_run(status=RunStatus.SUCCEEDED, ended_at=NOW) for _ in range(2))
        for run in (gone, stays):
            keep(store, run, a_block_run(run, "load", status=BlockRunStatus.SUCCEEDED))
        with store.transaction() as tx:
            assert list(tx.delete_runs([gone.id])) == [gone.id]
            assert list(tx.delete_runs([gone.id])) == []
        with store.transaction(read_only=True) as tx:
            assert tx.run(gone.id) is None
            assert tx.block_runs(gone.id) == []
            assert len(tx.block_runs(stays.id)) == 1
            assert tx.runs_that_are([gone.id, stays.id, "no such"]) == {stays.id}

    def test_a_run_that_goes_on_is_not_deleted(self, store: RunStore) -> None:
        """Whoever asks: a retry may have begun meanwhile."""
        run = a_run()
        keep(store, run)
        with store.transaction() as tx:
            assert list(tx.delete_runs([run.id])) == []
            assert tx.run(run.id) is not None

    def test_code_that_no_run_names_is_found(self, store: RunStore) -> None:
        """The newest version stays whatever its age, and numbers go on."""
        with store.transaction() as tx:
            for digest in ("unused", "used", "newest"):
                tx.publish_code_version(digest, NOW)
        keep(store, a_run(bundle="used"))
        with store.transaction() as tx:
            assert list(tx.unused_bundles(NOW)) == []
            assert list(tx.unused_bundles(NOW + DAY)) == ["unused"]
            tx.forget_code_versions(["unused", "newest"])
            assert list(tx.unused_bundles(NOW + DAY)) == []
            assert tx.publish_code_version("next", NOW).number == 4

    def test_members_that_are_long_gone_go_but_not_before_their_attempts(self, store: RunStore) -> None:
        """Whoever rescues an attempt asks for its member."""
        run = a_run()
        keep(store, run, a_block_run(run, "load", status=BlockRunStatus.READY, due_at=NOW))
        working, idle, alive = (_join(store) for _ in range(3))
        with store.transaction() as tx:
            claimed = tx.claim_ready(working.id, working.term, 1, NOW, host="h", attempt_ids=[new_id()])
            assert [attempt.status for _, _, attempt in claimed] == [AttemptStatus.RUNNING]
            tx.leave(working.id, NOW)
            tx.leave(idle.id, NOW)
        with store.transaction() as tx:
            assert tx.delete_records(NOW, NOW, 50)["members"] == 0
            assert tx.delete_records(LATER, NOW, 50)["members"] == 1
            assert {member.id for member in tx.members(alive_only=False)} == {working.id, alive.id}

    def test_keys_go_when_they_have_expired(self, store: RunStore) -> None:
        """And can then be used anew."""
        with store.transaction() as tx:
            tx.claim_idempotency_key("scope", "short", "hash", "r1", NOW + DAY)
            tx.claim_idempotency_key("scope", "long", "hash", "r2", NOW + 9 * DAY)
        with store.transaction() as tx:
            assert tx.delete_records(NOW, NOW + 2 * DAY, 50)["idempotency_keys"] == 1
            assert tx.claim_idempotency_key("scope", "short", "other", "r3", NOW + DAY) is None
            assert tx.claim_idempotency_key("scope", "long", "other", "r4", NOW + DAY) == ("r2", "hash")


def _join(store: RunStore) -> Member:
    member = Member(new_id(), "scheduler", 0, "h", 1, NOW, NOW, NOW + DAY)
    with store.transaction() as tx:
        return replace(member, term=tx.join(member))
