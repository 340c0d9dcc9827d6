"""Plans and triggers by code version: what the engine, the server and the command line read projects through."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.project.bundles import BundleLibrary
from penstock_runtime.project.paths import pipeline_slugs
from penstock_runtime.project.pipeline_reader import read_pipeline
from penstock_runtime.project.problems import Problem
from penstock_runtime.project.project import Installation, Project, open_project
from penstock_runtime.project.triggers import ReadTriggers, read_triggers
from penstock_runtime.project.validation import validate_project

_KEPT_VERSIONS = 64


class ProjectPlans:
    """`ports.plans.PlanSource` over the bundles of a project. A version's answers never change, so they are kept.

    For several threads; the least recently opened version is forgotten first.
    """

    def __init__(self, library: BundleLibrary, installation: Installation | None = None) -> None:
        """Nothing is read until it is asked for."""
        self._library = library
        self._installation = installation or Installation()
        self._projects: dict[str, Project] = {}
        self._plans: dict[tuple[str, str], PipelinePlan] = {}
        self._lock = threading.Lock()

    def plan(self, bundle: str, pipeline: str) -> PipelinePlan:
        """Return the plan of a pipeline. PipelineNotFound; BundleNotFound."""
        known = self._plans.get((bundle, pipeline))
        if known is not None:
            return known
        project = self._project(bundle)
        plan = read_pipeline(project, pipeline, bundle).plan
        with self._lock:
            return self._plans.setdefault((bundle, pipeline), plan)

    def pipelines(self, bundle: str) -> Sequence[str]:
        """Return the slugs of every pipeline in the bundle, sorted. BundleNotFound."""
        return pipeline_slugs(self._project(bundle).root)

    def triggers(self, bundle: str, pipeline: str) -> ReadTriggers:
        """Return the triggers that the pipeline's triggers.yaml declares, and what it names and cannot be used."""
        return read_triggers(self._project(bundle).root, pipeline)

    def validate(self, bundle: str) -> Sequence[Problem]:
        """Return every problem of the bundle."""
        return validate_project(self._project(bundle))

    def root(self, bundle: str) -> Path:
        """Return the folder that the bundle's code is loaded from."""
        return self._library.path(bundle)

    def _project(self, bundle: str) -> Project:
        known = self._projects.get(bundle)
        if known is not None:
            return known
        project = open_project(self._library.path(bundle), self._installation)
        with self._lock:
            while len(self._projects) >= _KEPT_VERSIONS:
                oldest = next(iter(self._projects))
                del self._projects[oldest]
                for key in [key for key in self._plans if key[0] == oldest]:
                    del self._plans[key]
            return self._projects.setdefault(bundle, project)
