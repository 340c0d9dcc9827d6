"""Secrets as editors see them: never their values."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from penstock_runtime.server.parameters import Body, Text


class Secret(BaseModel):
    """A secret's name and history; there is no way to read its value here."""

    name: str
    updated_at: datetime | None
    updated_by: str | None


class SecretList(BaseModel):
    """Secrets, by name. `writable` is false for a store that the platform fills."""

    items: list[Secret]
    next_cursor: str | None
    writable: bool


class SecretWrite(Body):
    """A secret's new value."""

    value: Text = Field(min_length=1, max_length=65_536)
