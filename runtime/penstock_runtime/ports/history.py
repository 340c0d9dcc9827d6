"""Letting finished history go by policy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that has ended: as much of it as is needed to decide whether it stays."""

    id: str
    pipeline: str
    created_at: datetime
    ended_at: datetime


class HistorySteps(Protocol):
    """Part of a run transaction: see ports.run_store."""

    def ended_runs(self, before: datetime, after: tuple[datetime, str] | None, limit: int) -> Sequence[EndedRun]:
        """Return runs that ended before a time, by (end, id), from behind `after` on; those of open backfills never."""
        ...

    def newest_runs_since(self, pipeline: str, count: int) -> datetime | None:
        """Return when the `count`-th newest run of a pipeline was created; None when it has fewer runs."""
        ...

    def delete_runs(self, run_ids: Sequence[str]) -> Sequence[str]:
        """Delete those of the runs that have ended, with all that is theirs; their ids.

        Rows that another transaction holds (a retry) are passed over. Idempotent.
        """
        ...

    def delete_records(self, before: datetime, now: datetime, limit: int) -> Mapping[str, int]:
        """Delete, of each kind up to `limit`, records that were over before a time; how many by kind.

        The kinds: lost_ticks, messages (sent or given up), scaling_decisions, backfills (ended, without runs), members
        (ended), idempotency_keys (expired by `now`).
        """
        ...

    def unused_bundles(self, before: datetime) -> Sequence[str]:
        """Return digests that were published before a time, and that neither a run nor the newest version names."""
        ...

    def forget_code_versions(self, digests: Sequence[str]) -> None:
        """Delete the versions of these digests, but never the newest: numbers only grow."""
        ...

    def runs_that_are(self, run_ids: Collection[str]) -> frozenset[str]:
        """Return those of the ids that have a run."""
        ...
