"""What every run store must do for the scaler. Subclass with a `store` fixture."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import Attempt, AttemptStatus, BlockRunStatus, ExitReason
from penstock_runtime.domain.scaling import ScalingDecision
from penstock_runtime.ports.run_store import AttemptEnd, RunStore
from penstock_runtime.ports.scaling_decisions import LoadFigures
from penstock_runtime.testing.conformance.run_store_records import NOW, SECOND, Joined, a_block_run, a_run, keep

B = BlockRunStatus


def a_decision(seconds: int = 0) -> ScalingDecision:
    """Return a decision that was made so many seconds after NOW."""
    return ScalingDecision(
        id=new_id(),
        at=NOW + seconds * SECOND,
        service="scheduler",
        before=1,
        wanted=2,
        applied=True,
        dry_run=False,
        reason="a block would wait 9 s with 1; 2 keep it within 5 s",
        inputs={"ready": 7, "mean_seconds": 1.5, "slots": None},
    )


class ScalingConformance:
    """The load, and decisions."""

    def test_an_empty_store_has_no_load(self, store: RunStore) -> None:
        with store.transaction(read_only=True) as tx:
            assert tx.load_figures(NOW, 5) == LoadFigures(0, None, 0, 0, NOW, None)

    def test_what_waits_and_what_runs(self, store: RunStore) -> None:
        """Ready block runs whose only lack is a slot; running attempts, whoever's."""
        run = a_run()
        keep(
            store,
            run,
            a_block_run(run, "old", status=B.READY, due_at=NOW - 3 * SECOND),
            a_block_run(run, "young", status=B.READY, due_at=NOW),
            a_block_run(run, "later", status=B.PENDING),
            a_block_run(run, "waits", status=B.DEFERRED, due_at=NOW - 9 * SECOND),
        )
        with store.transaction() as tx:
            found = tx.load_figures(NOW, 5)
            assert (found.ready, found.oldest_ready_at, found.running) == (2, NOW - 3 * SECOND, 0)
        claimed = self._claim(store, 1)
        assert len(claimed) == 1
        with store.transaction(read_only=True) as tx:
            found = tx.load_figures(NOW, 5)
        assert (found.ready, found.oldest_ready_at, found.running, found.ended) == (1, NOW, 1, 0)

    def test_what_its_own_run_holds_back_is_no_load(self, store: RunStore) -> None:
        """Of a run that may have two blocks at once, two count; of one that is full, none."""
        run = a_run(block_run_limit=2)
        rows = [a_block_run(run, name, status=B.READY, due_at=NOW - SECOND) for name in "abcde"]
        keep(store, run, *rows)
        with store.transaction() as tx:
            assert tx.load_figures(NOW, 5).ready == 2
        member = Joined(store)
        for left in (1, 0):
            with store.transaction() as tx:
                locked = tx.lock_run(run.id)
                assert locked is not None
                ids = [new_id()]
                assert len(tx.claim_ready_of(locked, member.id, member.term, 1, NOW, host="h", attempt_ids=ids)) == 1
            with store.transaction(read_only=True) as tx:
                found = tx.load_figures(NOW, 5)
            assert (found.ready, found.running) == (left, 2 - left)
            assert found.oldest_ready_at == (NOW - SECOND if left else None)

    def test_how_long_blocks_lasted_lately(self, store: RunStore) -> None:
        """The mean of what ended since then; of the newest few, since the oldest of them, when there are more."""
        run = a_run()
        keep(store, run, *(a_block_run(run, name, status=B.READY, due_at=NOW) for name in "abc"))
        for index, attempt in enumerate(self._claim(store, 3), 1):
            end = AttemptEnd(AttemptStatus.SUCCEEDED, NOW + index * 2 * SECOND, ExitReason.SUCCESS, 0)
            with store.transaction() as tx:
                assert tx.end_attempt(attempt.id, attempt.member_id, attempt.term, end) is not None
        with store.transaction(read_only=True) as tx:
            assert (tx.load_figures(NOW, 5).ended, tx.load_figures(NOW, 5).mean_seconds) == (3, 4.0)
            recent = tx.load_figures(NOW + 3 * SECOND, 5)
            assert (recent.ended, recent.mean_seconds, recent.since) == (2, 5.0, NOW + 3 * SECOND)
            cut = tx.load_figures(NOW, 2)
            assert (cut.ended, cut.mean_seconds, cut.since) == (2, 5.0, NOW + 4 * SECOND)
            assert tx.load_figures(NOW + timedelta(hours=1), 5).mean_seconds is None

    def test_decisions_come_back_newest_first(self, store: RunStore) -> None:
        made = [a_decision(second) for second in (2, 1, 3)]
        with store.transaction() as tx:
            for decision in made:
                tx.record_scaling(decision)
        with store.transaction(read_only=True) as tx:
            assert list(tx.scaling_decisions(2)) == [made[2], made[0]]
            assert len(tx.scaling_decisions(9)) == 3

    def test_a_decision_is_kept_once(self, store: RunStore) -> None:
        decision = a_decision()
        with store.transaction() as tx:
            tx.record_scaling(decision)
        with store.transaction() as tx:
            tx.record_scaling(replace(decision, reason="another"))
            assert list(tx.scaling_decisions(9)) == [decision]

    @staticmethod
    def _claim(store: RunStore, count: int) -> list[Attempt]:
        member = Joined(store)
        with store.transaction() as tx:
            ids = [new_id() for _ in range(count)]
            found = tx.claim_ready(member.id, member.term, count, NOW, host="h", attempt_ids=ids)
        return [attempt for _, _, attempt in found]
