"""Events as programs send them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from penstock_runtime.server.parameters import PLAIN, Body, JsonObject, Key, Text
from penstock_runtime.server.runs.schemas import Run


class EventRequest(Body):
    """Something that happened. The same `dedupe_key` is the same event; with another payload it is a conflict."""

    name: Annotated[Text, Field(min_length=1, max_length=255, pattern=PLAIN)]
    payload: JsonObject = Field(default_factory=dict, description="Blocks get it as kwargs['event'].")
    dedupe_key: Key | None = None


class EventRuns(BaseModel):
    """The runs that the event has started, now or when it was sent before; empty when no trigger waits for it."""

    items: list[Run]
    next_cursor: str | None
