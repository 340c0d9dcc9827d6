"""Messages to people: what was told, what waits, and what could not be told and why."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Response

from penstock_runtime.ports.outbox import OutboxMessage
from penstock_runtime.ports.run_store import Page
from penstock_runtime.server.json_response import page, rfc3339
from penstock_runtime.server.notifications.schemas import NotificationConditions, NotificationPage, NotificationState
from penstock_runtime.server.routing import VIEWER, Answer, Call, Routes

routes = Routes("notifications")


@routes.get("/notifications", Answer(NotificationPage), access=VIEWER)
def list_notifications(call: Call, where: Annotated[NotificationConditions, Query()]) -> Response:
    """Return messages, newest first; with `run`, every message about that run."""
    with call.services.runs.store.transaction(read_only=True) as tx:
        if where.run is not None:
            found = Page(tx.messages_of_run(where.run), None)
        else:
            found = tx.messages(where.limit, where.cursor)
    return page([_view(message) for message in found.items], found.next_cursor)


def _view(message: OutboxMessage) -> dict[str, Any]:
    state = NotificationState.WAITING
    if message.due_at is None:
        state = NotificationState.SENT if message.sent_at else NotificationState.GIVEN_UP
    return {
        "id": message.id,
        "event": message.event,
        "pipeline": message.payload.get("pipeline", ""),
        "run": message.run_id,
        "epoch": message.payload.get("epoch", 1),
        "destination": message.destination,
        "state": state.value,
        "tries": message.tries,
        "created_at": rfc3339(message.created_at),
        "next_try_at": rfc3339(message.due_at),
        "sent_at": rfc3339(message.sent_at),
        "given_up_at": rfc3339(message.given_up_at),
        "last_error": message.last_error,
    }
