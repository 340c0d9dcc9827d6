"""Backfills: a range of logical times whose runs are made as there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from penstock_runtime.domain.backfills import BackfillStatus
from penstock_runtime.domain.runs import RunStatus

if TYPE_CHECKING:
    from penstock_runtime.ports.run_store import Page


@dataclass(frozen=True, slots=True)
class Backfill:
    """A backfill as the store keeps it. Its id is the `trigger_id` of its runs, whose `trigger_kind` is `backfill`.

    `schedule` holds schedule_interval or interval_seconds, and timezone, in a trigger's spelling; `start_at` and
    `end_at` bound its logical times, both inclusive. `total` is how many there are, `made` how many have a run,
    `reached_at` the last of those. `concurrency` is how many of its runs may be unfinished at once. `reason` says why
    it is paused where nobody asked for that. While `retry_asked_at` is set, runs that had failed by then are to go
    again, in its order, behind `retry_reached_at`. `ended_at` is None while a run may be made or is going.
    """

    id: str
    name: str
    pipeline: str
    status: BackfillStatus
    schedule: Mapping[str, Any]
    start_at: datetime
    end_at: datetime
    newest_first: bool
    concurrency: int
    total: int
    created_at: datetime
    variables: Mapping[str, Any] = field(default_factory=dict)
    created_by: str | None = None
    reached_at: datetime | None = None
    made: int = 0
    reason: str | None = None
    retry_asked_at: datetime | None = None
    retry_reached_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BackfillRun:
    """One run of a backfill, as much as its calendar shows."""

    logical_at: datetime
    run_id: str
    status: RunStatus


class BackfillSteps(Protocol):
    """Part of a run transaction: see ports.run_store."""

    def insert_backfill(self, backfill: Backfill) -> None:
        """Keep a new backfill."""
        ...

    def backfill(self, backfill_id: str) -> Backfill | None:
        """Return a backfill without locking it."""
        ...

    def lock_backfill(self, backfill_id: str, *, skip_locked: bool = False) -> Backfill | None:
        """Lock one until the transaction ends and return it; None when there is none (or it is locked)."""
        ...

    def put_backfill(self, backfill: Backfill) -> None:
        """Write a backfill that is locked over what was kept of it."""
        ...

    def delete_backfill(self, backfill_id: str) -> bool:
        """Delete a backfill that has ended, not its runs; False when there is none such."""
        ...

    def backfills(self, pipeline: str | None, limit: int, cursor: str | None = None) -> Page[Backfill]:
        """Return backfills, newest first. InvalidInput for a cursor that no list gave."""
        ...

    def backfills_with_work(self, limit: int) -> Sequence[str]:
        """Return ids of backfills with room for a run, or with nothing left to wait for, or to cancel; oldest first."""
        ...

    def backfill_counts(self, backfill_ids: Sequence[str]) -> Mapping[str, Mapping[RunStatus, int]]:
        """Return, per backfill, how many of its runs are in each status."""
        ...

    def backfill_runs(self, backfill_id: str, first: datetime, last: datetime) -> Sequence[BackfillRun]:
        """Return its runs of logical times from `first` to `last`, both inclusive, oldest first."""
        ...

    def next_failed_run(
        self, backfill_id: str, before: datetime, after: datetime | None, *, newest_first: bool
    ) -> BackfillRun | None:
        """Return its first failed run, in that order, that ended by `before` and is behind the time `after`."""
        ...

    def runs_to_cancel(self, backfill_id: str, limit: int) -> Sequence[str]:
        """Return ids of its unfinished runs whose end has not been asked for yet."""
        ...

    def succeeded_ticks(self, pipeline: str, first: datetime, last: datetime, limit: int) -> Sequence[datetime]:
        """Return logical times, both ends inclusive, of which a schedule of the pipeline has a succeeded run."""
        ...
