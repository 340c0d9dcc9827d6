"""Signing in and being signed in."""

from __future__ import annotations

from pydantic import BaseModel, Field

from penstock_runtime.ports.account_store import Role
from penstock_runtime.server.parameters import Body, Text


class Session(BaseModel):
    """Who is asking. Unsafe requests with the session's cookie repeat `csrf_token` as the X-CSRF-Token header."""

    name: str
    role: Role
    user_id: str | None
    csrf_token: str | None = Field(description="Null for an API key, and where nobody signs in.")
    auth_mode: str = Field(description="password, or none: everyone on this machine is the owner.")
    version: str


class SignIn(Body):
    """A name and its password."""

    name: Text = Field(min_length=1, max_length=100)
    password: Text = Field(min_length=1, max_length=1000)


class PasswordChange(Body):
    """One's own password, old and new."""

    current: Text = Field(min_length=1, max_length=1000)
    new: Text = Field(min_length=1, max_length=1000)
