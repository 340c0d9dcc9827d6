"""Backfills as people and programs see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from penstock_runtime.domain.backfills import MAX_CONCURRENCY, BackfillStatus
from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.server.parameters import PLAIN, VISIBLE, Body, Conditions, JsonObject, Key, Text, UtcTime

Order = Literal["oldest_first", "newest_first"]


class BackfillSchedule(Body):
    """When its logical times are: a cron expression or preset, or an interval that counts from `start_at`."""

    schedule_interval: str | None = Field(default=None, max_length=255, pattern=PLAIN, examples=["0 6 * * *"])
    interval_seconds: float | None = None
    timezone: str = Field(default="UTC", max_length=64, pattern=PLAIN, description="Of the cron expression.")


class Backfill(BaseModel):
    """A backfill. Its id is also the `trigger` of its runs. Times are RFC 3339 in UTC."""

    id: str
    name: str
    pipeline: str
    status: BackfillStatus
    reason: str | None = Field(description="Why it is paused, where nobody asked for that.")
    schedule: BackfillSchedule
    start_at: datetime
    end_at: datetime
    order: Order
    concurrency: int = Field(description="How many of its runs may be unfinished at once.")
    variables: dict[str, Any]
    total: int = Field(description="Its logical times.")
    made: int = Field(description="Those that have a run.")
    runs_by_status: dict[RunStatus, int] = Field(description="Statuses without a run are left out.")
    retrying: bool = Field(description="Whether failed runs are still to go again.")
    created_at: datetime
    created_by: str | None
    ended_at: datetime | None = Field(description="Null while a run may be made or is going; of a cancelled one too.")


class BackfillPage(BaseModel):
    """Backfills, newest first."""

    items: list[Backfill]
    next_cursor: str | None


class BackfillTime(BaseModel):
    """One logical time, and its run once there is one."""

    logical_at: datetime
    run: str | None
    status: RunStatus | None


class BackfillTimes(BaseModel):
    """Logical times, oldest first, whatever the order of the runs."""

    items: list[BackfillTime]
    next_cursor: str | None


class BackfillPreview(BaseModel):
    """What a backfill would do."""

    total: int
    first_at: datetime = Field(description="The logical time that is run first.")
    last_at: datetime = Field(description="The one that is run last.")
    next_times: list[datetime] = Field(description="The first ten, in the order in which they are run.")
    succeeded: int | None = Field(
        description="Of how many a schedule of the pipeline has a succeeded run; null when there are too many to say."
    )


class BackfillConditions(Conditions):
    """Which backfills to list."""

    pipeline: str | None = Field(default=None, pattern=PLAIN, max_length=255)
    limit: int = Field(default=50, ge=1, le=200, description="Items of a page, at most.")
    cursor: str | None = Field(default=None, pattern=VISIBLE, max_length=2000, description="`next_cursor`.")


class TimeConditions(Conditions):
    """Which of its times to list."""

    limit: int = Field(default=1000, ge=1, le=2000, description="Items of a page, at most.")
    cursor: str | None = Field(default=None, pattern=r"^[0-9]{1,6}$", description="`next_cursor`.")


class PreviewRequest(Body):
    """A range of logical times, both ends inclusive, and how to go through it."""

    pipeline: str = Field(pattern=PLAIN, max_length=255)
    schedule: BackfillSchedule
    start_at: UtcTime
    end_at: UtcTime
    order: Order = "oldest_first"


class BackfillRequest(PreviewRequest):
    """What to fill. The same `idempotency_key` returns the same backfill; with another body it is a conflict."""

    name: Text | None = Field(default=None, min_length=1, max_length=255)
    concurrency: int = Field(default=1, ge=1, le=MAX_CONCURRENCY, description="Runs unfinished at once, at most.")
    variables: JsonObject = Field(default_factory=dict)
    idempotency_key: Key | None = None


class BackfillChange(Body):
    """What can be changed while it goes on."""

    concurrency: int = Field(ge=1, le=MAX_CONCURRENCY, description="Runs unfinished at once, at most.")
