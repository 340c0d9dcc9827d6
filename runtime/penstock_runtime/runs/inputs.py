"""What an attempt is given from upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock_runtime.domain.blocks import BlockSpec, PipelinePlan
from penstock_runtime.domain.runs import UNMAPPED, BlockRun, BlockRunKind, BlockRunStatus, Run
from penstock_runtime.ports.run_store import RunTransaction

Outputs = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]


def read_inputs(tx: RunTransaction, plan: PipelinePlan, run: Run, block_run: BlockRun) -> Mapping[str, Any]:
    """Return the `inputs` and `dynamic_input` (or, for a whole pipeline, the `results`) of an attempt's work.

    A callback is given the outputs of the block it hangs on.

    Each input is {block, map_index, outputs} in the author's order of upstream blocks. One whose instances are joined
    has an entry for each instance, in index order; without instances, one with `reduced: True`.
    """
    if block_run.kind is BlockRunKind.PIPELINE:
        return {"inputs": [], "dynamic_input": None, "results": _results(tx, run)}
    if block_run.kind is BlockRunKind.CALLBACK:
        return {"inputs": [_parent_output(tx, run, block_run.parent or "")], "dynamic_input": None}
    block = plan.by_slug[block_run.block]
    if not block.upstream:
        return {"inputs": [], "dynamic_input": None}
    outputs = tx.outputs(run.id, block.upstream)
    dynamic = _dynamic_input(tx, plan, run, block, block_run)
    inputs = [one for slug in block.upstream for one in _inputs(plan, slug, block_run, outputs, dynamic)]
    return {"inputs": inputs, "dynamic_input": _public(dynamic)}


def _inputs(
    plan: PipelinePlan,
    slug: str,
    block_run: BlockRun,
    outputs: Outputs,
    dynamic: Mapping[str, Any] | None,
) -> Sequence[Mapping[str, Any]]:
    if slug not in plan.mapped_by:
        return [{"block": slug, "map_index": None, "outputs": outputs.get((slug, UNMAPPED), ())}]
    if dynamic is not None and dynamic["block"] == slug:
        index = dynamic["instance"]
        return [{"block": slug, "map_index": index, "outputs": outputs.get((slug, index), ())}]
    if plan.by_slug[slug].reduce_output or block_run.map_index == UNMAPPED:
        indexes = sorted(index for name, index in outputs if name == slug and index != UNMAPPED)
        joined = [
            {"block": slug, "map_index": index, "reduced": True, "outputs": outputs[slug, index]} for index in indexes
        ]
        return joined or [{"block": slug, "map_index": None, "reduced": True, "outputs": []}]
    index = block_run.map_index
    return [{"block": slug, "map_index": index, "outputs": outputs.get((slug, index), ())}]


def _parent_output(tx: RunTransaction, run: Run, parent: str) -> Mapping[str, Any]:
    found = tx.outputs(run.id, (parent,)).get((parent, UNMAPPED), ())
    return {"block": parent, "map_index": None, "outputs": found}


def _dynamic_input(
    tx: RunTransaction, plan: PipelinePlan, run: Run, block: BlockSpec, block_run: BlockRun
) -> Mapping[str, Any] | None:
    source = plan.mapped_by.get(block.slug)
    if source is None or block_run.map_index == UNMAPPED or not plan.by_slug[source].dynamic:
        return None
    if source not in plan.mapped_by:
        return {"block": source, "index": block_run.map_index, "instance": UNMAPPED}
    # A dynamic block that is itself mapped: its instances' lists follow each other.
    index = block_run.map_index
    for instance in tx.instances(run.id, source):
        length = instance.fan_out or 0
        if index < length:
            return {"block": source, "index": index, "instance": instance.map_index}
        index -= length
    return None


def _public(dynamic: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return None if dynamic is None else {"block": dynamic["block"], "index": dynamic["index"]}


def _results(tx: RunTransaction, run: Run) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return what has a result already, by block; an output of an instance says whose it is."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in tx.block_runs(run.id):
        if row.status is not BlockRunStatus.SUCCEEDED or row.kind not in (BlockRunKind.BLOCK, BlockRunKind.INSTANCE):
            continue
        index = {} if row.map_index == UNMAPPED else {"map_index": row.map_index}
        found.setdefault(row.block, []).extend({**output, **index} for output in row.outputs or ())
    return found
