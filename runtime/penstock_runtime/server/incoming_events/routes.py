"""Events from outside: each starts a run of every trigger that waits for it."""

from __future__ import annotations

from fastapi import Response

from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.trigger_runs import receive_event
from penstock_runtime.server.incoming_events.schemas import EventRequest, EventRuns
from penstock_runtime.server.json_response import answer
from penstock_runtime.server.routing import EDITOR, Answer, Call, Routes
from penstock_runtime.server.runs.views import run_views

routes = Routes("events")


@routes.post("/events", Answer(EventRuns, 202, (409,)), access=EDITOR)
def send_event(call: Call, body: EventRequest) -> Response:
    """Start a run of every active trigger that waits for this event, and return those runs."""
    services = call.services
    runs = receive_event(services.runs, body.name, body.payload, body.dedupe_key)
    services.hub.announce(*(Wakeup("run", run.id) for run in runs))
    with services.runs.store.transaction(read_only=True) as tx:
        return answer({"items": run_views(tx, runs), "next_cursor": None}, 202)
