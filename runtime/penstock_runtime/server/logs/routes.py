"""Logs: read from where one left off, or follow live."""

from __future__ import annotations

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import Header, Query, Request, Response
from starlette.responses import StreamingResponse

from penstock_runtime.server.json_response import answer
from penstock_runtime.server.logs.reader import LogFilter, decode_cursor, encode_cursor, read_batch
from penstock_runtime.server.logs.schemas import LogConditions, LogPage
from penstock_runtime.server.logs.stream import check_stream_free, follow, stream_headers
from penstock_runtime.server.parameters import RunId
from penstock_runtime.server.routing import VIEWER, Answer, Call, Calling, Routes
from penstock_runtime.server.runs.routes import found_run

routes = Routes("runs")

LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=200_000, include_in_schema=False)]


@routes.get("/runs/{run_id}/logs", Answer(LogPage, errors=(404, 429), media_type="text/event-stream"), access=VIEWER)
async def read_logs(
    request: Request,
    call: Call,
    run_id: RunId,
    conditions: Annotated[LogConditions, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """Return lines of a run's attempts, or with `follow` stream them (events `lines`, `end`, `problem`)."""
    where = LogFilter(run_id.lower(), conditions.block, conditions.map_index, conditions.attempt)
    position = decode_cursor(last_event_id or conditions.after)
    if conditions.follow:
        await run_sync(_check_run, call, where.run_id)
        check_stream_free(call)
        lines = follow(request, call, where, position)
        return StreamingResponse(lines, media_type="text/event-stream", headers=stream_headers())
    batch = await run_sync(read_batch, call, where, position, conditions.limit)
    body = {"items": batch.lines, "next_cursor": encode_cursor(position), "complete": batch.complete}
    return answer(body)


def _check_run(call: Calling, run_id: str) -> None:
    with call.services.runs.store.transaction(read_only=True) as tx:
        found_run(tx, run_id)
