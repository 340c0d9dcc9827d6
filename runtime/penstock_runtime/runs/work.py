"""The work of an attempt, as the code that runs it reads it (plain JSON; the SDK's child is the other side)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from penstock_runtime.domain.blocks import BlockSpec, PipelinePlan
from penstock_runtime.domain.runs import UNMAPPED, BlockRun, BlockRunKind, Run
from penstock_runtime.runs.claim import Claimed

INLINE_BYTES = 32 * 1024
"""Outputs up to this size go into the finish transaction: no file."""

RenderSql = Callable[[PipelinePlan, BlockSpec, Run], tuple[str | None, Mapping[str, Any] | None]]
"""Render a block's SQL for a run: (text, the io profile it runs on), both None for a block without SQL."""


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of an attempt: unpacked code, the live project, and where its outputs are prepared."""

    bundle_dir: Path
    project_dir: Path
    staging_dir: Path


def work_of(claimed: Claimed, places: Places, render_sql: RenderSql, environment_name: str) -> Mapping[str, Any]:
    """Return the WORK document of a claimed attempt. Raises what `render_sql` raises."""
    plan, run, row = claimed.plan, claimed.run, claimed.block_run
    unit = {BlockRunKind.CALLBACK: "callback", BlockRunKind.PIPELINE: "pipeline"}.get(row.kind, "block")
    work: dict[str, Any] = {
        "attempt_id": claimed.attempt.id,
        "unit": unit,
        "run_id": run.id,
        "pipeline": run.pipeline,
        "project_name": places.bundle_dir.name,
        "bundle_dir": str(places.bundle_dir),
        "project_dir": str(places.project_dir),
        "staging_dir": str(places.staging_dir),
        "map_index": None if row.map_index == UNMAPPED else row.map_index,
        "variables": dict(run.variables),
        "context": context_of(run, row, environment_name),
        "run_tests": True,
        **claimed.inputs,
    }
    if unit == "pipeline":
        return {**work, **_pipeline_part(plan, run, render_sql)}
    block = plan.block(row.block)
    work["block"] = block_document(plan, block, run, render_sql)
    work["conditionals"] = [
        block_document(plan, plan.conditionals[name], run, render_sql) for name in block.conditionals
    ]
    work["limits"] = {"memory_bytes": block.memory_bytes, "cpu_seconds": None, "inline_bytes": INLINE_BYTES}
    if unit == "callback":
        error = (row.error or {}).get("message")
        work["callback"] = {"event": row.event, "parent": row.parent, "error": error}
    return work


def _pipeline_part(plan: PipelinePlan, run: Run, render_sql: RenderSql) -> Mapping[str, Any]:
    def documents(names: Sequence[str], blocks: Mapping[str, BlockSpec]) -> list[Mapping[str, Any]]:
        return [block_document(plan, blocks[name], run, render_sql) for name in names]

    def whole(block: BlockSpec) -> Mapping[str, Any]:
        return {
            **block_document(plan, block, run, render_sql),
            "conditionals": documents(block.conditionals, plan.conditionals),
            "callbacks": documents(block.callbacks, plan.callbacks),
        }

    memory = [block.memory_bytes for block in plan.blocks if block.memory_bytes]
    return {
        "block": None,
        "blocks": [whole(block) for block in plan.blocks],
        "limits": {"memory_bytes": max(memory, default=None), "cpu_seconds": None, "inline_bytes": INLINE_BYTES},
    }


def block_document(plan: PipelinePlan, block: BlockSpec, run: Run, render_sql: RenderSql) -> Mapping[str, Any]:
    """Return one block as the work document has it."""
    sql, profile = render_sql(plan, block, run) if block.language == "sql" else (None, None)
    return {
        "slug": block.slug,
        "type": block.type.value,
        "language": block.language,
        "path": block.path,
        "configuration": dict(block.configuration),
        "upstream_blocks": list(block.upstream),
        "callbacks": list(block.callbacks),
        "conditionals": list(block.conditionals),
        "retry": asdict(block.retry),
        "timeout_seconds": block.timeout_seconds,
        "poll_seconds": block.poll_seconds,
        "dynamic": block.dynamic,
        "reduce_output": block.reduce_output,
        "sql": sql,
        "io": profile,
    }


def context_of(run: Run, row: BlockRun, environment_name: str) -> Mapping[str, Any]:
    """Return what every block's keyword arguments carry besides variables. Times are RFC 3339."""
    at = run.logical_at or run.created_at
    start, end, seconds = _interval(run, at)
    map_part = "" if row.map_index == UNMAPPED else f":{row.map_index}"
    return {
        "execution_date": at.isoformat(),
        "ds": at.strftime("%Y-%m-%d"),
        "hr": at.strftime("%H"),
        "env": environment_name,
        "event": dict(run.event) if run.event else {},
        "pipeline_run_id": run.id,
        "trigger_name": run.trigger_name,
        "interval_start_datetime": start.isoformat(),
        "interval_end_datetime": end.isoformat() if end else None,
        "interval_seconds": seconds,
        # The same in every attempt of this block in this epoch: what a block makes its side effects idempotent with.
        "attempt_key": f"{run.id}:{run.epoch}:{row.block}{map_part}",
    }


def _interval(run: Run, at: datetime) -> tuple[datetime, datetime | None, float | None]:
    seconds = run.variables.get("interval_seconds")
    if isinstance(seconds, int | float) and seconds > 0:
        return at, at + timedelta(seconds=seconds), float(seconds)
    return at, None, None
