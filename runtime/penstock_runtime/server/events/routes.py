"""The events WebSocket: what changed, so that a page looks again.

A client sends `{"subscribe": ["runs", "run:<id>", "pipelines", "cluster"]}` (also `"unsubscribe"`); the server answers
each with `{"subscribed": [topics]}` and then sends `{"topic": …, "key": …}` for every change. An empty key means that
something of the topic changed. Changes are hints: one may be lost with a wake-up, so pages also look again slowly.
Nothing here holds a database connection; the credential is looked at again every half minute.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.ports.authentication import NotSignedIn
from penstock_runtime.server.event_hub import Listener
from penstock_runtime.server.routing import VIEWER, Calling, Routes, recognise, same_origin, services_of

routes = Routes("events")

UNAUTHORIZED, FORBIDDEN, BAD_MESSAGE, GOING_AWAY = 4401, 4403, 4400, 1001
MAX_MESSAGE = 16_384
MAX_TOPICS = 200
_TOPIC = re.compile(r"runs|pipelines|cluster|run:[0-9a-fA-F-]{36}")


@routes.websocket("/events", access=VIEWER)
async def watch_events(socket: WebSocket) -> None:
    """Serve one client until either side ends it."""
    call = await _welcome(socket)
    if call is None:
        return
    hub = call.services.hub
    listener = hub.listen(())
    receiving = asyncio.create_task(_receive(socket, listener))
    sending = asyncio.create_task(_send(socket, listener, call))
    try:
        await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.forget(listener)
        for task in (receiving, sending):
            task.cancel()
        ended = await asyncio.gather(receiving, sending, return_exceptions=True)
    await _goodbye(socket, ended)


async def _welcome(socket: WebSocket) -> Calling | None:
    try:
        call = await recognise(socket, VIEWER)
    except NotSignedIn as error:
        await _refuse(socket, UNAUTHORIZED, str(error))
        return None
    except PenstockError as error:
        await _refuse(socket, FORBIDDEN, str(error))
        return None
    if not same_origin(socket, services_of(socket)):
        await _refuse(socket, FORBIDDEN, "the page is of another site")
        return None
    await socket.accept()
    return call


async def _refuse(socket: WebSocket, code: int, reason: str) -> None:
    # Accepted first: a browser's script cannot read the reason of a refused handshake.
    await socket.accept()
    await socket.close(code, reason[:120])


async def _receive(socket: WebSocket, listener: Listener) -> int:
    """Read subscriptions; the close code to end with."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        topics = _topics(text, listener) if text is not None else None
        if topics is None:
            return BAD_MESSAGE
        listener.topics = topics
        await socket.send_text(json.dumps({"subscribed": sorted(topics)}))


def _topics(text: str, listener: Listener) -> set[str] | None:
    """Return the topics after a message; None for one that makes no sense."""
    try:
        message = json.loads(text) if len(text) <= MAX_MESSAGE else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not message.keys() <= {"subscribe", "unsubscribe"}:
        return None
    add, remove = _names(message.get("subscribe", [])), _names(message.get("unsubscribe", []))
    if add is None or remove is None:
        return None
    topics = (listener.topics | set(add)) - set(remove)
    return topics if len(topics) <= MAX_TOPICS else None


def _names(value: Any) -> Sequence[str] | None:
    if not isinstance(value, list):
        return None
    good = [name for name in value if isinstance(name, str) and _TOPIC.fullmatch(name)]
    return good if len(good) == len(value) else None


async def _send(socket: WebSocket, listener: Listener, call: Calling) -> int:
    """Send changes; the close code to end with."""
    seconds = call.services.settings.recheck_seconds
    loop = asyncio.get_running_loop()
    recheck_at = loop.time() + seconds
    while not listener.closed:
        for topic, key in await listener.wait(max(0.0, recheck_at - loop.time())):
            await socket.send_text(json.dumps({"topic": topic, "key": key}))
        if loop.time() >= recheck_at:
            try:
                await recognise(socket, VIEWER)
            except PenstockError:
                return UNAUTHORIZED
            recheck_at = loop.time() + seconds
    return GOING_AWAY


async def _goodbye(socket: WebSocket, ended: Sequence[int | BaseException]) -> None:
    code = next((end for end in ended if isinstance(end, int)), None)
    unexpected = [end for end in ended if isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect)]
    if code is not None:
        try:
            await socket.close(code)
        except RuntimeError:
            return  # The client was quicker.
    elif unexpected:
        raise unexpected[0]
