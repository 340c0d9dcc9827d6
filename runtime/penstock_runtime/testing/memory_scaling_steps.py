"""The load as the scaler sees it, and what it decided from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from penstock_runtime.domain.runs import AttemptStatus, BlockRun, BlockRunStatus
from penstock_runtime.domain.scaling import ScalingDecision
from penstock_runtime.ports.scaling_decisions import LoadFigures
from penstock_runtime.testing.memory_state import StateSteps, plain, stored


class MemoryScalingSteps(StateSteps):
    """See ports.scaling_decisions."""

    def load_figures(self, since: datetime, most: int) -> LoadFigures:
        """See the port."""
        attempts = self._state.attempts.values()
        running = Counter(one.run_id for one in attempts if one.status is AttemptStatus.RUNNING)
        ready = self._claimable(running)
        ended = [(one.ended_at, one.started_at) for one in attempts if one.ended_at and one.ended_at >= plain(since)]
        ended = sorted(ended, reverse=True)[:most]
        lasted = [(end - start).total_seconds() for end, start in ended]
        return LoadFigures(
            ready=len(ready),
            oldest_ready_at=min((row.due_at for row in ready if row.due_at is not None), default=None),
            running=running.total(),
            ended=len(ended),
            since=ended[-1][0] if len(ended) == most else plain(since),
            mean_seconds=sum(lasted) / len(lasted) if lasted else None,
        )

    def _claimable(self, running: Counter[str]) -> Sequence[BlockRun]:
        """Return the ready block runs that their own run's limit lets start."""
        found, taken = [], Counter(running)
        rows = [row for row in self._state.block_runs.values() if row.status is BlockRunStatus.READY]
        for row in sorted(rows, key=lambda row: (row.due_at is None, row.due_at)):
            limit = self._state.runs[row.run_id].block_run_limit
            if limit is None or taken[row.run_id] < limit:
                taken[row.run_id] += 1
                found.append(row)
        return found

    def record_scaling(self, decision: ScalingDecision) -> None:
        """See the port."""
        self._state.decisions.setdefault(decision.id, stored(decision))

    def scaling_decisions(self, limit: int) -> Sequence[ScalingDecision]:
        """See the port."""
        found = sorted(self._state.decisions.values(), key=lambda one: (one.at, one.id), reverse=True)
        return found[:limit]
