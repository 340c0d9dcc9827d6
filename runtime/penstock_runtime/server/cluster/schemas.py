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


class Cluster(BaseModel):
    """The processes that live, who may schedule, and the load."""

    schedulers: list[Member]
    web_servers: list[Member]
    leases: list[Lease]
    queue: Queue
    executors: list[dict[str, Any]]
    scaling: list[dict[str, Any]] = Field(description="Decisions, newest first.")
