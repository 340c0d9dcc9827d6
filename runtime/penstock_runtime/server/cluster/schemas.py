"""The fleet as people and programs see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class Member(BaseModel):
    """A process of the fleet."""

    id: str
    role: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    term: int
    standby: bool = Field(description="A scheduler that waits for the right to schedule.")
    detail: dict[str, Any]


class Lease(BaseModel):
    """A right that one member holds for a while."""

    name: str
    holder: str
    term: int
    expires_at: datetime


class Queue(BaseModel):
    """What waits and what runs."""

    runs_queued: int
    runs_running: int
    block_runs_ready: int
    attempts_running: int
    oldest_ready_age_seconds: float


class ScalingInputs(BaseModel):
    """What a decision was made from. `predicted_delay_seconds` is null when blocks arrive faster than they are run."""

    ready: int | None = Field(None, description="Block runs that only a free slot is missing to.")
    oldest_ready_seconds: float | None = None
    running: int | None = None
    arrivals_per_second: float | None = None
    mean_seconds: float | None = Field(None, description="How long a block held its slot lately; null: none ended.")
    schedulers: int | None = Field(None, description="Schedulers that work.")
    standbys: int | None = None
    slots: int | None = Field(None, description="Slots of one scheduler; null: none is alive to say.")
    least: int | None = None
    most: int | None = None
    delay_seconds: float | None = Field(None, description="The start delay to keep.")
    look_seconds: float | None = None
    cooldown_up_seconds: float | None = None
    cooldown_down_seconds: float | None = None
    predicted_delay_seconds: float | None = None
    enough: int | None = Field(None, description="Fewest schedulers that keep the start delay.")
    spare: int | None = Field(None, description="Fewest that keep it with room to spare.")
    target: str | None = None
    target_supported: bool | None = None


class ScalingDecision(BaseModel):
    """A decision of the scaler. `applied`: the number was set."""

    id: str
    at: datetime
    service: str
    before: int
    wanted: int
    applied: bool
    dry_run: bool
    reason: str
    inputs: ScalingInputs


class Scaler(BaseModel):
    """The scaler as its newest decision has it. `deciding`: some process looks at present."""

    service: str
    actual: int
    wanted: int
    reason: str
    dry_run: bool = Field(description="Nothing is set: as asked, or because no adapter speaks to the target.")
    decided_at: datetime
    deciding: bool
    target: str | None
    target_supported: bool | None = Field(description="Whether this release can set the size of the target.")
    min: int | None
    max: int | None
    delay_seconds: float | None
    look_seconds: float | None
    predicted_delay_seconds: float | None


class Cluster(BaseModel):
    """The processes that live, who may schedule, the load, and the scaler."""

    schedulers: list[Member]
    web_servers: list[Member]
    leases: list[Lease]
    queue: Queue
    executors: list[dict[str, Any]]
    scaler: Scaler | None = Field(description="Null when no decision was ever made.")
    scaling: list[ScalingDecision] = Field(description="Decisions, newest first.")
