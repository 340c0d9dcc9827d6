"""What every run store must do. Subclass with a `store` fixture; and so `run_store_blocks`, `_claims`, `_fleet`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import BlockRunKind, BlockRunStatus, Run, RunStatus
from penstock_runtime.ports.run_store import BlockRunChange, RunFilter, RunStore
from penstock_runtime.testing.conformance.run_store_records import (
    NAIVE,
    NOW,
    SECOND,
    a_block_run,
    a_run,
    in_threads,
    keep,
)

B, R = BlockRunStatus, RunStatus
PENDING = {"status": B.PENDING}


class Trouble(Exception):
    """What a caller's own code raises inside a transaction."""


class RunStoreConformance:
    """Transactions, runs and block runs."""

    # --- transactions ------------------------------------------------------------------------------------------------
    def test_an_exception_undoes_the_transaction(self, store: RunStore) -> None:
        """Nothing of it is kept, and the store goes on."""
        kept, lost = a_run(), a_run()
        keep(store, kept)
        with pytest.raises(Trouble):
            self._in_vain(store, kept.id, lost)
        with store.transaction() as tx:
            assert tx.run(lost.id) is None
            assert tx.run(kept.id) == kept

    @staticmethod
    def _in_vain(store: RunStore, kept_id: str, lost: Run) -> None:
        with store.transaction() as tx:
            tx.insert_run(lost)
            tx.change_run(kept_id, (R.QUEUED,), R.RUNNING)
            raise Trouble

    def test_a_transaction_sees_its_own_writes(self, store: RunStore) -> None:
        """Each step builds on those before it."""
        run = a_run(open_block_runs=2)
        with store.transaction() as tx:
            tx.insert_run(run)
            tx.insert_block_runs([a_block_run(run, "load", waiting_on=2, **PENDING)])
            assert [row.waiting_on for row in tx.count_down(run.id, ["load"], NOW)] == [1]
            assert [row.waiting_on for row in tx.count_down(run.id, ["load"], NOW)] == [0]
            assert tx.add_open_block_runs(run.id, -1) == 1

    def test_counting_down_from_many_threads_loses_nothing(self, store: RunStore) -> None:
        """Transactions on one run follow each other; each thread locks the run first, as the engine does."""
        run = keep(store, a_run(open_block_runs=8))
        lasts = in_threads(8, lambda _: self._count_one(store, run.id))
        assert sorted(lasts) == list(range(8))

    @staticmethod
    def _count_one(store: RunStore, run_id: str) -> int:
        with store.transaction() as tx:
            tx.lock_run(run_id)
            return tx.add_open_block_runs(run_id, -1)

    def test_the_store_tells_the_time(self, store: RunStore) -> None:
        """Aware, and near the machine's, which is the same one here."""
        assert abs(store.sample_time() - datetime.now(UTC)) < timedelta(minutes=1)

    # --- records -----------------------------------------------------------------------------------------------------
    def test_a_run_comes_back_as_it_was(self, store: RunStore) -> None:
        """Every field, with microseconds, and JSON values that a database might choke on."""
        run = a_run(
            variables={"text": "ünï\u0000 \ud800 'quoted' %(x)s :y", "list": [1, 2.5, None, True], "deep": {"a": {}}},
            trigger_id="t",
            trigger_name="hourly",
            trigger_kind="schedule",
            logical_at=NOW - SECOND,
            started_at=NOW,
            ended_at=NOW + SECOND,
            cancel_requested_at=NOW,
            admitted=False,
            open_block_runs=3,
            block_run_limit=2,
            event={"name": "file.arrived"},
            created_by="ada",
        )
        keep(store, run)
        with store.transaction(read_only=True) as tx:
            assert tx.run(run.id) == run
            assert tx.lock_run(run.id) == run
            assert tx.run("no such run") is None
            assert tx.lock_run("no such run", skip_locked=True) is None

    def test_a_block_run_comes_back_as_it_was(self, store: RunStore) -> None:
        """Every field; infinities and NaN of a user's own values too."""
        run = a_run()
        row = a_block_run(
            run,
            "load",
            status=B.SUCCEEDED,
            waiting_on=1,
            open_instances=2,
            attempts=3,
            failures=2,
            losses=1,
            due_at=NOW,
            first_started_at=NOW,
            started_at=NOW + SECOND,
            ended_at=NOW + 2 * SECOND,
            outputs=({"name": "output_0", "inline": [1, float("inf")]},),
            fan_out=7,
            error={"type": "error", "message": "no"},
            tests=({"name": "test_rows", "passed": True, "message": ""},),
        )
        keep(store, run, row)
        with store.transaction() as tx:
            assert tx.block_runs(run.id) == [row]
            assert tx.block_run_by_id(row.id) == row
            assert tx.block_run(run.id, "load") == row
            changed = tx.change_block_run(
                row.id, (B.SUCCEEDED,), BlockRunChange(B.SUCCEEDED, outputs=[{"v": float("nan")}])
            )
            assert changed is not None
            assert changed.outputs is not None
            assert str(changed.outputs[0]["v"]) == "nan"

    def test_other_timezones_mean_the_same_instant(self, store: RunStore) -> None:
        """Times come back aware; sorting follows the instant, not the text."""
        early = a_run(created_at=datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=5))))
        late = a_run(created_at=datetime(2025, 12, 31, 23, tzinfo=UTC))
        keep(store, early)
        keep(store, late)
        with store.transaction(read_only=True) as tx:
            page = tx.runs(RunFilter(), 10)
        assert [run.id for run in page.items] == [late.id, early.id]
        assert page.items[1].created_at == early.created_at
        assert page.items[1].created_at.utcoffset() == timedelta(0)

    def test_naive_times_are_refused(self, store: RunStore) -> None:
        """They could mean anything."""
        with pytest.raises(ValueError, match="timezone"), store.transaction() as tx:
            tx.insert_run(a_run(created_at=NAIVE))
        run = keep(store, a_run())
        with pytest.raises(ValueError, match="timezone"), store.transaction() as tx:
            tx.request_cancel(run.id, NAIVE)

    def test_what_a_caller_changes_later_is_not_stored(self, store: RunStore) -> None:
        """Records share nothing with those who gave or got them."""
        variables = {"a": [1]}
        run = keep(store, a_run(variables=variables))
        variables["a"].append(2)
        with store.transaction(read_only=True) as tx:
            found = tx.run(run.id)
            assert found is not None
            assert found.variables == {"a": [1]}

    # --- I1 ----------------------------------------------------------------------------------------------------------
    def test_one_run_per_trigger_and_logical_time(self, store: RunStore) -> None:
        """A second insert changes nothing; other times and other triggers are free (I1)."""
        first = a_run(trigger_id="t", logical_at=NOW)
        keep(store, first)
        with store.transaction() as tx:
            assert not tx.insert_run(a_run(trigger_id="t", logical_at=NOW))
            assert tx.insert_run(a_run(trigger_id="t", logical_at=NOW + SECOND))
            assert tx.insert_run(a_run(trigger_id="u", logical_at=NOW))
            assert tx.insert_run(a_run(trigger_id="t"))
            assert tx.insert_run(a_run(trigger_id="t"))
            assert tx.run_of_tick("t", NOW) == first
            assert tx.run_of_tick("t", NOW - SECOND) is None

    def test_eight_threads_make_one_run_of_a_tick(self, store: RunStore) -> None:
        """However many schedulers meet (I1)."""
        runs = [a_run(trigger_id="t", logical_at=NOW) for _ in range(8)]

        def insert(index: int) -> bool:
            with store.transaction() as tx:
                return tx.insert_run(runs[index])

        won = in_threads(8, insert)
        assert sorted(won) == [False] * 7 + [True]
        with store.transaction(read_only=True) as tx:
            assert tx.run_of_tick("t", NOW) == runs[won.index(True)]

    # --- I2 ----------------------------------------------------------------------------------------------------------
    def test_one_block_run_per_block_and_index(self, store: RunStore) -> None:
        """Those that are there already are left as they are (I2)."""
        run = a_run()
        first = a_block_run(run, "load")
        keep(store, run, first)
        instance = a_block_run(run, "load", map_index=0, kind=BlockRunKind.INSTANCE)
        with store.transaction() as tx:
            assert tx.insert_block_runs([a_block_run(run, "load", waiting_on=5), instance]) == 1
            assert tx.insert_block_runs([]) == 0
            assert tx.block_run(run.id, "load") == first
            assert tx.block_run(run.id, "load", 0) == instance
            assert tx.instances(run.id, "load") == [instance]

    def test_callbacks_are_recorded_once_per_epoch_parent_and_event(self, store: RunStore) -> None:
        """The block's own name is free beside its callback rows."""
        run = keep(store, a_run())
        kind = {"kind": BlockRunKind.CALLBACK, "parent": "load", "event": "success"}
        with store.transaction() as tx:
            assert tx.insert_block_runs([a_block_run(run, "tell", **kind)]) == 1
            assert tx.insert_block_runs([a_block_run(run, "tell", **kind)]) == 0
            assert tx.insert_block_runs([a_block_run(run, "tell", **(kind | {"event": "failure"}))]) == 1
            assert tx.insert_block_runs([a_block_run(run, "tell", **(kind | {"parent": "clean"}))]) == 1
            assert tx.insert_block_runs([a_block_run(run, "tell", **kind, epoch=2)]) == 1
            assert tx.block_run(run.id, "tell") is None
            assert tx.insert_block_runs([a_block_run(run, "tell")]) == 1
            assert tx.block_run(run.id, "tell") is not None

    # --- lists -------------------------------------------------------------------------------------------------------
    def test_lists_are_newest_first_and_paged(self, store: RunStore) -> None:
        """Rows of one instant follow their ids; a page neither repeats nor misses one."""
        runs = [keep(store, a_run(created_at=NOW + (index // 2) * SECOND)) for index in range(7)]
        expected = [run.id for run in sorted(runs, key=lambda run: (run.created_at, run.id), reverse=True)]
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(4):
            with store.transaction(read_only=True) as tx:
                page = tx.runs(RunFilter(), 2, cursor)
            seen += [run.id for run in page.items]
            cursor = page.next_cursor
        assert seen == expected
        assert cursor is None

    def test_lists_are_narrowed(self, store: RunStore) -> None:
        """All given conditions hold."""
        runs = [
            keep(store, a_run(status=R.RUNNING, trigger_id="t")),
            keep(store, a_run(status=R.FAILED, created_at=NOW + SECOND)),
            keep(store, a_run(pipeline="other", created_at=NOW + 2 * SECOND, trigger_id="t")),
        ]
        filters = {
            RunFilter(pipeline="flights"): [1, 0],
            RunFilter(statuses=(R.RUNNING,)): [0],
            RunFilter(statuses=(R.RUNNING, R.QUEUED)): [2, 0],
            RunFilter(statuses=(R.QUEUED, R.FAILED)): [2, 1],
            RunFilter(trigger_id="t", statuses=(R.QUEUED,)): [2],
            RunFilter(from_=NOW + SECOND): [2, 1],
            RunFilter(to=NOW + SECOND): [0],
            RunFilter(pipeline="flights", from_=NOW, to=NOW + SECOND, statuses=(R.RUNNING,), trigger_id="t"): [0],
            RunFilter(pipeline="none"): [],
        }
        with store.transaction(read_only=True) as tx:
            for where, expected in filters.items():
                found = [run.id for run in tx.runs(where, 10).items]
                assert found == [runs[index].id for index in expected], where

    @pytest.mark.parametrize("cursor", ["", "x", "💥", "bm8gdGltZQ==", "MjAyNi0wMS0wMSBpZA", "====", "bm8="])
    def test_a_foreign_cursor_is_refused(self, store: RunStore, cursor: str) -> None:
        """As the caller's mistake."""
        with pytest.raises(InvalidInput, match="cursor"), store.transaction(read_only=True) as tx:
            tx.runs(RunFilter(), 10, cursor)

    # --- code and keys -----------------------------------------------------------------------------------------------
    def test_code_versions_are_numbered(self, store: RunStore) -> None:
        """The newest published again stays; an older one published again is newest again."""
        with store.transaction() as tx:
            assert tx.newest_code_version() is None
            first = tx.publish_code_version("a", NOW, "ada")
            assert (first.number, first.digest, first.published_at, first.published_by) == (1, "a", NOW, "ada")
            assert tx.publish_code_version("a", NOW + SECOND) == first
            assert tx.publish_code_version("b", NOW).number == 2
            assert tx.publish_code_version("a", NOW).number == 3
            assert tx.newest_code_version() == replace(first, number=3, published_by=None)

    def test_bundles_in_use_are_those_of_runs_and_the_newest(self, store: RunStore) -> None:
        """Whatever else was published is free to go."""
        with store.transaction(read_only=True) as tx:
            assert tx.bundles_in_use() == frozenset()
        for bundle in ("a", "c", "a"):
            keep(store, a_run(bundle=bundle))
        with store.transaction() as tx:
            tx.publish_code_version("old", NOW)
            tx.publish_code_version("new", NOW)
            assert tx.bundles_in_use() == {"a", "c", "new"}

    def test_an_idempotency_key_stands_for_the_first(self, store: RunStore) -> None:
        """Within its scope, until it has expired."""
        until = NOW + 10 * SECOND
        with store.transaction() as tx:
            assert tx.claim_idempotency_key("p", "k", "body", "run-1", until) is None
            assert tx.claim_idempotency_key("q", "k", "body", "run-2", until) is None
            assert tx.claim_idempotency_key("p", "k", "other", "run-3", until) == ("run-1", "body")
            assert tx.claim_idempotency_key("p", "k", "other", "run-3", until, now=until - SECOND) == ("run-1", "body")
            assert tx.claim_idempotency_key("p", "k", "other", "run-3", until + SECOND, now=until) is None
            assert tx.claim_idempotency_key("p", "k", "x", "run-4", until) == ("run-3", "other")

    def test_one_of_eight_threads_gets_the_key(self, store: RunStore) -> None:
        """The others learn which run it stands for."""
        ids = [new_id() for _ in range(8)]

        def claim(index: int) -> tuple[str, str] | None:
            with store.transaction() as tx:
                return tx.claim_idempotency_key("p", "k", "body", ids[index], NOW + SECOND)

        found = in_threads(8, claim)
        winner = ids[found.index(None)]
        assert found.count(None) == 1
        assert {entry for entry in found if entry is not None} == {(winner, "body")}
