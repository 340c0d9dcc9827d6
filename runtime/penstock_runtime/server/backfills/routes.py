"""Backfills: preview, create, read, change, pause, resume, cancel, run the failed again, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Header, Query, Response

from penstock_runtime.domain.backfills import all_times
from penstock_runtime.domain.errors import InvalidInput, PipelineInvalid
from penstock_runtime.ports.backfills import Backfill as BackfillRecord
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs import backfills
from penstock_runtime.runs.backfills import CreateBackfill, found_backfill, range_of
from penstock_runtime.runs.services import RunServices
from penstock_runtime.server.backfills.schemas import (
    Backfill,
    BackfillChange,
    BackfillConditions,
    BackfillPage,
    BackfillPreview,
    BackfillRequest,
    BackfillTimes,
    PreviewRequest,
    TimeConditions,
)
from penstock_runtime.server.backfills.views import backfill_views, preview_view
from penstock_runtime.server.json_response import answer, no_content, page, rfc3339
from penstock_runtime.server.parameters import VISIBLE, ItemId
from penstock_runtime.server.routing import EDITOR, VIEWER, Answer, Call, Calling, Routes

routes = Routes("backfills")

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", pattern=VISIBLE, max_length=255, description="As the body's field."),
]
_OF_SCHEDULE = ("schedule_interval", "interval_seconds", "timezone")


@routes.get("/backfills", Answer(BackfillPage), access=VIEWER)
def list_backfills(call: Call, conditions: Annotated[BackfillConditions, Query()]) -> Response:
    """Return backfills, newest first, each with the counts of its runs."""
    with call.services.runs.store.transaction(read_only=True) as tx:
        found = tx.backfills(conditions.pipeline, conditions.limit, conditions.cursor)
        return page(backfill_views(tx, found.items), found.next_cursor)


@routes.post("/backfills/preview", Answer(BackfillPreview, errors=(404,)), access=EDITOR)
def preview_backfill(call: Call, body: PreviewRequest) -> Response:
    """Return what a backfill would do, without doing anything."""
    return answer(preview_view(_asking(backfills.preview_backfill, call, _request(body))))


@routes.post("/backfills", Answer(Backfill, 201, (404, 409)), access=EDITOR)
def create_backfill(call: Call, body: BackfillRequest, key: IdempotencyKey = None) -> Response:
    """Create a backfill; its first runs are made at once, the others as there is room."""
    if key is not None and body.idempotency_key not in {None, key}:
        raise InvalidInput("the Idempotency-Key header and the body's idempotency_key differ", "body.idempotency_key")
    request = replace(
        _request(body),
        name=body.name,
        concurrency=body.concurrency,
        variables=body.variables,
        idempotency_key=body.idempotency_key or key,
        created_by=call.who.actor,
    )
    backfill, created = _asking(backfills.create_backfill, call, request)
    if created:
        _tell(call, "backfill.create", backfill.id)
    return answer(_view(call, backfill), 201, {"Location": f"/api/v1/backfills/{backfill.id}"})


@routes.get("/backfills/{backfill_id}", Answer(Backfill, errors=(404,)), access=VIEWER)
def get_backfill(call: Call, backfill_id: ItemId) -> Response:
    """Return one backfill."""
    return answer(_view(call, found_backfill(call.services.runs, backfill_id)))


@routes.get("/backfills/{backfill_id}/times", Answer(BackfillTimes, errors=(404,)), access=VIEWER)
def list_backfill_times(call: Call, backfill_id: ItemId, conditions: Annotated[TimeConditions, Query()]) -> Response:
    """Return the logical times of a backfill with their runs, those without a run yet too."""
    backfill = found_backfill(call.services.runs, backfill_id)
    times = all_times(replace(range_of(backfill), newest_first=False))
    begin = int(conditions.cursor or 0)
    shown = times[begin : begin + conditions.limit]
    runs: dict[Any, tuple[str, str]] = {}
    if shown:
        with call.services.runs.store.transaction(read_only=True) as tx:
            found = tx.backfill_runs(backfill.id, shown[0], shown[-1])
        runs = {run.logical_at: (run.run_id, run.status.value) for run in found}
    items = [
        {"logical_at": rfc3339(at), "run": run, "status": status}
        for at in shown
        for run, status in (runs.get(at, (None, None)),)
    ]
    behind = begin + len(shown)
    return page(items, str(behind) if behind < len(times) else None)


@routes.patch("/backfills/{backfill_id}", Answer(Backfill, errors=(404, 409)), access=EDITOR)
def change_backfill(call: Call, backfill_id: ItemId, body: BackfillChange) -> Response:
    """Set how many of its runs may be unfinished at once; those that are going stay."""

    def change(services: RunServices, of: str) -> BackfillRecord:
        return backfills.set_concurrency(services, of, body.concurrency)

    return _changed(call, backfill_id, change, "backfill.change", 200)


@routes.post("/backfills/{backfill_id}/pause", Answer(Backfill, 202, (404, 409)), access=EDITOR)
def pause_backfill(call: Call, backfill_id: ItemId) -> Response:
    """Make no more runs; those that are going go on."""
    return _changed(call, backfill_id, backfills.pause_backfill, "backfill.pause")


@routes.post("/backfills/{backfill_id}/resume", Answer(Backfill, 202, (404, 409)), access=EDITOR)
def resume_backfill(call: Call, backfill_id: ItemId) -> Response:
    """Go on where it was paused."""
    return _changed(call, backfill_id, backfills.resume_backfill, "backfill.resume")


@routes.post("/backfills/{backfill_id}/cancel", Answer(Backfill, 202, (404, 409)), access=EDITOR)
def cancel_backfill(call: Call, backfill_id: ItemId) -> Response:
    """Make no more runs, and cancel those that have not ended."""
    return _changed(call, backfill_id, backfills.cancel_backfill, "backfill.cancel")


@routes.post("/backfills/{backfill_id}/retry", Answer(Backfill, 202, (404, 409)), access=EDITOR)
def retry_backfill(call: Call, backfill_id: ItemId) -> Response:
    """Run the failed runs again, on the newest code, never more at once than the backfill allows."""
    return _changed(call, backfill_id, backfills.retry_backfill, "backfill.retry")


@routes.delete("/backfills/{backfill_id}", Answer(None, 204, (404, 409)), access=EDITOR)
def delete_backfill(call: Call, backfill_id: ItemId) -> Response:
    """Delete a backfill that is over. Its runs stay in the history."""
    backfills.delete_backfill(call.services.runs, backfill_id)
    _tell(call, "backfill.delete", backfill_id)
    return no_content()


def _request(body: PreviewRequest) -> CreateBackfill:
    schedule = body.schedule.model_dump(exclude_none=True)
    if {"schedule_interval", "interval_seconds"} <= schedule.keys():
        raise InvalidInput("an interval and a cron expression: take one away", "body.schedule.interval_seconds")
    newest_first = body.order == "newest_first"
    return CreateBackfill(body.pipeline, schedule, body.start_at, body.end_at, newest_first)


def _asking(do: Callable[[RunServices, CreateBackfill], Any], call: Calling, request: CreateBackfill) -> Any:
    """Ask, and say where in the body a wrong value is."""
    try:
        return do(call.services.runs, request)
    except PipelineInvalid:
        raise
    except InvalidInput as error:
        path = f"schedule.{error.field}" if error.field in _OF_SCHEDULE else error.field or ""
        raise InvalidInput(str(error), f"body.{path}".rstrip(".")) from error


def _changed(
    call: Calling,
    backfill_id: str,
    change: Callable[[RunServices, str], BackfillRecord],
    action: str,
    status: int = 202,
) -> Response:
    backfill = change(call.services.runs, backfill_id)
    _tell(call, action, backfill_id)
    return answer(_view(call, backfill), status)


def _view(call: Calling, backfill: BackfillRecord) -> dict[str, object]:
    with call.services.runs.store.transaction(read_only=True) as tx:
        return backfill_views(tx, [backfill])[0]


def _tell(call: Calling, action: str, backfill_id: str) -> None:
    call.services.accounts.record(call.who, action, backfill_id)
    call.services.hub.announce(Wakeup("backfill", backfill_id))
