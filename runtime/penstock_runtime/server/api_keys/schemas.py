"""API keys as administrators see them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from penstock_runtime.ports.account_store import Role
from penstock_runtime.server.parameters import Body, Text


class ApiKey(BaseModel):
    """A key for programs; its secret was shown once."""

    id: str
    name: str
    role: Role
    prefix: str = Field(description="The secret's first characters, to recognise it by.")
    created_at: datetime
    created_by: str | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class ApiKeyRequest(Body):
    """A key to make."""

    name: Text = Field(min_length=1, max_length=100)
    role: Role


class CreatedApiKey(ApiKey):
    """A key just made, with its secret: it is never shown again."""

    key: str


class ApiKeyList(BaseModel):
    """Keys, newest first."""

    items: list[ApiKey]
    next_cursor: str | None
