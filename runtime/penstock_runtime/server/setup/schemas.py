"""Making the first owner."""

from __future__ import annotations

from pydantic import BaseModel, Field

from penstock_runtime.server.parameters import Body, Text


class SetupState(BaseModel):
    """Whether there is no user yet."""

    needed: bool


class Setup(Body):
    """The one-time code from the server's log or the stack's secret store, and who the first owner is to be."""

    code: Text = Field(min_length=1, max_length=200)
    name: Text = Field(min_length=1, max_length=100)
    password: Text = Field(min_length=1, max_length=1000)
