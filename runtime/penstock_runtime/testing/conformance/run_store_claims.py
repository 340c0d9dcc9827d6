"""What every run store must do about claims and attempts. Subclass with a `store` fixture."""

from __future__ import annotations

import threading
from dataclasses import replace

from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import AttemptStatus, BlockRunKind, BlockRunStatus, ExitReason, Run, RunStatus
from penstock_runtime.ports.run_store import BlockRunChange, RunStore
from penstock_runtime.testing.conformance.run_store_records import (
    NOW,
    SECOND,
    Claim,
    Joined,
    a_block_run,
    a_run,
    an_end,
    in_threads,
    keep,
    ready_run,
)

B, R = BlockRunStatus, RunStatus
PATIENCE = 30.0


class ClaimConformance:
    """Claims, and how attempts end."""

    def test_no_attempt_is_dated_before_its_row_became_ready(self, store: RunStore) -> None:
        """A claim's transaction may have begun before the one that made the row ready."""
        run = a_run()
        keep(store, run, a_block_run(run, "load", status=B.READY, due_at=NOW + SECOND))
        ((_, row, attempt),) = Joined(store).claim(now=NOW)
        assert (row.started_at, row.first_started_at, attempt.started_at) == (NOW + SECOND,) * 3
        with store.transaction(read_only=True) as tx:
            assert tx.block_run_by_id(row.id) == row
            assert tx.attempt(attempt.id) == attempt

    def test_a_claim_makes_an_attempt_and_starts_the_run(self, store: RunStore) -> None:
        """The records come back as they are after, and are what is stored."""
        run = ready_run(store, "load")
        member = Joined(store)
        with store.transaction() as tx:
            claims = tx.claim_ready(member.id, member.term, 5, NOW, host="host", attempt_ids=["a", "b"], executor="k8s")
        assert len(claims) == 1
        started, row, attempt = claims[0]
        assert started == replace(run, status=R.RUNNING, started_at=NOW)
        assert (row.status, row.attempts, row.due_at) == (B.RUNNING, 1, None)
        assert (row.started_at, row.first_started_at) == (NOW, NOW)
        assert (attempt.id, attempt.number, attempt.epoch, attempt.status) == ("a", 1, 1, AttemptStatus.RUNNING)
        assert (attempt.member_id, attempt.term, attempt.host) == (member.id, member.term, "host")
        assert (attempt.run_id, attempt.block_run_id, attempt.executor) == (run.id, row.id, "k8s")
        with store.transaction(read_only=True) as tx:
            assert tx.run(run.id) == started
            assert tx.block_run_by_id(row.id) == row
            assert tx.attempt("a") == attempt
            assert tx.attempt("b") is None

    def test_the_longest_ready_come_first(self, store: RunStore) -> None:
        """Across runs, as many as were asked for, none twice."""
        member = Joined(store)
        one, two = a_run(), a_run()
        keep(store, one, a_block_run(one, "a", due_at=NOW + SECOND), a_block_run(one, "b", due_at=NOW - SECOND))
        keep(store, two, a_block_run(two, "c", due_at=NOW), a_block_run(two, "d", status=B.PENDING))
        assert blocks(member.claim(2)) == ["b", "c"]
        assert blocks(member.claim(2)) == ["a"]
        assert member.claim(2) == []
        assert member.claim(0) == []

    def test_held_and_limited_runs_are_not_claimed(self, store: RunStore) -> None:
        """Neither stands in front of others either."""
        member = Joined(store)
        held, limited = a_run(admitted=False), a_run(block_run_limit=1)
        keep(store, held, a_block_run(held, "held", due_at=NOW - SECOND))
        keep(store, limited, a_block_run(limited, "limited", due_at=NOW - SECOND))
        ready_run(store, "free")
        assert blocks(member.claim(1)) == ["free"]
        assert member.claim(5) == []

    def test_nothing_is_claimed_for_a_member_that_ended(self, store: RunStore) -> None:
        """Nor under a term that is not its own."""
        ready_run(store, "load")
        member, other = Joined(store), Joined(store)
        with store.transaction() as tx:
            ids = [new_id()]
            assert tx.claim_ready(member.id, other.term, 1, NOW, host="h", attempt_ids=ids) == []
            assert tx.claim_ready("no member", 1, 1, NOW, host="h", attempt_ids=ids) == []
            tx.leave(member.id, NOW)
        assert member.claim() == []
        assert blocks(other.claim()) == ["load"]

    def test_every_ready_row_is_claimed_once(self, store: RunStore) -> None:
        """By four members at once, until nothing is left (I2)."""
        for _ in range(5):
            ready_run(store, *(f"b{index}" for index in range(8)))
        members = [Joined(store) for _ in range(4)]

        def claim_all(index: int) -> list[Claim]:
            found: list[Claim] = []
            while claims := members[index].claim(3):
                found += claims
            return found

        claims = [claim for found in in_threads(4, claim_all) for claim in found]
        # Rows that another held at that moment were passed over: the poll behind takes them.
        claims += members[0].claim(40)
        assert len({row.id for _, row, _ in claims}) == len(claims) == 40
        assert {attempt.number for _, _, attempt in claims} == {1}

    # --- limits ------------------------------------------------------------------------------------------------------
    def test_a_block_limit_counts_what_runs(self, store: RunStore) -> None:
        """Groups of instances hold no place; an ended attempt frees one."""
        member = Joined(store)
        run = a_run(block_run_limit=2)
        rows = [a_block_run(run, slug, due_at=NOW + index * SECOND) for index, slug in enumerate("abc")]
        keep(store, run, *rows, a_block_run(run, "group", status=B.RUNNING, open_instances=3))
        with store.transaction() as tx:
            assert list(tx.limited_runs_with_ready(5)) == [run.id]
            first = self._claim_of(tx, run, member)
            assert blocks(first) == ["a", "b"]
            assert self._claim_of(tx, run, member) == []
            assert tx.end_attempt(first[0][2].id, member.id, member.term, an_end()) is not None
            assert blocks(self._claim_of(tx, run, member)) == ["c"]
            assert list(tx.limited_runs_with_ready(5)) == []

    @staticmethod
    def _claim_of(tx: object, run: Run, member: Joined) -> list[Claim]:
        claim = tx.claim_ready_of  # type: ignore[attr-defined]
        ids = [new_id() for _ in range(5)]
        return list(claim(run, member.id, member.term, 5, NOW, host="h", attempt_ids=ids))

    def test_an_epoch_may_bring_or_take_a_limit(self, store: RunStore) -> None:
        """Rows that were there before follow it."""
        member = Joined(store)
        for before, after in ((None, 1), (1, None)):
            run = a_run(status=R.FAILED, block_run_limit=before)
            rows = [a_block_run(run, slug, status=B.FAILED) for slug in "ab"]
            keep(store, run, *rows)
            with store.transaction() as tx:
                tx.open_epoch(run.id, run.bundle, 2, NOW, block_run_limit=after)
                for row in rows:
                    tx.reset_block_run(row.id, 2, B.READY, 0, NOW)
                assert list(tx.limited_runs_with_ready(5)) == ([] if after is None else [run.id])
            assert len(member.claim()) == (2 if after is None else 0)
            with store.transaction() as tx:
                again = tx.lock_run(run.id)
                assert again is not None
                assert len(self._claim_of(tx, again, member)) == (0 if after is None else 1)
                tx.end_waiting_block_runs(run.id, B.CANCELLED, NOW)

    def test_limited_runs_are_listed_longest_ready_first(self, store: RunStore) -> None:
        """Each once, as many as asked for; those at their limit do not stand in front of others."""
        runs = [a_run(block_run_limit=1) for _ in range(3)]
        for index, run in enumerate(runs):
            due = NOW - index * SECOND
            keep(store, run, a_block_run(run, "a", due_at=due), a_block_run(run, "b", due_at=due))
        with store.transaction(read_only=True) as tx:
            assert list(tx.limited_runs_with_ready(2)) == [runs[2].id, runs[1].id]
        member = Joined(store)
        with store.transaction() as tx:
            assert len(self._claim_of(tx, runs[2], member)) == 1
            assert list(tx.limited_runs_with_ready(2)) == [runs[1].id, runs[0].id]

    def test_a_claim_within_one_run_takes_no_other(self, store: RunStore) -> None:
        """Also where the run has no limit."""
        member = Joined(store)
        ready_run(store, "other")
        run = ready_run(store, "mine")
        with store.transaction() as tx:
            assert blocks(self._claim_of(tx, run, member)) == ["mine"]

    # --- how attempts end --------------------------------------------------------------------------------------------
    def test_an_attempt_ends_once_by_its_owner(self, store: RunStore) -> None:
        """All that is known of its end is kept; what was noted before stays where the end says nothing."""
        ready_run(store, "load")
        member, other = Joined(store), Joined(store)
        attempt = member.claim()[0][2]
        end = an_end(
            status=AttemptStatus.FAILED,
            exit_reason=ExitReason.OUT_OF_MEMORY,
            exit_code=137,
            peak_memory_bytes=5_000_000_000,
            cpu_seconds=1.5,
            error={"type": "error", "message": "no"},
        )
        with store.transaction() as tx:
            tx.set_attempts_process({attempt.id: (4711, "job-1")})
            tx.set_attempts_process({attempt.id: (None, "job-2"), "no such attempt": (1, None)})
            tx.set_attempts_executor({attempt.id: "ecs"})
            assert tx.end_attempt(attempt.id, other.id, other.term, end) is None
            assert tx.end_attempt(attempt.id, member.id, member.term + 1, end) is None
            assert tx.end_attempt("no such attempt", member.id, member.term, end) is None
            expected = replace(
                attempt,
                executor="ecs",
                pid=4711,
                external_id="job-2",
                status=end.status,
                ended_at=end.ended_at,
                exit_reason=end.exit_reason,
                exit_code=end.exit_code,
                peak_memory_bytes=end.peak_memory_bytes,
                cpu_seconds=end.cpu_seconds,
                error=end.error,
            )
            assert tx.end_attempt(attempt.id, member.id, member.term, end) == expected
            assert tx.end_attempt(attempt.id, member.id, member.term, end) is None
            tx.set_attempts_process({attempt.id: (1, None)})
            assert tx.attempt(attempt.id) == expected

    def test_only_an_ended_owners_attempt_can_be_declared_lost(self, store: RunStore) -> None:
        """By anyone, once; afterwards its owner's own word is refused (I2)."""
        ready_run(store, "load")
        member = Joined(store)
        attempt = member.claim()[0][2]
        lost = an_end(status=AttemptStatus.LOST, exit_reason=ExitReason.LOST)
        with store.transaction() as tx:
            assert tx.attempts_of_ended_members(5) == []
            assert tx.end_lost_attempt(attempt.id, lost) is None
            tx.leave(member.id, NOW)
            assert tx.attempts_of_ended_members(5) == [attempt]
            found = tx.end_lost_attempt(attempt.id, lost)
            assert found is not None
            assert found.status is AttemptStatus.LOST
            assert tx.end_lost_attempt(attempt.id, lost) is None
            assert tx.end_attempt(attempt.id, member.id, member.term, an_end()) is None
            assert tx.attempts_of_ended_members(5) == []

    def test_attempt_numbers_go_on(self, store: RunStore) -> None:
        """Through retries and epochs (I2)."""
        run = ready_run(store, "load")
        member = Joined(store)
        for number in (1, 2, 3):
            _, row, attempt = member.claim(now=NOW + number * SECOND)[0]
            assert (attempt.number, row.attempts, row.first_started_at) == (number, number, NOW + SECOND)
            with store.transaction() as tx:
                tx.end_attempt(attempt.id, member.id, member.term, an_end())
                tx.change_block_run(row.id, (B.RUNNING,), BlockRunChange(B.READY, due_at=NOW))
        with store.transaction(read_only=True) as tx:
            assert [one.number for one in tx.attempts(run.id)] == [1, 2, 3]

    def test_attempts_are_narrowed(self, store: RunStore) -> None:
        """By block, and by index."""
        run = a_run()
        instances = [a_block_run(run, "a", map_index=index, kind=BlockRunKind.INSTANCE) for index in (0, 1)]
        keep(store, run, *instances, a_block_run(run, "b"))
        Joined(store).claim()
        with store.transaction(read_only=True) as tx:
            assert len(tx.attempts(run.id)) == 3
            assert [one.map_index for one in tx.attempts(run.id, "a")] == [0, 1]
            assert [one.map_index for one in tx.attempts(run.id, "a", 1)] == [1]
            assert tx.attempts(run.id, "a", -1) == []
            assert tx.attempts("no such run") == []

    def test_attempts_of_cancelled_runs_are_found_by_their_owner(self, store: RunStore) -> None:
        """Only running ones."""
        run = ready_run(store, "a", "b")
        ready_run(store, "c")
        member, other = Joined(store), Joined(store)
        claims = member.claim()
        mine = [attempt.id for one, _, attempt in claims if one.id == run.id]
        with store.transaction() as tx:
            assert tx.attempts_to_cancel(member.id) == []
            tx.request_cancel(run.id, NOW)
            assert sorted(tx.attempts_to_cancel(member.id)) == sorted((id_, run.id) for id_ in mine)
            assert tx.attempts_to_cancel(other.id) == []
            tx.end_attempt(mine[0], member.id, member.term, an_end(status=AttemptStatus.CANCELLED))
            assert tx.attempts_to_cancel(member.id) == [(mine[1], run.id)]


