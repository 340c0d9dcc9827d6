"""A scheduler's own probes and metrics, for platforms that run it apart from the web server (PENSTOCK_HEALTH_PORT)."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from penstock_runtime.domain.errors import PenstockError

log = logging.getLogger("penstock.probes")

PATIENCE_SECONDS = 5.0
TOTALS_KEPT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is asked at each probe.

    `alive` while the loop turns, `ready` while it may claim; `totals` gives the run store's figures, and raises
    PenstockError while the database is away.
    """

    alive: Callable[[], bool]
    ready: Callable[[], bool]
    totals: Callable[[], Mapping[str, float]]


class KeptTotals:
    """The totals, asked for at most once in `TOTALS_KEPT_SECONDS`, whoever asks: also while the database is away."""

    def __init__(self, totals: Callable[[], Mapping[str, float]], now: Callable[[], float] = time.monotonic) -> None:
        """Ask nothing yet."""
        self._totals = totals
        self._now = now
        self._lock = threading.Lock()
        self._found: Mapping[str, float] | None = None
        self._until: float | None = None

    def __call__(self) -> Mapping[str, float] | None:
        """Return them; None while the database is away."""
        with self._lock:
            if self._until is None or self._now() >= self._until:
                self._found = self._ask()
                self._until = self._now() + TOTALS_KEPT_SECONDS
            return self._found

    def _ask(self) -> Mapping[str, float] | None:
        try:
            return self._totals()
        except PenstockError as error:
            log.warning("no metrics: %s", error)
            return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)


class ProbeServer:
    """Answers /healthz, /readyz and /metrics on one address, in threads of its own. Says nothing secret."""

    def __init__(self, host: str, port: int, vitals: Vitals) -> None:
        """Listen at once; OSError when the port is taken. Port 0 takes a free one."""
        self._server = _Server(host, port, handler_of(vitals))
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
    totals = KeptTotals(vitals.totals)

    class Probes(BaseHTTPRequestHandler):
        # Whoever connects and says nothing holds a thread no longer than this.
        timeout = PATIENCE_SECONDS

        def do_GET(self) -> None:
            status, body, kind = answer(self.path, vitals, totals)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A probe every few seconds is not news."""

    return Probes


def answer(path: str, vitals: Vitals, totals: KeptTotals) -> tuple[int, bytes, str]:
    """Return status, body and content type for a path."""
    text = "text/plain; charset=utf-8"
    if path == "/healthz":
        return (200, b"ok\n", text) if vitals.alive() else (503, b"the loop does not turn\n", text)
    if path == "/readyz":
        return (200, b"ok\n", text) if vitals.ready() else (503, b"not scheduling\n", text)
    if path == "/metrics":
        return metrics(totals())
    return 404, b"there are /healthz, /readyz and /metrics\n", text


def metrics(totals: Mapping[str, float] | None) -> tuple[int, bytes, str]:
    """Return the run store's figures in Prometheus' text format; 503 while the database is away."""
    if totals is None:
        return 503, b"the database does not answer\n", "text/plain; charset=utf-8"
    registry = CollectorRegistry()
    for name, value in totals.items():
        Gauge(f"penstock_{name}", name.replace("_", " "), registry=registry).set(value)
    return 200, generate_latest(registry), CONTENT_TYPE_LATEST
