"""Block outputs as people and programs see them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from penstock_runtime.domain.runs import BlockRunStatus


class Column(BaseModel):
    """A table's column."""

    name: str
    type: str


class Output(BaseModel):
    """One output. `sample` is JSON: a table's `{columns, rows}`, or the first items or a picture of the value."""

    name: str
    type: str
    format: str
    bytes: int | None
    rows: int | None
    columns: list[Column] | None
    sample: Any = None
    truncated: bool = Field(description="Whether there is more than the sample shows.")


class BlockOutput(BaseModel):
    """What a block run returned. For the group of a mapped block: how many instances there are to ask for."""

    block: str
    map_index: int | None
    status: BlockRunStatus
    fan_out: int | None
    instances: int
    outputs: list[Output]
