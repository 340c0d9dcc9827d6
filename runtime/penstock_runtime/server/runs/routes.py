"""Runs: start, read, cancel, retry."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Query, Response

from penstock_runtime.domain.errors import BlockRunNotFound, InvalidInput, RunNotFound
from penstock_runtime.domain.runs import UNMAPPED
from penstock_runtime.domain.runs import Run as RunRecord
from penstock_runtime.ports.run_store import RunFilter, RunTransaction
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.cancel import cancel_run as cancel
from penstock_runtime.runs.create import CreateRun, create_run
from penstock_runtime.runs.retry import RetryRun
from penstock_runtime.runs.retry import retry_run as retry
from penstock_runtime.server.json_response import answer, page
from penstock_runtime.server.parameters import VISIBLE, BlockSlug, MapIndex, RunId, Slug
from penstock_runtime.server.routing import EDITOR, VIEWER, Answer, Call, Calling, Routes
from penstock_runtime.server.runs.schemas import (
    AttemptList,
    BlockRunList,
    RetryRequest,
    Run,
    RunConditions,
    RunPage,
    RunRequest,
)
from penstock_runtime.server.runs.views import attempt_view, block_run_views, run_view, run_views

routes = Routes("runs")

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", pattern=VISIBLE, max_length=255, description="As the body's field."),
]


def found_run(tx: RunTransaction, run_id: str) -> RunRecord:
    """Return a run, or RunNotFound."""
    run = tx.run(run_id.lower())
    if run is None:
        raise RunNotFound(f"there is no run {run_id}")
    return run


@routes.post("/pipelines/{slug}/runs", Answer(Run, 202, (404, 409)), access=EDITOR)
def start_run(call: Call, slug: Slug, body: RunRequest | None = None, key: IdempotencyKey = None) -> Response:
    """Start a run; it is accepted at once, and begins as soon as a scheduler has a slot."""
    asked = body or RunRequest()
    if key is not None and asked.idempotency_key not in {None, key}:
        raise InvalidInput("the Idempotency-Key header and the body's idempotency_key differ", "body.idempotency_key")
    request = CreateRun(
        pipeline=slug,
        variables=asked.variables,
        logical_at=asked.logical_at,
        idempotency_key=asked.idempotency_key or key,
        created_by=call.who.actor,
    )
    run, created = create_run(call.services.runs, request)
    if created:
        call.services.hub.announce(Wakeup("run", run.id))
    return answer(_view(call, run.id), 202, {"Location": f"/api/v1/runs/{run.id}"})


@routes.get("/runs", Answer(RunPage), access=VIEWER)
def list_runs(call: Call, conditions: Annotated[RunConditions, Query()]) -> Response:
    """Return runs, newest first; every condition given must hold."""
    where = RunFilter(
        conditions.pipeline, tuple(conditions.status), conditions.trigger, conditions.from_, conditions.to
    )
    with call.services.runs.store.transaction(read_only=True) as tx:
        found = tx.runs(where, conditions.limit, conditions.cursor)
        return page(run_views(tx, found.items), found.next_cursor)


@routes.get("/runs/{run_id}", Answer(Run, errors=(404,)), access=VIEWER)
def get_run(call: Call, run_id: RunId) -> Response:
    """Return one run."""
    return answer(_view(call, run_id))


@routes.get("/runs/{run_id}/blocks", Answer(BlockRunList, errors=(404,)), access=VIEWER)
def list_block_runs(call: Call, run_id: RunId) -> Response:
    """Return every block run of a run with its attempts."""
    with call.services.runs.store.transaction(read_only=True) as tx:
        run = found_run(tx, run_id)
        rows, attempts = tx.block_runs(run.id), tx.attempts(run.id)
    return page(block_run_views(rows, attempts), None)


@routes.get("/runs/{run_id}/blocks/{block:path}/attempts", Answer(AttemptList, errors=(404,)), access=VIEWER)
def list_attempts(call: Call, run_id: RunId, block: BlockSlug, map_index: MapIndex = None) -> Response:
    """Return the attempts of a block, or of one instance of it."""
    index = UNMAPPED if map_index is None else map_index
    with call.services.runs.store.transaction(read_only=True) as tx:
        run = found_run(tx, run_id)
        attempts = tx.attempts(run.id, block, index)
        if not attempts and not any((row.block, row.map_index) == (block, index) for row in tx.block_runs(run.id)):
            raise BlockRunNotFound(f"run {run.id} has no block {block!r} at that index")
    return page([attempt_view(attempt) for attempt in attempts], None)


@routes.post("/runs/{run_id}/cancel", Answer(Run, 202, (404, 409)), access=EDITOR)
def cancel_run(call: Call, run_id: RunId) -> Response:
    """Ask a run to end; its blocks are told within moments."""
    cancel(call.services.runs, run_id.lower())
    return _changed(call, run_id, "run.cancel")


@routes.post("/runs/{run_id}/retry", Answer(Run, 202, (404, 409)), access=EDITOR)
def retry_run(call: Call, run_id: RunId, body: RetryRequest | None = None) -> Response:
    """Open a new epoch of an ended run: its failed blocks, or one and all that follow it, go again."""
    asked = body or RetryRequest()
    if (asked.scope == "from_block") != (asked.block is not None):
        raise InvalidInput("`block` goes with the scope from_block, and only with it", "body.block")
    retry(call.services.runs, RetryRun(run_id.lower(), asked.scope, asked.block, asked.code))
    return _changed(call, run_id, "run.retry")


def _view(call: Calling, run_id: str) -> dict[str, object]:
    with call.services.runs.store.transaction(read_only=True) as tx:
        run = found_run(tx, run_id)
        return run_view(run, tx.status_counts([run.id]).get(run.id, {}))


def _changed(call: Calling, run_id: str, action: str) -> Response:
    call.services.accounts.record(call.who, action, run_id.lower())
    call.services.hub.announce(Wakeup("run", run_id.lower()))
    return answer(_view(call, run_id), 202)