class ConcurrentClaimConformance:
    """What a store with concurrent transactions must do besides."""

    def test_a_claim_passes_over_what_another_holds(self, store: RunStore) -> None:
        """It never waits: both transactions are open at once, and each gets rows of its own."""
        ready_run(store, "a", "b", status=R.RUNNING)
        one, two = Joined(store), Joined(store)
        with store.transaction() as first:
            assert len(one.claim_in(first, 1)) == 1
            with store.transaction() as second:
                found = two.claim_in(second, 5)
        assert len(found) == 1
        assert one.claim() == []

    def test_a_claim_passes_over_a_queued_run_that_another_starts(self, store: RunStore) -> None:
        """The run's row is the other's; its blocks are for the next pass, those of other runs for this one."""
        held = ready_run(store, "a", "b")
        ready_run(store, "c")
        member = Joined(store)
        with store.transaction() as first:
            assert first.lock_run(held.id) is not None
            assert blocks(member.claim()) == ["c"]
            with store.transaction() as second:
                assert second.lock_run(held.id, skip_locked=True) is None
        assert blocks(member.claim()) == ["a", "b"]

    def test_advancing_a_run_does_not_keep_its_ready_blocks(self, store: RunStore) -> None:
        """The run's own row is locked by whoever advances it; blocks of a run that goes already stay claimable."""
        run = ready_run(store, "a", status=R.RUNNING)
        member = Joined(store)
        with store.transaction() as first:
            assert first.lock_run(run.id) is not None
            assert blocks(member.claim()) == ["a"]

    def test_due_work_is_taken_by_one(self, store: RunStore) -> None:
        """Rows that one transaction makes ready are passed over by the other."""
        run = a_run()
        keep(store, run, *(a_block_run(run, slug, status=B.DEFERRED, due_at=NOW) for slug in "ab"))
        with store.transaction() as first, store.transaction() as second:
            assert len(first.make_due_ready(NOW, 1)) == 1
            assert len(second.make_due_ready(NOW, 5)) == 1

    def test_a_limit_is_reserved_by_one_at_a_time(self, store: RunStore) -> None:
        """The second waits for the end of the first, and then sees what it did; other keys are free."""
        passed, counts = threading.Event(), []

        def reserve() -> None:
            with store.transaction() as tx:
                tx.lock_limit("pipeline:flights")
                counts.append(tx.running_runs("flights", None)[0])
                passed.set()

        second = threading.Thread(target=reserve)
        with store.transaction() as first:
            first.lock_limit("pipeline:flights")
            second.start()
            with store.transaction() as other:
                other.lock_limit("pipeline:other")
            assert not passed.wait(0.5)
            first.insert_run(a_run())
        second.join(PATIENCE)
        assert counts == [1]


def blocks(claims: object) -> list[str]:
    """Return the blocks of claims, in order."""
    return [row.block for _, row, _ in claims]  # type: ignore[attr-defined]
