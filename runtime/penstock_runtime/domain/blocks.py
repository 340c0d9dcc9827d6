"""What a pipeline is once it has been read and validated: the plan that a run follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from penstock_runtime.domain.errors import BlockNotFound
from penstock_runtime.domain.notices import NO_NOTICES, NoticeRules


class BlockType(StrEnum):
    """The kinds of block that can run."""

    DATA_LOADER = "data_loader"
    TRANSFORMER = "transformer"
    DATA_EXPORTER = "data_exporter"
    SENSOR = "sensor"
    CUSTOM = "custom"
    CONDITIONAL = "conditional"
    CALLBACK = "callback"


class ExecutorType(StrEnum):
    """Where an attempt can run; the values are the project format's."""

    LOCAL_PYTHON = "local_python"
    LOCAL_PYTHON_FORCE = "local_python_force"
    PYSPARK = "pyspark"
    K8S = "k8s"
    ECS = "ecs"
    GCP_CLOUD_RUN = "gcp_cloud_run"
    AZURE_CONTAINER_INSTANCE = "azure_container_instance"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after how long, a block that failed by its own fault is tried again.

    `retries` counts the tries after the first. The n-th wait is `delay_seconds`, doubled each time when
    `exponential_backoff`, and never more than `max_delay_seconds`. `memory_factor` multiplies the memory limit after
    an out-of-memory ending (1 keeps it).
    """

    retries: int = 0
    delay_seconds: float = 5.0
    max_delay_seconds: float = 60.0
    exponential_backoff: bool = True
    memory_factor: float = 1.0

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after the `failures`-th failure (1 for the first)."""
        if not self.exponential_backoff:
            return min(self.delay_seconds, self.max_delay_seconds)
        # The exponent is capped: 2**64 seconds is already beyond any max_delay, and floats overflow later on.
        return float(min(self.delay_seconds * 2 ** min(max(failures - 1, 0), 64), self.max_delay_seconds))


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """One block of a pipeline, as a run needs it.

    `path` is relative to the bundle. `upstream` and `downstream` are slugs in the author's order. `dynamic` blocks
    return a list that fans their dependents out; `reduce_output` on a mapped block joins its instances again.
    `uses_tables` is a guess, from the imports, that a parent with pandas loaded serves this block faster.
    `sql` is the template text, rendered when an attempt starts. `configuration` is the author's, untouched.
    """

    slug: str
    type: BlockType
    language: str = "python"
    path: str = ""
    upstream: tuple[str, ...] = ()
    downstream: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    conditionals: tuple[str, ...] = ()
    retry: RetryPolicy = RetryPolicy()
    timeout_seconds: float | None = None
    executor: ExecutorType = ExecutorType.LOCAL_PYTHON
    executor_config: Mapping[str, Any] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    dynamic: bool = False
    reduce_output: bool = False
    memory_bytes: int | None = None
    poll_seconds: float = 60.0
    uses_tables: bool = False
    sql: str | None = None
    name: str = ""
    color: str | None = None


@dataclass(frozen=True)
class PipelinePlan:
    """A validated pipeline of one code version: blocks in topological order and the rules that hold for its runs.

    `blocks` are the graph; `callbacks` and `conditionals` hang beside it, by slug. `block_run_limit` bounds the
    blocks of one run that run at once; `run_limit` the runs of this pipeline that run at once, and
    `run_limit_per_trigger` those that one trigger made; `run_limit_reached` is `wait` or `skip`. `notices` says who is
    told of its runs' ends. `problems` are the reasons why it cannot run; a plan with problems is never started.
    """

    slug: str
    bundle: str
    blocks: tuple[BlockSpec, ...]
    callbacks: Mapping[str, BlockSpec] = field(default_factory=dict)
    conditionals: Mapping[str, BlockSpec] = field(default_factory=dict)
    name: str = ""
    description: str = ""
    type: str = "python"
    variables: Mapping[str, Any] = field(default_factory=dict)
    retry: RetryPolicy = RetryPolicy()
    block_run_limit: int | None = None
    run_limit: int | None = None
    run_limit_per_trigger: int | None = None
    run_limit_reached: str = "wait"
    in_one_process: bool = False
    executor: ExecutorType = ExecutorType.LOCAL_PYTHON
    executor_config: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    notices: NoticeRules = NO_NOTICES
    problems: tuple[str, ...] = ()

    @cached_property
    def by_slug(self) -> Mapping[str, BlockSpec]:
        """The graph's blocks by slug."""
        return {block.slug: block for block in self.blocks}

    def block(self, slug: str) -> BlockSpec:
        """Return a block, a callback or a conditional by slug; BlockNotFound otherwise."""
        found = self.by_slug.get(slug) or self.callbacks.get(slug) or self.conditionals.get(slug)
        if found is None:
            raise BlockNotFound(f"pipeline {self.slug!r} has no block {slug!r}")
        return found

    @cached_property
    def mapped_by(self) -> Mapping[str, str]:
        """For each block that runs as instances: the upstream block whose list, or whose instances, it follows.

        A block is mapped when an upstream is dynamic, or is itself mapped and does not reduce its output. With
        several such upstreams the first in the author's order counts instances.
        """
        found: dict[str, str] = {}
        for block in self.blocks:
            for slug in block.upstream:
                upstream = self.by_slug[slug]
                if upstream.dynamic or (slug in found and not upstream.reduce_output):
                    found[block.slug] = slug
                    break
        return found

    @cached_property
    def descendants(self) -> Mapping[str, frozenset[str]]:
        """Every block that depends on the key, directly or through others."""
        found: dict[str, frozenset[str]] = {}
        for block in reversed(self.blocks):
            reach = set(block.downstream)
            for slug in block.downstream:
                reach |= found[slug]
            found[block.slug] = frozenset(reach)
        return found
