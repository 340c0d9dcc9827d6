"""What every run store must do for backfills. Subclass with a `store` fixture."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from penstock_runtime.domain.backfills import BACKFILL, BackfillStatus
from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import Run, RunStatus
from penstock_runtime.ports.backfills import Backfill
from penstock_runtime.ports.run_store import RunStore, Trigger
from penstock_runtime.testing.conformance.run_store_records import NOW, SECOND, a_run, keep

HOUR = timedelta(hours=1)


def a_backfill(**fields: Any) -> Backfill:
    """Return a running backfill of four hourly times."""
    known: dict[str, Any] = {
        "id": new_id(),
        "name": "january",
        "pipeline": "p",
        "status": BackfillStatus.RUNNING,
        "schedule": {"interval_seconds": 3600, "timezone": "UTC"},
        "start_at": NOW - 4 * HOUR,
        "end_at": NOW - HOUR,
        "newest_first": False,
        "concurrency": 2,
        "total": 4,
        "created_at": NOW,
        "variables": {"year": 2026},
    }
    return Backfill(**(known | fields))


class BackfillConformance:
    """Backfills, and the runs that are theirs."""

    @staticmethod
    def _kept(store: RunStore, backfill: Backfill) -> Backfill:
        with store.transaction() as tx:
            tx.insert_backfill(backfill)
        return backfill

    @staticmethod
    def _run(
        store: RunStore, backfill: Backfill, at: datetime, status: RunStatus = RunStatus.QUEUED, **fields: Any
    ) -> Run:
        known: dict[str, Any] = {"trigger_id": backfill.id, "trigger_kind": BACKFILL, "logical_at": at}
        if status in (RunStatus.FAILED, RunStatus.SUCCEEDED):
            known["ended_at"] = NOW
        run = replace(a_run(), status=status, **(known | fields))
        keep(store, run)
        return run

    def _with_work(self, store: RunStore) -> list[str]:
        with store.transaction(read_only=True) as tx:
            found = list(tx.backfills_with_work(9))
            assert tx.due_times().backfills == bool(found)
        return found

    def test_it_comes_back_as_it_was_kept(self, store: RunStore) -> None:
        made = self._kept(store, a_backfill(reason="why", reached_at=NOW, made=1, created_by="who"))
        changed = replace(
            made,
            status=BackfillStatus.FAILED,
            made=3,
            concurrency=9,
            reason=None,
            retry_asked_at=NOW,
            retry_reached_at=NOW - HOUR,
            ended_at=NOW + SECOND,
        )
        with store.transaction() as tx:
            assert tx.backfill(made.id) == made
            assert tx.lock_backfill(made.id) == made
            tx.put_backfill(changed)
        with store.transaction() as tx:
            assert tx.lock_backfill(made.id, skip_locked=True) == changed
            assert tx.backfill(new_id()) is None
            assert tx.lock_backfill(new_id()) is None

    def test_only_one_that_is_over_is_deleted(self, store: RunStore) -> None:
        going = self._kept(store, a_backfill())
        over = self._kept(store, a_backfill(status=BackfillStatus.SUCCEEDED, ended_at=NOW))
        with store.transaction() as tx:
            assert not tx.delete_backfill(going.id)
            assert tx.delete_backfill(over.id)
            assert not tx.delete_backfill(over.id)
            assert [one.id for one in tx.backfills(None, 9).items] == [going.id]

    def test_a_list_is_newest_first_and_goes_on(self, store: RunStore) -> None:
        made = [self._kept(store, a_backfill(created_at=NOW + n * SECOND, pipeline="pq"[n % 2])) for n in range(4)]
        with store.transaction(read_only=True) as tx:
            page = tx.backfills(None, 3)
            assert [one.id for one in page.items] == [one.id for one in made[:0:-1]]
            rest = tx.backfills(None, 3, page.next_cursor)
            assert ([one.id for one in rest.items], rest.next_cursor) == ([made[0].id], None)
            first = tx.backfills("p", 1)
            assert [one.id for one in first.items] == [made[2].id]
            assert [one.id for one in tx.backfills("p", 1, first.next_cursor).items] == [made[0].id]
            with pytest.raises(InvalidInput):
                tx.backfills(None, 3, "nonsense")

    def test_one_with_room_has_work_and_a_full_one_not(self, store: RunStore) -> None:
        backfill = self._kept(store, a_backfill(made=1))
        assert self._with_work(store) == [backfill.id]
        self._run(store, backfill, NOW - 4 * HOUR)
        assert self._with_work(store) == [backfill.id]
        # Held back or going: both are unfinished.
        self._run(store, backfill, NOW - 3 * HOUR, admitted=False)
        assert self._with_work(store) == []

    def test_what_has_made_all_has_work_when_all_have_ended(self, store: RunStore) -> None:
        backfill = self._kept(store, a_backfill(made=4))
        run = self._run(store, backfill, NOW - 4 * HOUR)
        assert self._with_work(store) == []
        with store.transaction() as tx:
            assert tx.change_run(run.id, (RunStatus.QUEUED,), RunStatus.SUCCEEDED, ended_at=NOW)
        assert self._with_work(store) == [backfill.id]

    def test_a_retry_that_was_asked_is_work_while_there_is_room(self, store: RunStore) -> None:
        backfill = self._kept(store, a_backfill(made=4, retry_asked_at=NOW))
        self._run(store, backfill, NOW - 4 * HOUR)
        assert self._with_work(store) == [backfill.id]

    def test_paused_and_ended_ones_rest_and_a_cancelled_one_is_looked_after(self, store: RunStore) -> None:
        self._kept(store, a_backfill(status=BackfillStatus.PAUSED))
        self._kept(store, a_backfill(status=BackfillStatus.FAILED, ended_at=NOW))
        self._kept(store, a_backfill(status=BackfillStatus.CANCELLED, ended_at=NOW))
        assert self._with_work(store) == []
        cancelling = self._kept(store, a_backfill(status=BackfillStatus.CANCELLED, created_at=NOW + SECOND))
        for hours in range(3):
            self._run(store, cancelling, NOW - hours * HOUR)
        oldest = self._kept(store, a_backfill())
        assert self._with_work(store) == [oldest.id, cancelling.id]

    def test_counts_and_runs_are_its_own(self, store: RunStore) -> None:
        one, other = self._kept(store, a_backfill()), self._kept(store, a_backfill())
        failed = self._run(store, one, NOW - 4 * HOUR, RunStatus.FAILED)
        queued = self._run(store, one, NOW - 3 * HOUR)
        self._run(store, other, NOW - 4 * HOUR)
        keep(store, a_run())
        with store.transaction(read_only=True) as tx:
            assert tx.backfill_counts([one.id, other.id, new_id()]) == {
                one.id: {RunStatus.FAILED: 1, RunStatus.QUEUED: 1},
                other.id: {RunStatus.QUEUED: 1},
            }
            found = tx.backfill_runs(one.id, NOW - 4 * HOUR, NOW)
            assert [(run.logical_at, run.run_id, run.status) for run in found] == [
                (NOW - 4 * HOUR, failed.id, RunStatus.FAILED),
                (NOW - 3 * HOUR, queued.id, RunStatus.QUEUED),
            ]
            assert [run.run_id for run in tx.backfill_runs(one.id, NOW - 3 * HOUR, NOW)] == [queued.id]

    def test_failed_runs_come_in_its_order_and_only_those_of_before(self, store: RunStore) -> None:
        backfill = self._kept(store, a_backfill())
        first = self._run(store, backfill, NOW - 4 * HOUR, RunStatus.FAILED)
        self._run(store, backfill, NOW - 3 * HOUR, RunStatus.SUCCEEDED)
        last = self._run(store, backfill, NOW - 2 * HOUR, RunStatus.FAILED)
        self._run(store, backfill, NOW - 5 * HOUR, RunStatus.FAILED, ended_at=NOW + SECOND)

        def walk(*, newest_first: bool) -> list[str]:
            found: list[str] = []
            after = None
            with store.transaction(read_only=True) as tx:
                while (run := tx.next_failed_run(backfill.id, NOW, after, newest_first=newest_first)) is not None:
                    found.append(run.run_id)
                    after = run.logical_at
            return found

        assert walk(newest_first=False) == [first.id, last.id]
        assert walk(newest_first=True) == [last.id, first.id]

    def test_what_is_to_be_cancelled_is_asked_once(self, store: RunStore) -> None:
        backfill = self._kept(store, a_backfill())
        run = self._run(store, backfill, NOW - 4 * HOUR)
        self._run(store, backfill, NOW - 3 * HOUR, RunStatus.FAILED)
        with store.transaction() as tx:
            assert list(tx.runs_to_cancel(backfill.id, 9)) == [run.id]
            tx.request_cancel(run.id, NOW)
        with store.transaction(read_only=True) as tx:
            assert list(tx.runs_to_cancel(backfill.id, 9)) == []

    def test_ticks_that_a_schedule_ran_well(self, store: RunStore) -> None:
        """Neither failed ones, nor those of another pipeline or of a trigger that is no schedule."""
        triggers = [Trigger(new_id(), pipeline, name, kind, active=True) for pipeline, name, kind in (
            ("p", "hourly", "schedule"), ("q", "hourly", "schedule"), ("p", "call", "api")
        )]  # fmt: skip
        with store.transaction() as tx:
            for trigger in triggers:
                tx.put_trigger(trigger)
        for trigger in triggers:
            for hours, status in ((1, RunStatus.SUCCEEDED), (2, RunStatus.FAILED), (3, RunStatus.SUCCEEDED)):
                run = replace(a_run(), trigger_id=trigger.id, trigger_kind=trigger.kind, pipeline=trigger.pipeline)
                keep(store, replace(run, status=status, logical_at=NOW - hours * HOUR, ended_at=NOW))
        with store.transaction(read_only=True) as tx:
            assert list(tx.succeeded_ticks("p", NOW - 9 * HOUR, NOW, 9)) == [NOW - 3 * HOUR, NOW - HOUR]
            assert list(tx.succeeded_ticks("p", NOW - 2 * HOUR, NOW, 9)) == [NOW - HOUR]
