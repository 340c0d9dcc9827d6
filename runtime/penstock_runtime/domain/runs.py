"""The states of runs, block runs and attempts, the steps between them, and the records that carry them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

UNMAPPED = -1
"""The map index of a block run that is not one instance of a mapped block (shown as null)."""


class RunStatus(StrEnum):
    """The life of a pipeline run: queued, running, then one of three ends."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BlockRunStatus(StrEnum):
    """The life of one block in one run."""

    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    RETRY_WAIT = "retry_wait"
    DEFERRED = "deferred"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UPSTREAM_FAILED = "upstream_failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class AttemptStatus(StrEnum):
    """One try: running until its owner, or whoever rescues it, says how it ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEFERRED = "deferred"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    LOST = "lost"


class ExitReason(StrEnum):
    """Why an attempt ended, as its platform saw it."""

    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    OUT_OF_MEMORY = "out_of_memory"
    EVICTED = "evicted"
    IMAGE = "image"
    QUOTA = "quota"
    DRAINED = "drained"
    LOST = "lost"


class BlockRunKind(StrEnum):
    """What a block run stands for."""

    BLOCK = "block"
    """A block of the graph; for a mapped block, the group of its instances."""
    INSTANCE = "instance"
    """One instance of a mapped block."""
    CALLBACK = "callback"
    """A callback recorded when its parent ended."""
    PIPELINE = "pipeline"
    """The single unit of a run whose pipeline runs in one process."""


INFRASTRUCTURE = frozenset({ExitReason.LOST, ExitReason.DRAINED, ExitReason.EVICTED, ExitReason.QUOTA})
"""Endings that are not the block's fault: tried again without costing one of the author's retries."""

RUN_ENDED = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED})
BLOCK_RUN_ENDED = frozenset(
    {
        BlockRunStatus.SUCCEEDED,
        BlockRunStatus.FAILED,
        BlockRunStatus.UPSTREAM_FAILED,
        BlockRunStatus.SKIPPED,
        BlockRunStatus.CANCELLED,
    }
)
BLOCK_RUN_WAITING = frozenset(
    {BlockRunStatus.PENDING, BlockRunStatus.READY, BlockRunStatus.RETRY_WAIT, BlockRunStatus.DEFERRED}
)

RUN_STEPS: Mapping[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.SUCCEEDED}),
    RunStatus.RUNNING: RUN_ENDED,
    RunStatus.SUCCEEDED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
}
"""Steps within one epoch. A manual retry opens a new epoch, which starts again at queued."""

_B = BlockRunStatus
BLOCK_RUN_STEPS: Mapping[BlockRunStatus, frozenset[BlockRunStatus]] = {
    _B.PENDING: frozenset(
        {_B.READY, _B.RUNNING, _B.SUCCEEDED, _B.FAILED, _B.UPSTREAM_FAILED, _B.SKIPPED, _B.CANCELLED}
    ),
    _B.READY: frozenset({_B.RUNNING, _B.CANCELLED, _B.FAILED}),
    _B.RUNNING: frozenset(
        {
            _B.PENDING,
            _B.READY,
            _B.RETRY_WAIT,
            _B.DEFERRED,
            _B.SUCCEEDED,
            _B.FAILED,
            _B.SKIPPED,
            _B.CANCELLED,
            _B.UPSTREAM_FAILED,
        }
    ),
    _B.RETRY_WAIT: frozenset({_B.READY, _B.CANCELLED, _B.FAILED}),
    _B.DEFERRED: frozenset({_B.READY, _B.CANCELLED, _B.FAILED}),
    _B.SUCCEEDED: frozenset(),
    _B.FAILED: frozenset(),
    _B.UPSTREAM_FAILED: frozenset(),
    _B.SKIPPED: frozenset(),
    _B.CANCELLED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Run:
    """A pipeline run. Times are aware, in UTC. `open_block_runs` counts its block runs that have not ended.

    `admitted` is false while a limit on the pipeline's runs holds it back: then no block of it is ready. `summary`
    is a small text for people (why it failed). `interval_start` and `interval_end` bound the schedule's interval.
    After `deadline_at` the run is ended as `timeout_status` (failed or cancelled), `timed_out_at` says that it was.
    `sla_at` is when its service level is missed; it is cleared once that was told or can no longer come true.
    """

    id: str
    pipeline: str
    status: RunStatus
    epoch: int
    bundle: str
    created_at: datetime
    variables: Mapping[str, Any] = field(default_factory=dict)
    trigger_id: str | None = None
    trigger_name: str | None = None
    trigger_kind: str | None = None
    logical_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    admitted: bool = True
    open_block_runs: int = 0
    block_run_limit: int | None = None
    event: Mapping[str, Any] | None = None
    created_by: str | None = None
    deadline_at: datetime | None = None
    timeout_status: str | None = None
    timed_out_at: datetime | None = None
    sla_at: datetime | None = None
    sla_missed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BlockRun:
    """One block in one run; for a mapped block also one for each instance (`map_index` 0 and up).

    `waiting_on` counts the upstream blocks that have not succeeded; `open_instances` the instances of a group that
    have not ended. `failures` counts tries that ended by the block's own fault in this epoch, `losses` those the
    platform ended. `due_at` is when a waiting one becomes ready, and for a ready one when it became so. `outputs` are
    descriptors (see ports.executor); `fan_out` is the length of a dynamic block's list.
    """

    id: str
    run_id: str
    block: str
    map_index: int
    kind: BlockRunKind
    status: BlockRunStatus
    epoch: int
    waiting_on: int = 0
    open_instances: int = 0
    attempts: int = 0
    failures: int = 0
    losses: int = 0
    due_at: datetime | None = None
    first_started_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outputs: tuple[Mapping[str, Any], ...] | None = None
    fan_out: int | None = None
    error: Mapping[str, Any] | None = None
    parent: str | None = None
    event: str | None = None
    tests: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a block run (or of a whole pipeline), owned by one member at one term."""

    id: str
    run_id: str
    block_run_id: str
    block: str
    map_index: int
    number: int
    epoch: int
    status: AttemptStatus
    executor: str
    member_id: str
    term: int
    started_at: datetime
    ended_at: datetime | None = None
    external_id: str | None = None
    host: str | None = None
    pid: int | None = None
    exit_reason: ExitReason | None = None
    exit_code: int | None = None
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A process of the fleet. `term` only grows, across all members; a member that ended is never revived."""

    id: str
    role: str
    term: int
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    standby: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lease:
    """A right that one member holds for a while, under a term that only grows."""

    name: str
    holder: str
    term: int
    expires_at: datetime
