"""A scheduler's own probes and metrics, for platforms that run it apart from the web server (PENSTOCK_HEALTH_PORT)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from penstock_runtime.domain.errors import PenstockError


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is asked at each probe.

    `alive` while the loop turns, `ready` while it may claim; `totals` gives the run store's figures, and raises
    PenstockError while the database is away.
    """

    alive: Callable[[], bool]
    ready: Callable[[], bool]
    totals: Callable[[], Mapping[str, float]]


class ProbeServer:
    """Answers /healthz, /readyz and /metrics on every interface, in threads of its own. Says nothing secret."""

    def __init__(self, port: int, vitals: Vitals) -> None:
        """Listen at once; OSError when the port is taken. Port 0 takes a free one."""
        self._server = ThreadingHTTPServer(("", port), handler_of(vitals))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="probes", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def handler_of(vitals: Vitals) -> type[BaseHTTPRequestHandler]:
    """Return the handler that answers from these vitals."""

    class Probes(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, kind = answer(self.path, vitals)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A probe every few seconds is not news."""

    return Probes


def answer(path: str, vitals: Vitals) -> tuple[int, bytes, str]:
    """Return status, body and content type for a path."""
    text = "text/plain; charset=utf-8"
    if path == "/healthz":
        return (200, b"ok\n", text) if vitals.alive() else (503, b"the loop does not turn\n", text)
    if path == "/readyz":
        return (200, b"ok\n", text) if vitals.ready() else (503, b"not scheduling\n", text)
    if path == "/metrics":
        return metrics(vitals)
    return 404, b"there are /healthz, /readyz and /metrics\n", text


def metrics(vitals: Vitals) -> tuple[int, bytes, str]:
    """Return the run store's figures in Prometheus' text format; 503 while the database is away."""
    try:
        totals = vitals.totals()
    except PenstockError as error:
        return 503, f"{error}\n".encode(), "text/plain; charset=utf-8"
    registry = CollectorRegistry()
    for name, value in totals.items():
        Gauge(f"penstock_{name}", name.replace("_", " "), registry=registry).set(value)
    return 200, generate_latest(registry), CONTENT_TYPE_LATEST
