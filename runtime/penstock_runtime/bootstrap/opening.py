"""Opening a project on this machine: its settings, and its database brought up to date."""

from __future__ import annotations

from pathlib import Path

from penstock_runtime.bootstrap.components import Components
from penstock_runtime.domain.errors import NotFound
from penstock_runtime.persistence.migrate import ensure_schema
from penstock_runtime.settings import Settings, read_settings


def open_project_settings(folder: Path | None) -> Settings:
    """Return the settings for a project folder; NotFound when there is none."""
    settings = read_settings(project_dir=folder)
    project = settings.project_dir
    if not project.is_dir():
        raise NotFound(f"there is no folder {project}; `penstock init {project}` makes a project")
    if not (project / "metadata.yaml").is_file() and not (project / "pipelines").is_dir():
        raise NotFound(
            f"{project} holds no project (no metadata.yaml, no pipelines folder); `penstock init DIR` makes one"
        )
    return settings


def upgrade_at_start(components: Components) -> None:
    """Apply the additive migrations that are missing; one process at a time, the others wait."""
    ensure_schema(components.store.database)
