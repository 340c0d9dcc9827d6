"""What a worker is made of, and what it keeps of each attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock_runtime.domain.blocks import ExecutorType
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.ports.artifact_store import ArtifactStore
from penstock_runtime.ports.executor import BlockEvent, Executor, ExternalId
from penstock_runtime.ports.log_store import LogStore
from penstock_runtime.runs.claim import Claimed
from penstock_runtime.runs.membership import Membership
from penstock_runtime.runs.services import RunServices
from penstock_runtime.runs.work import RenderSql
from penstock_runtime.worker.environment_gate import EnvironmentGate


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker is made of.

    `bundle_dir` unpacks a bundle and returns its folder on this machine. `only_run` narrows claims to one run.
    """

    services: RunServices
    membership: Membership
    executors: Mapping[ExecutorType, Executor]
    artifacts: ArtifactStore
    logs: LogStore
    environments: EnvironmentGate
    bundle_dir: Callable[[str], Path]
    project_dir: Path
    staging_root: Path
    render_sql: RenderSql
    slots: int
    poll_seconds: float
    environment_name: str = "prod"
    only_run: str | None = None


@dataclass(slots=True)
class Active:
    """An attempt of ours: claimed, perhaps waiting for its environment, then started."""

    claimed: Claimed
    external_id: ExternalId | None = None
    outcome: AttemptOutcome | None = None
    cancelled: bool = False
    pid: int | None = None
    pid_written: bool = False
    last: AttemptOutcome | None = None
    spoiled: str | None = None
    events: list[BlockEvent] = field(default_factory=list)
