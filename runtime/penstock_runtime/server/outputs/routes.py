"""What blocks returned: a sample of it, as it was taken when it was stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query, Response

from penstock_runtime.domain.errors import BlockRunNotFound
from penstock_runtime.domain.runs import UNMAPPED
from penstock_runtime.server.json_response import answer
from penstock_runtime.server.outputs.schemas import BlockOutput
from penstock_runtime.server.parameters import BlockSlug, MapIndex, RunId
from penstock_runtime.server.routing import VIEWER, Answer, Call, Routes
from penstock_runtime.server.runs.routes import found_run
from penstock_runtime.server.runs.views import map_index_view

routes = Routes("runs")


@routes.get("/runs/{run_id}/blocks/{block:path}/output", Answer(BlockOutput, errors=(404,)), access=VIEWER)
def get_output(
    call: Call,
    run_id: RunId,
    block: BlockSlug,
    map_index: MapIndex = None,
    sample: Annotated[int, Query(ge=0, le=100, description="Rows or items of each sample.")] = 100,
) -> Response:
    """Return what a block run returned, each output with a sample of it."""
    index = UNMAPPED if map_index is None else map_index
    with call.services.runs.store.transaction(read_only=True) as tx:
        run = found_run(tx, run_id)
        row = tx.block_run(run.id, block, index)
        instances = len(tx.instances(run.id, block)) if row is not None and index == UNMAPPED else 0
    if row is None:
        raise BlockRunNotFound(f"run {run.id} has no block {block!r} at that index")
    body = {
        "block": row.block,
        "map_index": map_index_view(row.map_index),
        "status": row.status.value,
        "fan_out": row.fan_out,
        "instances": instances,
        "outputs": [output_view(output, sample) for output in row.outputs or ()],
    }
    return answer(body)


def output_view(output: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Return an output's descriptor with its sample cut to `limit` rows or items."""
    # A small JSON value is kept in the description itself; whatever else is kept there comes with a sample.
    small = output.get("inline") if output.get("format") == "json" else None
    sample, cut = _cut(output["sample"] if output.get("sample") is not None else small, limit)
    rows = output.get("rows")
    columns = output.get("columns")
    return {
        "name": str(output.get("name", "")),
        "type": str(output.get("type", "")),
        "format": str(output.get("format", "")),
        "bytes": output.get("bytes"),
        "rows": rows,
        "columns": None if columns is None else [{"name": str(c["name"]), "type": str(c["type"])} for c in columns],
        "sample": sample,
        "truncated": cut or (rows is not None and _length(sample) is not None and rows > (_length(sample) or 0)),
    }


def _cut(sample: Any, limit: int) -> tuple[Any, bool]:
    if isinstance(sample, list):
        return sample[:limit], len(sample) > limit
    if isinstance(sample, dict) and isinstance(sample.get("rows"), list):
        return {**sample, "rows": sample["rows"][:limit]}, len(sample["rows"]) > limit
    return sample, False


def _length(sample: Any) -> int | None:
    rows = sample.get("rows") if isinstance(sample, dict) else sample
    return len(rows) if isinstance(rows, list) else None
