"""Making and checking projects, for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from penstock_runtime.bootstrap.components import LOCAL_EXECUTORS
from penstock_runtime.bootstrap.opening import open_project_settings
from penstock_runtime.bootstrap.snapshots import EffectiveExecutor
from penstock_runtime.domain.blocks import ExecutorType
from penstock_runtime.project import starter
from penstock_runtime.project.paths import pipeline_slugs
from penstock_runtime.project.pipeline_reader import read_pipeline
from penstock_runtime.project.problems import Problem
from penstock_runtime.project.project import Installation, open_project
from penstock_runtime.project.validation import effective_config, validate
from penstock_runtime.settings import Settings


def create_project(folder: Path, *, demo: bool) -> Sequence[str]:
    """Make a project; its files, relative to the folder. Conflict when the folder holds something."""
    made = starter.copy_demo(folder) if demo else starter.create_project(folder)
    return [str(path.relative_to(folder)) for path in made]


def validate_project(folder: Path) -> Sequence[Problem]:
    """Return every problem of a project, as this installation would meet it."""
    settings = open_project_settings(folder)
    return validate(settings.project_dir, _installation(settings))


def effective_executors(folder: Path) -> Sequence[EffectiveExecutor]:
    """Return what each block would run on, with the source of each key."""
    settings = open_project_settings(folder)
    project = open_project(settings.project_dir, _installation(settings))
    found = []
    for slug in pipeline_slugs(settings.project_dir):
        plan = read_pipeline(project, slug, "").plan
        for block in plan.blocks:
            values = effective_config(project, slug, block.slug)
            config = {one.key: one.value for one in values if one.key != "executor_type"}
            sources = {one.key: one.source for one in values}
            found.append(EffectiveExecutor(slug, block.slug, block.executor.value, config, sources))
    return found


def _installation(settings: Settings) -> Installation:
    executors = LOCAL_EXECUTORS if settings.local_execution else frozenset[ExecutorType]()
    return Installation(settings.default_executor, executors, settings.template_env.get, _apprise_problem)


def _apprise_problem(address: str) -> str | None:
    # Asked when a project is checked, not when plans are read for runs: Apprise costs a process 25 MB.
    from penstock_runtime.notifications.addresses import apprise_problem

    return apprise_problem(address)
