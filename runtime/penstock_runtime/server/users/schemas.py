"""Users as administrators see them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from penstock_runtime.ports.account_store import Role
from penstock_runtime.server.parameters import Body, Text


class User(BaseModel):
    """A person who may sign in."""

    id: str
    name: str
    role: Role
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None


class UserList(BaseModel):
    """Users, by name."""

    items: list[User]
    next_cursor: str | None


class UserRequest(Body):
    """A user to make. Without a password they get in by a one-time link."""

    name: Text = Field(min_length=1, max_length=100)
    role: Role
    password: Text | None = Field(default=None, max_length=1000)


class UserPatch(Body):
    """What to change; what is left out stays."""

    role: Role | None = None
    password: Text | None = Field(default=None, max_length=1000)
    disabled: bool | None = None


class SignInLink(BaseModel):
    """A link that signs this user in once."""

    url: str
