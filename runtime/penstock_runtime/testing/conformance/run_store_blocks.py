"""What every run store must do when block runs and runs change. Subclass with a `store` fixture."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock_runtime.domain.errors import RunNotFinished, RunNotFound
from penstock_runtime.domain.runs import BlockRunKind, BlockRunStatus, RunStatus
from penstock_runtime.ports.run_store import BlockRunChange, RunStore
from penstock_runtime.testing.conformance.run_store_records import NOW, SECOND, a_block_run, a_run, keep

B, R = BlockRunStatus, RunStatus
PENDING = {"status": B.PENDING}


class ChangeConformance:
    """How block runs and runs move."""

    # --- changing block runs -----------------------------------------------------------------------------------------
    def test_a_change_is_applied_from_the_right_status_only(self, store: RunStore) -> None:
        """None, changing nothing, from another; fields that are None keep their value unless they are cleared."""
        run = a_run()
        row = a_block_run(run, "load", status=B.RUNNING, error={"type": "old"}, fan_out=3)
        keep(store, run, row)
        wait = BlockRunChange(B.RETRY_WAIT, due_at=NOW + SECOND, add_failures=1)
        with store.transaction() as tx:
            assert tx.change_block_run(row.id, (B.READY, B.PENDING), wait) is None
            assert tx.block_run_by_id(row.id) == row
            assert tx.change_block_run("no such row", (B.RUNNING,), wait) is None
            expected = replace(row, status=B.RETRY_WAIT, due_at=NOW + SECOND, failures=1)
            assert tx.change_block_run(row.id, (B.READY, B.RUNNING), wait) == expected
            done = BlockRunChange(
                B.SUCCEEDED, ended_at=NOW, outputs=[], add_losses=2, clear=frozenset({"error", "due_at"})
            )
            expected = replace(
                expected, status=B.SUCCEEDED, ended_at=NOW, outputs=(), losses=2, error=None, due_at=None
            )
            assert tx.change_block_run(row.id, (B.RETRY_WAIT,), done) == expected
            assert tx.block_run_by_id(row.id) == expected

    def test_changing_many_blocks_touches_the_graph_only(self, store: RunStore) -> None:
        """Not instances, not callbacks, not other runs; the slugs that changed, in the order asked."""
        run, other = a_run(), a_run()
        rows = [a_block_run(run, slug, **PENDING) for slug in ("a", "b", "c")]
        rows.append(a_block_run(run, "a", map_index=0, kind=BlockRunKind.INSTANCE, **PENDING))
        rows.append(a_block_run(run, "b", kind=BlockRunKind.CALLBACK, parent="a", event="success", **PENDING))
        keep(store, run, *rows)
        keep(store, other, a_block_run(other, "a", **PENDING))
        change = BlockRunChange(B.READY, due_at=NOW)
        with store.transaction() as tx:
            assert list(tx.change_blocks(run.id, ["c", "a", "x"], (B.PENDING,), change)) == ["c", "a"]
            assert list(tx.change_blocks(run.id, ["c", "a"], (B.PENDING,), change)) == []
            assert list(tx.change_blocks(run.id, [], (B.PENDING,), change)) == []
            assert [row.status for row in tx.block_runs(run.id)] == [B.READY, B.PENDING, B.READY, B.PENDING, B.PENDING]
            assert tx.block_runs(other.id)[0].status is B.PENDING

    def test_counting_down_makes_ready_what_may_be(self, store: RunStore) -> None:
        """Of those named, at zero; pending ones only; in the order asked."""
        run = a_run()
        rows = [
            a_block_run(run, "a", waiting_on=1, **PENDING),
            a_block_run(run, "b", waiting_on=2, **PENDING),
            a_block_run(run, "c", waiting_on=1, **PENDING),
            a_block_run(run, "d", waiting_on=1, status=B.CANCELLED),
        ]
        keep(store, run, *rows)
        later = NOW + SECOND
        with store.transaction() as tx:
            found = tx.count_down(run.id, ["c", "d", "b", "a"], later, ["a", "b"])
            assert [(row.block, row.waiting_on, row.status) for row in found] == [
                ("c", 0, B.PENDING),
                ("b", 1, B.PENDING),
                ("a", 0, B.READY),
            ]
            assert [row.due_at for row in found] == [None, None, later]
            assert list(tx.count_down(run.id, [], later)) == []
            assert [(row.waiting_on, row.status) for row in tx.count_down(run.id, ["b"], later)] == [(0, B.PENDING)]

    def test_ending_what_waits(self, store: RunStore) -> None:
        """Everything of the run that waits, whatever its kind; what runs or has ended stays."""
        run = a_run()
        waiting = [B.PENDING, B.READY, B.RETRY_WAIT, B.DEFERRED]
        rows = [a_block_run(run, status, status=status) for status in (*waiting, B.RUNNING, B.SUCCEEDED)]
        keep(store, run, *rows, a_block_run(run, "pending", map_index=0, kind=BlockRunKind.INSTANCE))
        with store.transaction() as tx:
            assert tx.end_waiting_block_runs(run.id, B.CANCELLED, NOW) == 5
            assert tx.end_waiting_block_runs(run.id, B.CANCELLED, NOW) == 0
            found = tx.block_runs(run.id)
        assert [row.status for row in found] == [B.CANCELLED] * 4 + [B.RUNNING, B.SUCCEEDED, B.CANCELLED]
        assert {row.ended_at for row in found if row.status is B.CANCELLED} == {NOW}

    def test_instances_are_counted_down_on_their_group(self, store: RunStore) -> None:
        """The group as it is after; None where there is none."""
        run = a_run()
        keep(store, run, a_block_run(run, "load", status=B.RUNNING, open_instances=2))
        with store.transaction() as tx:
            counts = [tx.instance_ended(run.id, "load") for _ in range(2)]
            assert [group.open_instances for group in counts if group is not None] == [1, 0]
            assert tx.instance_ended(run.id, "none") is None

    def test_outputs_are_those_of_succeeded_blocks(self, store: RunStore) -> None:
        """By block and index; not of callbacks, not of blocks that were not asked for."""
        run = a_run()
        done = {"status": B.SUCCEEDED, "outputs": ({"name": "output_0"},)}
        rows = [
            a_block_run(run, "a", **done),
            a_block_run(run, "b", **(done | {"status": B.CANCELLED})),
            a_block_run(run, "c", map_index=1, kind=BlockRunKind.INSTANCE, **done),
            a_block_run(run, "d", **done),
            a_block_run(run, "e", status=B.SUCCEEDED),
            a_block_run(run, "a", kind=BlockRunKind.CALLBACK, parent="d", event="success", **done),
        ]
        keep(store, run, *rows)
        with store.transaction(read_only=True) as tx:
            assert tx.outputs(run.id, ["a", "b", "c", "e"]) == {
                ("a", -1): ({"name": "output_0"},),
                ("c", 1): ({"name": "output_0"},),
            }
            assert tx.outputs(run.id, []) == {}

    def test_status_counts_take_a_group_once(self, store: RunStore) -> None:
        """Neither instances nor callbacks are counted; a run without block runs has no counts."""
        run, empty = a_run(), a_run()
        rows = [a_block_run(run, "a", map_index=index, kind=BlockRunKind.INSTANCE) for index in range(3)]
        rows.append(a_block_run(run, "tell", kind=BlockRunKind.CALLBACK, parent="a", event="success"))
        keep(store, run, a_block_run(run, "a", status=B.RUNNING), a_block_run(run, "b"), *rows)
        keep(store, empty)
        with store.transaction(read_only=True) as tx:
            assert tx.status_counts([run.id, empty.id]) == {run.id: {B.RUNNING: 1, B.READY: 1}, empty.id: {}}
            assert tx.status_counts([]) == {}

    # --- moving runs -------------------------------------------------------------------------------------------------
    def test_a_run_moves_from_the_right_status_only(self, store: RunStore) -> None:
        """State never goes backwards (I2)."""
        run = keep(store, a_run())
        with store.transaction() as tx:
            assert not tx.change_run(run.id, (R.RUNNING,), R.SUCCEEDED, ended_at=NOW)
            assert tx.change_run(run.id, (R.QUEUED, R.RUNNING), R.RUNNING, started_at=NOW)
            assert tx.change_run(run.id, (R.RUNNING,), R.SUCCEEDED, ended_at=NOW + SECOND)
            assert tx.run(run.id) == replace(run, status=R.SUCCEEDED, started_at=NOW, ended_at=NOW + SECOND)
            assert not tx.change_run("no such run", (R.QUEUED,), R.RUNNING)

    def test_the_open_count_cannot_fall_below_zero(self, store: RunStore) -> None:
        """It would hide a fault of the engine; and a run that is not there has no count."""
        run = keep(store, a_run(open_block_runs=1))
        with pytest.raises(Exception, match="open"), store.transaction() as tx:
            tx.add_open_block_runs(run.id, -2)
        with pytest.raises(RunNotFound), store.transaction() as tx:
            tx.add_open_block_runs("no such run", 1)

    def test_a_cancel_is_noted_once(self, store: RunStore) -> None:
        """And not for a run that has ended."""
        run, ended = keep(store, a_run()), keep(store, a_run(status=R.FAILED))
        with store.transaction() as tx:
            assert tx.request_cancel(run.id, NOW)
            assert not tx.request_cancel(run.id, NOW + SECOND)
            assert not tx.request_cancel(ended.id, NOW)
            found = tx.run(run.id)
            assert found is not None
            assert found.cancel_requested_at == NOW

    def test_an_ended_run_opens_a_new_epoch(self, store: RunStore) -> None:
        """Queued again, on the bundle given; a run that has not ended refuses."""
        run = keep(store, a_run(status=R.FAILED, started_at=NOW, ended_at=NOW, cancel_requested_at=NOW))
        going = keep(store, a_run())
        with store.transaction() as tx:
            assert tx.open_epoch(run.id, "c" * 64, 2, NOW) == 2
            assert tx.run(run.id) == replace(
                run,
                status=R.QUEUED,
                epoch=2,
                bundle="c" * 64,
                open_block_runs=2,
                ended_at=None,
                cancel_requested_at=None,
            )
        with pytest.raises(RunNotFinished), store.transaction() as tx:
            tx.open_epoch(going.id, "c" * 64, 2, NOW)
        with pytest.raises(RunNotFound), store.transaction() as tx:
            tx.open_epoch("no such run", "c" * 64, 2, NOW)

    def test_a_block_run_goes_back_to_the_beginning(self, store: RunStore) -> None:
        """Only its identity and its number of attempts stay."""
        run = a_run()
        row = a_block_run(
            run, "a", status=B.FAILED, attempts=3, failures=2, losses=1, open_instances=1, started_at=NOW,
            first_started_at=NOW, ended_at=NOW, outputs=({},), fan_out=2, error={"a": 1}, tests=({},),
        )  # fmt: skip
        keep(store, run, row)
        with store.transaction() as tx:
            tx.reset_block_run(row.id, 2, B.PENDING, 1, NOW)
            assert tx.block_run_by_id(row.id) == replace(
                a_block_run(run, "a", **PENDING), id=row.id, epoch=2, waiting_on=1, attempts=3
            )
            tx.reset_block_run(row.id, 3, B.READY, 0, NOW)
            assert tx.block_run_by_id(row.id) == replace(a_block_run(run, "a"), id=row.id, epoch=3, attempts=3)

    def test_retired_instances_keep_their_attempts(self, store: RunStore) -> None:
        """Cancelled, without outputs; the group and other blocks are left alone."""
        run = a_run()
        done = {"status": B.SUCCEEDED, "outputs": ({},), "attempts": 2, "kind": BlockRunKind.INSTANCE}
        rows = [
            a_block_run(run, "a", status=B.SUCCEEDED),
            a_block_run(run, "a", map_index=0, **done),
            a_block_run(run, "b", map_index=0, **done),
        ]
        keep(store, run, *rows)
        with store.transaction() as tx:
            tx.retire_instances(run.id, [])
            tx.retire_instances(run.id, ["a"])
            found = tx.block_runs(run.id)
        assert [row.status for row in found] == [B.SUCCEEDED, B.CANCELLED, B.SUCCEEDED]
        assert (found[1].outputs, found[1].attempts) == (None, 2)
