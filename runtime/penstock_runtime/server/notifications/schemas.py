"""Messages to people, as people and programs see them: never an address, never a secret."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from penstock_runtime.server.parameters import Conditions


class NotificationState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"


class NotificationConditions(Conditions):
    """Which messages a list shows."""

    run: str | None = Field(
        default=None, pattern=r"^[0-9a-zA-Z-]{1,64}$", description="Those about one run, all of them."
    )
    limit: int = Field(default=50, ge=1, le=200, description="Items of a page, at most.")
    cursor: str | None = Field(default=None, pattern=r"^[\x21-\x7e]+$", max_length=2000)


class Notification(BaseModel):
    """One message to one destination. `id` is the one that the receiver sees, at every try."""

    id: str
    event: str = Field(description="failure, success or sla_missed.")
    pipeline: str
    run: str | None
    epoch: int
    destination: str = Field(description="The destination's name in the project's files, such as email or slack.")
    state: NotificationState
    tries: int
    created_at: datetime
    next_try_at: datetime | None
    sent_at: datetime | None
    given_up_at: datetime | None
    last_error: str | None = Field(description="Why the last try that failed did.")


class NotificationPage(BaseModel):
    """Messages, newest first; those of one run in the order in which they were recorded."""

    items: list[Notification]
    next_cursor: str | None
