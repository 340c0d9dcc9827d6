"""What the scaler reads, and what it decided and from what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from penstock_runtime.domain.scaling import ScalingDecision


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """The load, read at one instant. Block runs that their own run's limit holds back do not count as ready.

    `ended` attempts ended since `since`, each after `mean_seconds` on average (None when there is none).
    """

    ready: int
    oldest_ready_at: datetime | None
    running: int
    ended: int
    since: datetime
    mean_seconds: float | None


class ScalingSteps(Protocol):
    """Part of a run transaction: see ports.run_store."""

    def load_figures(self, since: datetime, most: int) -> LoadFigures:
        """Return the load. Of the attempts that ended since then the newest `most` are read.

        When there are more, the answer's `since` is when the oldest of those ended.
        """
        ...

    def record_scaling(self, decision: ScalingDecision) -> None:
        """Keep a decision; again under the same id changes nothing."""
        ...

    def scaling_decisions(self, limit: int) -> Sequence[ScalingDecision]:
        """Return decisions, newest first."""
        ...
