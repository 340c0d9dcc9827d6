"""What happens around every request, as plain ASGI: no task, no buffer and no copy of the body."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penstock_runtime.server.health.metrics import Metrics
from penstock_runtime.server.problems import problem
from penstock_runtime.server.services import ServerSettings

logger = logging.getLogger("penstock.server")

_POLICY = (
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",  # the graph places its nodes by inline styles
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
CONTENT_SECURITY_POLICY = "; ".join(_POLICY)


def security_headers(settings: ServerSettings) -> Mapping[str, str]:
    """Return the headers that every answer has."""
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    if settings.https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


class Surroundings:
    """Adds the security headers, forbids caching of the API where a route does not say otherwise, and counts."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, metrics: Metrics) -> None:
        """Wrap the app."""
        self.app = app
        self.metrics = metrics
        headers = security_headers(settings)
        self.headers = tuple((key.lower().encode(), value.encode()) for key, value in headers.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *self.headers]
                if scope["path"].startswith("/api/"):
                    MutableHeaders(scope=message).setdefault("cache-control", "no-store")
                self._count(scope, message["status"], time.perf_counter() - began)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:  # the edge: whatever went wrong in a request ends here, as an answer with every header
            if started:
                raise
            logger.exception("unexpected error in %s %s", scope["method"], scope["path"])
            response = problem(500, "something went wrong on our side; the server's log has the details")
            await response(scope, receive, send_with_headers)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        # Labels come from the route's template, never from the address: else callers could make metrics without end.
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} else "other"
        self.metrics.requests.labels(method, route, status).inc()
        self.metrics.seconds.labels(method, route).observe(seconds)
