"""Letting finished history go by policy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from penstock_runtime.domain.runs import AttemptStatus
from penstock_runtime.ports.history import EndedRun
from penstock_runtime.testing.memory_state import StateSteps


class MemoryHistorySteps(StateSteps):
    """See ports.history."""

    def ended_runs(self, before: datetime, after: tuple[datetime, str] | None, limit: int) -> Sequence[EndedRun]:
        """See the port."""
        open_backfills = {one.id for one in self._state.backfills.values() if one.status in ("running", "paused")}
        found = [
            EndedRun(run.id, run.pipeline, run.created_at, run.ended_at)
            for run in self._state.runs.values()
            if run.ended_at is not None and run.ended_at < before and run.trigger_id not in open_backfills
        ]
        found.sort(key=lambda one: (one.ended_at, one.id))
        return [one for one in found if after is None or (one.ended_at, one.id) > after][:limit]

    def newest_runs_since(self, pipeline: str, count: int) -> datetime | None:
        """See the port."""
        times = sorted((run.created_at for run in self._state.runs.values() if run.pipeline == pipeline), reverse=True)
        return times[count - 1] if len(times) >= count else None

    def delete_runs(self, run_ids: Sequence[str]) -> Sequence[str]:
        """See the port."""
        gone = [one for one in run_ids if one in self._state.runs and self._state.runs[one].ended_at is not None]
        for run_id in gone:
            del self._state.runs[run_id]
        for name in ("block_runs", "attempts"):
            table: dict[str, Any] = getattr(self._state, name)
            setattr(self._state, name, {key: row for key, row in table.items() if row.run_id not in set(gone)})
        return gone

    def delete_records(self, before: datetime, now: datetime, limit: int) -> Mapping[str, int]:
        """See the port."""
        state = self._state
        working = {one.member_id for one in state.attempts.values() if one.status is AttemptStatus.RUNNING}
        filled = {run.trigger_id for run in state.runs.values()}
        over: dict[str, Callable[[Any], bool]] = {
            "lost_ticks": lambda one: one.recorded_at < before,
            "messages": lambda one: one.due_at is None and one.created_at < before,
            "decisions": lambda one: one.at < before,
            "backfills": lambda one: one.ended_at is not None and one.ended_at < before and one.id not in filled,
            "members": lambda one: one.ended_at is not None and one.ended_at < before and one.id not in working,
        }
        counts = {}
        for name, is_over in over.items():
            table: dict[str, Any] = getattr(state, name)
            gone = [key for key, one in table.items() if is_over(one)][:limit]
            setattr(state, name, {key: one for key, one in table.items() if key not in set(gone)})
            counts["scaling_decisions" if name == "decisions" else name] = len(gone)
        expired = [key for key, (_, _, expires_at) in state.keys.items() if expires_at <= now]
        state.keys = {key: one for key, one in state.keys.items() if key not in set(expired)}
        return {**counts, "idempotency_keys": len(expired)}

    def unused_bundles(self, before: datetime) -> Sequence[str]:
        """See the port."""
        versions = self._state.versions
        used = {run.bundle for run in self._state.runs.values()} | {one.digest for one in versions[-1:]}
        return sorted({one.digest for one in versions if one.published_at < before} - used)

    def forget_code_versions(self, digests: Sequence[str]) -> None:
        """See the port."""
        versions = self._state.versions
        self._state.versions = [one for one in versions[:-1] if one.digest not in set(digests)] + versions[-1:]

    def runs_that_are(self, run_ids: Collection[str]) -> frozenset[str]:
        """See the port."""
        return frozenset(self._state.runs.keys() & set(run_ids))
