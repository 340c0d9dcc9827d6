"""Backfills: a range of logical times whose runs are made as there is room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from penstock_runtime.domain.backfills import BACKFILL, BackfillStatus
from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.runs import RUN_ENDED, Run, RunStatus
from penstock_runtime.ports.backfills import Backfill, BackfillRun
from penstock_runtime.ports.run_store import Page
from penstock_runtime.testing.memory_state import State, StateSteps, plain, stored


def backfills_with_work(state: State) -> list[Backfill]:
    """Return the backfills that a scheduler has something to do for, oldest first."""
    unfinished = Counter(run.trigger_id for run in state.runs.values() if run.status not in RUN_ENDED)
    found = []
    for one in state.backfills.values():
        makes = one.made < one.total or one.retry_asked_at is not None
        room = one.concurrency if makes else 1
        cancelling = one.status is BackfillStatus.CANCELLED
        going = one.ended_at is None and one.status is not BackfillStatus.PAUSED
        if going and (cancelling or unfinished[one.id] < room):
            found.append(one)
    return sorted(found, key=lambda one: (one.created_at, one.id))


class MemoryBackfillSteps(StateSteps):
    """See ports.backfills."""

    def insert_backfill(self, backfill: Backfill) -> None:
        """See the port."""
        self._state.backfills.setdefault(backfill.id, stored(backfill))

    def backfill(self, backfill_id: str) -> Backfill | None:
        """See the port."""
        return self._state.backfills.get(backfill_id)

    def lock_backfill(self, backfill_id: str, *, skip_locked: bool = False) -> Backfill | None:
        """See the port; the transaction is alone anyway."""
        del skip_locked
        return self._state.backfills.get(backfill_id)

    def put_backfill(self, backfill: Backfill) -> None:
        """See the port."""
        if backfill.id in self._state.backfills:
            self._state.backfills[backfill.id] = stored(backfill)

    def delete_backfill(self, backfill_id: str) -> bool:
        """See the port."""
        known = self._state.backfills.get(backfill_id)
        if known is None or known.ended_at is None:
            return False
        del self._state.backfills[backfill_id]
        return True

    def backfills(self, pipeline: str | None, limit: int, cursor: str | None = None) -> Page[Backfill]:
        """See the port."""
        found = [one for one in self._state.backfills.values() if pipeline in (None, one.pipeline)]
        found.sort(key=lambda one: (one.created_at, one.id), reverse=True)
        if cursor is not None:
            places = [number for number, one in enumerate(found) if one.id == cursor]
            if not places:
                raise InvalidInput("the cursor is not one that a list gave", "cursor")
            found = found[places[0] + 1 :]
        items = found[:limit]
        return Page(items, items[-1].id if items and len(found) > limit else None)

    def backfills_with_work(self, limit: int) -> Sequence[str]:
        """See the port."""
        return [one.id for one in backfills_with_work(self._state)][:limit]

    def _runs_of(self, backfill_id: str) -> list[Run]:
        of_backfill = (run for run in self._state.runs.values() if run.trigger_id == backfill_id)
        return [run for run in of_backfill if run.trigger_kind == BACKFILL and run.logical_at is not None]

    def backfill_counts(self, backfill_ids: Sequence[str]) -> Mapping[str, Mapping[RunStatus, int]]:
        """See the port."""
        counts = {one: Counter(run.status for run in self._runs_of(one)) for one in backfill_ids}
        return {one: dict(count) for one, count in counts.items() if count}

    def backfill_runs(self, backfill_id: str, first: datetime, last: datetime) -> Sequence[BackfillRun]:
        """See the port."""
        found = [
            BackfillRun(run.logical_at, run.id, run.status)
            for run in self._runs_of(backfill_id)
            if run.logical_at is not None and plain(first) <= run.logical_at <= plain(last)
        ]
        return sorted(found, key=lambda one: one.logical_at)

    def next_failed_run(
        self, backfill_id: str, before: datetime, after: datetime | None, *, newest_first: bool
    ) -> BackfillRun | None:
        """See the port."""
        found = [
            BackfillRun(run.logical_at, run.id, run.status)
            for run in self._runs_of(backfill_id)
            if run.status is RunStatus.FAILED
            and run.logical_at is not None
            and run.ended_at is not None
            and run.ended_at <= plain(before)
        ]
        found.sort(key=lambda one: one.logical_at, reverse=newest_first)
        if after is None:
            return next(iter(found), None)
        return next(
            (one for one in found if (one.logical_at < after) == newest_first and one.logical_at != after), None
        )

    def runs_to_cancel(self, backfill_id: str, limit: int) -> Sequence[str]:
        """See the port."""
        unfinished = [run for run in self._state.runs.values() if run.status not in RUN_ENDED]
        asked = [run for run in unfinished if run.trigger_id == backfill_id and run.cancel_requested_at is None]
        return sorted(run.id for run in asked)[:limit]

    def succeeded_ticks(self, pipeline: str, first: datetime, last: datetime, limit: int) -> Sequence[datetime]:
        """See the port."""
        schedules = {
            one.id for one in self._state.triggers.values() if (one.pipeline, one.kind) == (pipeline, "schedule")
        }
        found = [
            run.logical_at
            for run in self._state.runs.values()
            if run.trigger_id in schedules and run.status is RunStatus.SUCCEEDED and run.logical_at is not None
        ]
        return sorted({at for at in found if plain(first) <= at <= plain(last)})[:limit]
