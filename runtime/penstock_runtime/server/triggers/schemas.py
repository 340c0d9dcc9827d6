"""Triggers as people and programs see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from penstock_runtime.ports.lost_ticks import LostKind
from penstock_runtime.server.parameters import PLAIN, VISIBLE, Body, Conditions, JsonObject, Key, Text
from penstock_runtime.server.pipelines.schemas import LastRun

Name = Annotated[
    Text, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")
]
Seconds = Annotated[float, Field(allow_inf_nan=False)]
Kind = Literal["schedule", "api", "event"]
MORE = 100


class Trigger(BaseModel):
    """What starts runs of a pipeline by itself."""

    id: str
    pipeline: str
    name: str
    kind: str = Field(description="schedule, api or event")
    active: bool
    settings: dict[str, Any]
    variables: dict[str, Any]
    next_due_at: datetime | None = Field(description="When the schedule is acted upon next.")
    next_tick_at: datetime | None = Field(description="The logical time of the next run.")
    in_code: bool = Field(description="Whether the pipeline's triggers.yaml has it.")
    has_token: bool = Field(description="Whether a token of its own starts runs.")
    last_run: LastRun | None
    etag: str = Field(description="Changes with the trigger; `If-Match` repeats it.")
    created_at: datetime | None
    updated_at: datetime | None


class TriggerList(BaseModel):
    """Triggers, by pipeline and name."""

    items: list[Trigger]
    next_cursor: str | None


class TriggerConditions(Conditions):
    """Which triggers to list."""

    pipeline: str | None = Field(default=None, pattern=PLAIN, max_length=255)
    limit: int = Field(default=MORE, ge=1, le=200, description="Items of a page, at most.")
    cursor: str | None = Field(default=None, pattern=VISIBLE, max_length=2000, description="`next_cursor`.")


class MadeTrigger(Trigger):
    """A trigger that was made. `token` is shown this once."""

    token: str | None = Field(description="Of an API trigger: what starts its runs. It is kept nowhere.")


class EventMatch(Body):
    """Which events start the trigger."""

    name: Annotated[Text, Field(min_length=1, max_length=255, pattern=PLAIN)]
    match: JsonObject | None = Field(
        default=None, description="JSON path (`$.…`) to the value, or the list of values, that the payload has there."
    )


class TriggerSettings(Body):
    """A trigger's settings, called as in triggers.yaml. In a PATCH, null takes one away."""

    description: Text | None = Field(default=None, max_length=2000)
    schedule_interval: Text | None = Field(
        default=None, max_length=255, description="Cron, or @hourly @daily @weekly @monthly @yearly @once @always_on."
    )
    interval_seconds: Seconds | None = Field(default=None, description="Instead of `schedule_interval`.")
    timezone: Text | None = Field(default=None, max_length=100, description="Such as Europe/Berlin; UTC without one.")
    start_time: Text | None = Field(
        default=None, max_length=64, description="First tick; without a zone in `timezone`."
    )
    end_time: Text | None = Field(default=None, max_length=64, description="Last tick, inclusive.")
    create_initial_pipeline_run: bool | None = Field(default=None, description="Run once as soon as it is active.")
    jitter_seconds: Seconds | None = Field(default=None, description="Start up to that much later, at random.")
    catch_up: Literal["latest", "none", "all"] | None = Field(default=None, description="Of ticks that were missed.")
    catch_up_per_minute: Seconds | None = Field(default=None, description="How fast `all` makes them.")
    grace_seconds: Seconds | None = Field(default=None, description="Until when a tick is not yet missed.")
    skip_if_previous_running: bool | None = Field(default=None, description="Skip a tick while its last run is going.")
    pipeline_run_limit: int | None = Field(default=None, ge=0, le=1_000_000, description="Its runs at once, at most.")
    on_pipeline_run_limit_reached: Literal["wait", "skip"] | None = None
    timeout: Seconds | None = Field(default=None, description="Seconds after which a run is ended.")
    timeout_status: Literal["failed", "cancelled"] | None = None
    sla: Seconds | None = Field(default=None, description="Seconds after its logical time by which a run is done.")
    allow_blocks_to_fail: bool | None = None
    event: EventMatch | None = Field(default=None, description="Of an event trigger.")

    def given(self) -> dict[str, Any]:
        """Return what the request said, nulls too."""
        found = self.model_dump(exclude_unset=True)
        if self.event is not None:
            found["event"] = self.event.model_dump(exclude_none=True)
        return found


class TriggerRequest(Body):
    """A new trigger."""

    pipeline: Annotated[Text, Field(min_length=1, max_length=255, pattern=PLAIN)]
    name: Name
    kind: Kind
    active: bool = True
    settings: TriggerSettings = Field(default_factory=TriggerSettings)
    variables: JsonObject = Field(default_factory=dict)


class TriggerReplacement(Body):
    """A trigger anew: what is left out is gone. Its pipeline and kind stay."""

    name: Name
    active: bool
    settings: TriggerSettings = Field(default_factory=TriggerSettings)
    variables: JsonObject = Field(default_factory=dict)


class TriggerChange(Body):
    """What to change; the rest stays. In `settings` a null takes one away; `variables` are replaced whole."""

    name: Name | None = None
    active: bool | None = None
    settings: TriggerSettings = Field(default_factory=TriggerSettings)
    variables: JsonObject | None = None


class FireRequest(Body):
    """Variables over the trigger's own. The same `idempotency_key` returns the same run."""

    variables: JsonObject = Field(default_factory=dict)
    idempotency_key: Key | None = None


class TriggerToken(BaseModel):
    """A token, shown this once: `Authorization: Bearer …` at `address`, or as the last part of `mage_address`."""

    token: str
    address: str
    mage_address: str


class SchedulePreview(Body):
    """A schedule to look at before it is kept."""

    settings: TriggerSettings


class Tick(BaseModel):
    """One logical time: in UTC, and as the schedule's clock on the wall shows it."""

    at: datetime
    local: str


class LostTicks(BaseModel):
    """A gap: ticks of which no run was made, for one reason."""

    kind: LostKind
    first_at: datetime
    last_at: datetime
    ticks: int
    reason: str
    recorded_at: datetime


class Ticks(BaseModel):
    """What comes, and what did not come about. A paused schedule has the ticks that it would have."""

    timezone: str
    always_on: bool
    ticks: list[Tick]
    lost: list[LostTicks] = Field(description="Newest first.")
