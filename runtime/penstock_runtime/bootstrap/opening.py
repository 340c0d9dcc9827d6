"""Opening a project on this machine: its settings, and its database brought up to date."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from penstock_runtime.bootstrap.components import Components
from penstock_runtime.bootstrap.up_file import settings_of_up
from penstock_runtime.domain.errors import NotFound
from penstock_runtime.persistence.migrate import ensure_schema
from penstock_runtime.settings import Settings, read_settings


def open_project_settings(folder: Path | None, given: Mapping[str, str] | None = None) -> Settings:
    """Return the settings for a project folder, the `given` ones over the environment; NotFound when there is none."""
    settings = read_settings(project_dir=folder, given=given)
    project = settings.project_dir
    if not project.is_dir():
        raise NotFound(f"there is no folder {project}; `penstock init {project}` makes a project")
    if not (project / "metadata.yaml").is_file() and not (project / "pipelines").is_dir():
        raise NotFound(
            f"{project} holds no project (no metadata.yaml, no pipelines folder); `penstock init DIR` makes one"
        )
    return settings


def open_installation_settings(folder: Path | None) -> Settings:
    """Return the settings for looking after a project: those of the `penstock up` that runs in it, if one does."""
    settings = open_project_settings(folder)
    given = settings_of_up(settings)
    return open_project_settings(folder, given) if given else settings


def upgrade_at_start(components: Components) -> None:
    """Apply the additive migrations that are missing; one process at a time, the others wait."""
    ensure_schema(components.store.database)
