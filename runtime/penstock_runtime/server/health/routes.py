"""Probes and metrics, outside the API's path."""

from __future__ import annotations

from fastapi import Request, Response

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.server.health.metrics import CONTENT_TYPE, Metrics
from penstock_runtime.server.json_response import answer
from penstock_runtime.server.problems import problem
from penstock_runtime.server.routing import Answer, Call, Routes, public

routes = Routes("health", prefix="")


@routes.get("/healthz", Answer(), access=public("probes carry no credential; it says only that the process answers"))
async def healthz(call: Call) -> Response:
    """Say that the process answers."""
    return answer({"status": "ok", "version": call.services.settings.version})


@routes.get("/readyz", Answer(), access=public("probes carry no credential; it says only whether the database answers"))
def readyz(call: Call) -> Response:
    """Say whether requests can be served: the server is not stopping and the database answers."""
    if call.services.hub.closed:
        return problem(503, "the server is stopping")
    try:
        with call.services.runs.store.transaction(read_only=True) as tx:
            tx.newest_code_version()
    except PenstockError:
        return problem(503, "the database does not answer")
    return answer({"status": "ready"})


@routes.get("/metrics", Answer(), access=public("scrapers carry no credential; it holds totals only, no names"))
def metrics(call: Call, request: Request) -> Response:
    """Return metrics in Prometheus' text format."""
    found: Metrics = request.app.state.metrics
    return Response(found.render(call.services), media_type=CONTENT_TYPE)
