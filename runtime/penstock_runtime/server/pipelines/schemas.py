"""Pipelines as people and programs see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from penstock_runtime.domain.blocks import BlockType, ExecutorType
from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.server.parameters import Body, Text


class LastRun(BaseModel):
    """The newest run of a pipeline, in short."""

    id: str
    status: RunStatus
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class PipelineSummary(BaseModel):
    """A pipeline in a list. One with problems cannot run."""

    slug: str
    name: str
    description: str
    type: str
    tags: list[str]
    block_count: int
    problems: list[str]
    last_run: LastRun | None


class PipelinePage(BaseModel):
    """Pipelines, by slug."""

    items: list[PipelineSummary]
    next_cursor: str | None


class Block(BaseModel):
    """One block, as a run of the newest code would have it."""

    slug: str
    name: str
    type: BlockType
    language: str
    path: str
    upstream: list[str]
    downstream: list[str]
    callbacks: list[str]
    conditionals: list[str]
    executor: ExecutorType
    retries: int
    timeout_seconds: float | None
    dynamic: bool
    reduce_output: bool
    color: str | None
    configuration: dict[str, Any]


class Pipeline(PipelineSummary):
    """A pipeline whole."""

    bundle: str = Field(description="Digest of the newest code version.")
    variables: dict[str, Any]
    executor: ExecutorType
    run_pipeline_in_one_process: bool
    block_run_limit: int | None
    run_limit: int | None = Field(description="Runs that may be going at once, whatever made them.")
    run_limit_per_trigger: int | None = Field(description="Runs of each trigger that may be going at once.")
    blocks: list[Block]
    callbacks: list[Block]
    conditionals: list[Block]
    definition: str | None = Field(description="The text of its metadata.yaml as it is on disk; null when unreadable.")


class Node(BaseModel):
    """A block in the graph. `layer` is its distance from the start, along the longest way."""

    slug: str
    name: str
    type: BlockType
    language: str
    executor: ExecutorType
    color: str | None
    dynamic: bool
    reduce_output: bool
    mapped_by: str | None = Field(description="The dynamic or mapped upstream whose items it runs for, one by one.")
    layer: int


class Edge(BaseModel):
    """`downstream` waits for `upstream`."""

    upstream: str
    downstream: str


class Attachment(BaseModel):
    """A callback or conditional that hangs beside a block."""

    slug: str
    kind: Literal["callback", "conditional"]
    block: str


class Graph(BaseModel):
    """What to draw, in topological order."""

    pipeline: str
    nodes: list[Node]
    edges: list[Edge]
    attachments: list[Attachment]


class Source(BaseModel):
    """A block's file as it is on disk. `etag` is what `If-Match` repeats, also sent as the ETag header."""

    block: str
    path: str
    language: str
    text: str
    etag: str


class SourceWrite(Body):
    """A block's new text."""

    text: Text = Field(max_length=2_000_000)


class PipelineWrite(Body):
    """The pipeline's new `metadata.yaml`, as text: comments and order are the author's."""

    definition: Text = Field(max_length=2_000_000)
