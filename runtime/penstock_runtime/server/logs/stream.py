"""Following a run's logs as server-sent events.

Each event `lines` carries a JSON array of lines and, as its id, the cursor to go on from, so that a browser that
reconnects misses nothing. `end` carries the run's final status; after it the stream closes. A comment every few
seconds keeps proxies from closing a quiet stream. No database connection is held while waiting. The credential is
looked at again every half minute, and nobody has more than so many streams at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from anyio.to_thread import run_sync
from fastapi import Request

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.server.json_response import encode_json
from penstock_runtime.server.logs.reader import LogFilter, LogPosition, encode_cursor, read_batch
from penstock_runtime.server.problems import TooManyStreams, public_text
from penstock_runtime.server.routing import VIEWER, Calling, recognise

BATCH = 500
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def stream_headers() -> dict[str, str]:
    """Return headers that keep caches and proxies from holding events back."""
    return dict(_HEADERS)


def event(name: str, data: object, id: str | None = None) -> bytes:
    """Return one server-sent event; JSON has no line breaks, so one data line is enough."""
    head = f"event: {name}\n" + (f"id: {id}\n" if id is not None else "")
    return head.encode() + b"data: " + encode_json(data) + b"\n\n"


def check_stream_free(call: Calling) -> None:
    """Raise TooManyStreams when who asks follows as much as one may already."""
    limit = call.services.settings.max_streams
    if call.services.hub.open_streams(call.who.actor) >= limit:
        raise TooManyStreams(f"you follow {limit} logs already; close one")


async def follow(request: Request, call: Calling, where: LogFilter, position: LogPosition) -> AsyncIterator[bytes]:
    """Yield events until the run has ended and all is told, the credential is no good any more, or the server stops."""
    hub, settings = call.services.hub, call.services.settings
    loop = asyncio.get_running_loop()
    recheck_at = loop.time() + settings.recheck_seconds
    listener = hub.listen({f"log:{where.run_id}", f"run:{where.run_id}"}, call.who.actor)
    try:
        while not listener.closed:
            try:
                if loop.time() >= recheck_at:
                    await recognise(request, VIEWER)
                    recheck_at = loop.time() + settings.recheck_seconds
                batch = await run_sync(read_batch, call, where, position, BATCH)
            except PenstockError as error:
                # The headers are long gone: say it inside the stream, and let the browser come again.
                yield event("problem", {"detail": public_text(error)})
                return
            if batch.lines:
                yield event("lines", batch.lines, encode_cursor(position))
            if batch.complete:
                yield event("end", {"status": batch.run.status.value}, encode_cursor(position))
                return
            if len(batch.lines) < BATCH and not await listener.wait(settings.poll_seconds):
                yield b": \n\n"
    finally:
        hub.forget(listener)
