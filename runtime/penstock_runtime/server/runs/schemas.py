"""Runs, block runs and attempts as people and programs see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from penstock_runtime.domain.runs import AttemptStatus, BlockRunKind, BlockRunStatus, ExitReason, RunStatus
from penstock_runtime.server.parameters import PLAIN, VISIBLE, Body, Conditions, JsonObject, Key, Text, UtcTime


class RunTrigger(BaseModel):
    """What started a run."""

    id: str
    name: str | None
    kind: str | None


class Run(BaseModel):
    """A pipeline run. Times are RFC 3339 in UTC."""

    id: str
    pipeline: str
    status: RunStatus
    epoch: int = Field(description="1, and one more for each manual retry.")
    trigger: RunTrigger | None = Field(description="Null for a run asked for by hand or by a program.")
    logical_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    variables: dict[str, Any]
    bundle: str = Field(description="Digest of the code version it runs.")
    blocks_by_status: dict[BlockRunStatus, int] = Field(description="Statuses without a block are left out.")
    cancel_requested_at: datetime | None
    held: bool = Field(description="Whether a limit on the pipeline's runs holds it back.")
    created_by: str | None


class RunPage(BaseModel):
    """Runs, newest first."""

    items: list[Run]
    next_cursor: str | None


class Failure(BaseModel):
    """Why something failed: the error's type, its message and, for the block's own code, the traceback."""

    type: str | None = None
    message: str | None = None
    traceback: str | None = None


class Attempt(BaseModel):
    """One try of a block run."""

    id: str
    number: int
    epoch: int
    status: AttemptStatus
    executor: str
    external_id: str | None
    host: str | None
    pid: int | None
    started_at: datetime
    ended_at: datetime | None
    exit_reason: ExitReason | None
    exit_code: int | None
    peak_memory_bytes: int | None
    cpu_seconds: float | None
    error: Failure | None


class BlockTest(BaseModel):
    """One of the block's own tests."""

    name: str
    passed: bool
    message: str | None = None


class BlockRun(BaseModel):
    """One block in one run; a mapped block also has one for each instance (`map_index` 0 and up)."""

    id: str
    block: str
    map_index: int | None
    kind: BlockRunKind
    status: BlockRunStatus
    epoch: int
    waiting_on: int = Field(description="Upstream blocks that have not succeeded yet.")
    due_at: datetime | None = Field(description="When a waiting one goes on.")
    started_at: datetime | None
    ended_at: datetime | None
    fan_out: int | None = Field(description="Length of a dynamic block's list.")
    failures: int
    losses: int
    error: Failure | None
    tests: list[BlockTest]
    parent: str | None = Field(description="Of a callback: the block whose end it follows.")
    event: str | None = Field(description="Of a callback: success or failure.")
    attempts: list[Attempt]


class BlockRunList(BaseModel):
    """Every block run of a run, in the order in which they were made."""

    items: list[BlockRun]
    next_cursor: str | None


class AttemptList(BaseModel):
    """Attempts, by start."""

    items: list[Attempt]
    next_cursor: str | None


class RunConditions(Conditions):
    """Which runs to list: every condition given must hold."""

    pipeline: str | None = Field(default=None, pattern=PLAIN, max_length=255)
    status: list[RunStatus] = Field(default_factory=list, max_length=10)
    trigger: str | None = Field(default=None, pattern=PLAIN, max_length=64, description="A trigger's id.")
    from_: UtcTime | None = Field(default=None, alias="from", description="Created at or after.")
    to: UtcTime | None = Field(default=None, description="Created before.")
    limit: int = Field(default=50, ge=1, le=200, description="Items of a page, at most.")
    cursor: str | None = Field(default=None, pattern=VISIBLE, max_length=2000, description="`next_cursor`.")


class RunRequest(Body):
    """What to run with. The same `idempotency_key` returns the same run; with another body it is a conflict."""

    variables: JsonObject = Field(default_factory=dict)
    logical_at: UtcTime | None = None
    idempotency_key: Key | None = None


class RetryRequest(Body):
    """Which blocks go again, and on which code: `current` is the newest version, `pinned` the run's own."""

    scope: Literal["failed", "from_block"] = "failed"
    block: Text | None = Field(default=None, description="With `from_block`: this one and all that follow it.")
    code: Literal["current", "pinned"] = "current"
