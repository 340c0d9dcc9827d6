"""Log lines as people and programs see them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from penstock_runtime.server.parameters import PLAIN, Conditions


class LogConditions(Conditions):
    """Which lines: those of all attempts, of a block, of one instance, of one attempt."""

    block: str | None = Field(default=None, pattern=PLAIN, max_length=255)
    map_index: int | None = Field(default=None, ge=0, le=10_000_000)
    attempt: int | None = Field(default=None, ge=1, le=1_000_000, description="The attempt's number.")
    after: str | None = Field(default=None, max_length=200_000, description="`next_cursor` or an event's id.")
    limit: int = Field(default=1000, ge=1, le=5000, description="Lines of a page, at most.")
    follow: bool = Field(default=False, description="Server-sent events until the run ends.")


class LogLine(BaseModel):
    """One line of one attempt. `extra` is whatever else the block's logger was given."""

    time: str = Field(description="RFC 3339 in UTC; empty for a line whose record was damaged.")
    level: str
    message: str
    block: str
    map_index: int | None
    attempt: int
    extra: dict[str, Any]


class LogPage(BaseModel):
    """Lines by attempt, each attempt's in order. `next_cursor` goes on from here, also when more lines come later."""

    items: list[LogLine]
    next_cursor: str | None
    complete: bool = Field(description="Whether the run has ended and every line has been given.")
