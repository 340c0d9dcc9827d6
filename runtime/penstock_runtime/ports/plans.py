"""Where the engine gets the plan of a pipeline from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from penstock_runtime.domain.blocks import PipelinePlan


class PlanSource(Protocol):
    """Plans by code version. A plan of one digest never changes, so answers are cached for good."""

    def plan(self, bundle: str, pipeline: str) -> PipelinePlan:
        """Return the plan of a pipeline in a bundle. PipelineNotFound; NotFound when the bundle is gone."""
        ...

    def pipelines(self, bundle: str) -> Sequence[str]:
        """Return the slugs of every pipeline folder in the bundle, sorted, whether or not it can run."""
        ...
