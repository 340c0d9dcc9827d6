"""Plans as dictionaries of the answer's shape."""

from __future__ import annotations

from typing import Any

from penstock_runtime.domain.blocks import BlockSpec, PipelinePlan
from penstock_runtime.domain.runs import Run
from penstock_runtime.server.json_response import rfc3339


def last_run_view(run: Run | None) -> dict[str, Any] | None:
    """Return a run in short."""
    if run is None:
        return None
    return {
        "id": run.id,
        "status": run.status.value,
        "created_at": rfc3339(run.created_at),
        "started_at": rfc3339(run.started_at),
        "ended_at": rfc3339(run.ended_at),
    }


def summary_view(plan: PipelinePlan, last_run: Run | None) -> dict[str, Any]:
    """Return a pipeline of a list."""
    return {
        "slug": plan.slug,
        "name": plan.name or plan.slug,
        "description": plan.description,
        "type": plan.type,
        "tags": list(plan.tags),
        "block_count": len(plan.blocks),
        "problems": list(plan.problems),
        "last_run": last_run_view(last_run),
    }


def pipeline_view(plan: PipelinePlan, last_run: Run | None, definition: str | None) -> dict[str, Any]:
    """Return a pipeline whole."""
    return {
        **summary_view(plan, last_run),
        "bundle": plan.bundle,
        "variables": dict(plan.variables),
        "executor": plan.executor.value,
        "run_pipeline_in_one_process": plan.in_one_process,
        "block_run_limit": plan.block_run_limit,
        "run_limit": plan.run_limit,
        "run_limit_per_trigger": plan.run_limit_per_trigger,
        "blocks": [_block_view(block) for block in plan.blocks],
        "callbacks": [_block_view(block) for block in plan.callbacks.values()],
        "conditionals": [_block_view(block) for block in plan.conditionals.values()],
        "definition": definition,
    }


def _block_view(block: BlockSpec) -> dict[str, Any]:
    return {
        "slug": block.slug,
        "name": block.name or block.slug,
        "type": block.type.value,
        "language": block.language,
        "path": block.path,
        "upstream": list(block.upstream),
        "downstream": list(block.downstream),
        "callbacks": list(block.callbacks),
        "conditionals": list(block.conditionals),
        "executor": block.executor.value,
        "retries": block.retry.retries,
        "timeout_seconds": block.timeout_seconds,
        "dynamic": block.dynamic,
        "reduce_output": block.reduce_output,
        "color": block.color,
        "configuration": dict(block.configuration),
    }


def graph_view(plan: PipelinePlan) -> dict[str, Any]:
    """Return what to draw."""
    layers: dict[str, int] = {}
    for block in plan.blocks:
        layers[block.slug] = max((layers.get(slug, -1) + 1 for slug in block.upstream), default=0)
    return {
        "pipeline": plan.slug,
        "nodes": [_node_view(plan, block, layers[block.slug]) for block in plan.blocks],
        "edges": [{"upstream": slug, "downstream": block.slug} for block in plan.blocks for slug in block.upstream],
        "attachments": [
            {"slug": slug, "kind": kind, "block": block.slug}
            for block in plan.blocks
            for kind, slugs in (("callback", block.callbacks), ("conditional", block.conditionals))
            for slug in slugs
        ],
    }


def _node_view(plan: PipelinePlan, block: BlockSpec, layer: int) -> dict[str, Any]:
    return {
        "slug": block.slug,
        "name": block.name or block.slug,
        "type": block.type.value,
        "language": block.language,
        "executor": block.executor.value,
        "color": block.color,
        "dynamic": block.dynamic,
        "reduce_output": block.reduce_output,
        "mapped_by": None if plan.problems else plan.mapped_by.get(block.slug),
        "layer": layer,
    }
