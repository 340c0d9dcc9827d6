"""What happens around every request, as plain ASGI: no task, no buffer and no copy of the body."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penstock_runtime.server.health.metrics import Metrics
from penstock_runtime.server.problems import problem
from penstock_runtime.server.services import ServerSettings

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
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
    """Around every answer: security headers, no caching of the API where a route does not say otherwise, counting.

    Around every request: a bound on its body. At the edge: an unexpected exception becomes a plain 500.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings, metrics: Metrics) -> None:
        """Wrap the app."""
        self.app = app
        self.metrics = metrics
        self.max_body_bytes = settings.max_body_bytes
        headers = security_headers(settings)
        self.headers = tuple((key.lower().encode(), value.encode()) for key, value in headers.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(self, scope, receive, send)
        try:
            exchange.check_length()
            await self.app(scope, exchange.receive, exchange.send)
        except HTTPException as error:
            if exchange.started:
                raise
            await problem(error.status_code, error.detail)(scope, receive, exchange.send)
        except Exception:  # the edge: whatever went wrong in a request ends here, as an answer with every header
            if exchange.started:
                raise
            # The route's template, not the address: that may hold a one-time code, and line breaks.
            logger.exception("unexpected error in %r %r", scope["method"], route_of(scope))
            answer = problem(500, "something went wrong on our side; the server's log has the details")
            await answer(scope, receive, exchange.send)

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answer."""
        # Labels come from the route's template, never from the address: else callers could make metrics without end.
        route = route_of(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self.metrics.requests.labels(method, route, status).inc()
        self.metrics.seconds.labels(method, route).observe(seconds)


def route_of(scope: Scope) -> str:
    """Return the template of the route that took a request; `other` when none did."""
    return str(getattr(scope.get("route"), "path", "other"))


class _Exchange:
    """One request and its answer, as they pass."""

    def __init__(self, around: Surroundings, scope: Scope, receive: Receive, send: Send) -> None:
        self.around = around
        self.scope = scope
        self.started = False
        self._receive = receive
        self._send = send
        self._began = time.perf_counter()
        self._left = around.max_body_bytes

    def check_length(self) -> None:
        """Refuse a body that says itself that it is too large, before any of it is read."""
        for name, value in self.scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._left:
                raise HTTPException(413, self._too_large)

    @property
    def _too_large(self) -> str:
        return f"a request has at most {self.around.max_body_bytes} bytes"

    async def receive(self) -> Message:
        """Pass a part of the body on, until there is too much of it."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, self._too_large)
        return message

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on, the first with our headers."""
        if message["type"] == "http.response.start":
            self.started = True
            message["headers"] = [*message.get("headers", ()), *self.around.headers]
            if self.scope["path"].startswith("/api/"):
                MutableHeaders(scope=message).setdefault("cache-control", "no-store")
            self.around.count(self.scope, message["status"], time.perf_counter() - self._began)
        await self._send(message)
