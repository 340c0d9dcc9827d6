"""The audit trail as administrators see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel


class AuditEvent(BaseModel):
    """Who did what to what, when, from where."""

    id: str
    at: datetime
    actor: str
    action: str
    target: str
    address: str | None
    detail: dict[str, Any]


class AuditEventPage(BaseModel):
    """Events, newest first."""

    items: list[AuditEvent]
    next_cursor: str | None
