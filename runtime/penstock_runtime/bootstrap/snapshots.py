"""What the command line shows: plain records that the composition root fills and `cli` draws.

The functions behind the commands, each in a module that is imported only when its command runs:

    penstock start  server.main.serve(options: ServeOptions) -> int
    penstock run  bootstrap.foreground.run_pipeline(folder, pipeline, variables) -> Iterator[RunSnapshot]
    penstock init  bootstrap.projects.create_project(folder, *, demo) -> Sequence[str]
    penstock validate  bootstrap.projects.validate_project(folder) -> Sequence[Problem]
    penstock validate --effective  bootstrap.projects.effective_executors(folder) -> Sequence[EffectiveExecutor]
    penstock db upgrade  bootstrap.upkeep.upgrade_database(folder, *, post) -> Sequence[str]
    penstock db status  bootstrap.upkeep.database_status(folder) -> DatabaseStatus
    penstock doctor  bootstrap.upkeep.examine(folder) -> Sequence[Finding]
    penstock user create  bootstrap.accounts.create_user(folder, name, role, password) -> CreatedUser
    penstock api-key create  bootstrap.accounts.create_api_key(folder, name, role) -> CreatedApiKey

`folder` is a Path, or None for what the settings say. All raise PenstockError for what the person can mend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from penstock_runtime.domain.runs import BlockRunStatus, RunStatus


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What `penstock start` was asked. None leaves a value to the settings."""

    folder: Path | None = None
    host: str | None = None
    port: int | None = None
    instance_type: str | None = None


@dataclass(frozen=True, slots=True)
class BlockSnapshot:
    """One block of a run at one instant. `instances` counts a mapped block's instances by status."""

    slug: str
    type: str
    status: BlockRunStatus
    upstream: tuple[str, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: int = 0
    instances: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """A run at one instant: blocks in topological order. The last one of an iterator is an ended run's."""

    run_id: str
    pipeline: str
    status: RunStatus
    at: datetime
    blocks: tuple[BlockSnapshot, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EffectiveExecutor:
    """What a block will run on: `sources` names, per key of `config`, the file that set it."""

    pipeline: str
    block: str
    executor: str
    config: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """Where the schema stands: `pending` and `pending_post` are revisions not applied yet."""

    database: str
    revision: str | None
    pending: tuple[str, ...] = ()
    pending_post: tuple[str, ...] = ()


class Health(StrEnum):
    """What `doctor` found."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` says what to do when it is not good."""

    subject: str
    health: Health
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class CreatedUser:
    """A user that was made; `sign_in_link` signs in once, when no password was given."""

    name: str
    role: str
    sign_in_link: str | None = None


@dataclass(frozen=True, slots=True)
class CreatedApiKey:
    """A key that was made; `key` is shown this once."""

    name: str
    role: str
    key: str
