"""Triggers as people and programs see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class Trigger(BaseModel):
    """What starts runs of a pipeline by itself."""

    id: str
    pipeline: str
    name: str
    kind: str = Field(description="schedule, api or event")
    active: bool
    settings: dict[str, Any]
    variables: dict[str, Any]
    next_due_at: datetime | None
    in_code: bool = Field(description="Whether the pipeline's triggers.yaml has it.")
    created_at: datetime | None
    updated_at: datetime | None


class TriggerList(BaseModel):
    """Triggers, by pipeline and name."""

    items: list[Trigger]
    next_cursor: str | None
