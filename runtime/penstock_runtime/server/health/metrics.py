"""Metrics: totals of the run store and of this server's requests."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.server.services import Services

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH_SECONDS = 1.0
"""Totals are read at most this often, however often one asks: the route is open to all."""

_HELP = {
    "runs_queued": "Runs that have not started",
    "runs_running": "Runs that are going",
    "block_runs_ready": "Block runs that wait for a slot",
    "attempts_running": "Attempts that are going",
    "oldest_ready_age_seconds": "How long the longest-waiting ready block run has waited",
}
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class StoreTotals(Collector):
    """Totals of the run store, as they were when they were last read."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self.totals: Mapping[str, float] | None = None

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield one gauge a figure, and whether the database answered."""
        up = 0.0 if self.totals is None else 1.0
        yield GaugeMetricFamily("penstock_database_up", "Whether the database answered", value=up)
        for name, value in (self.totals or {}).items():
            yield GaugeMetricFamily(f"penstock_{name}", _HELP.get(name, name.replace("_", " ")), value=float(value))


class Metrics:
    """The registry of one app."""

    def __init__(self) -> None:
        """Make a registry of its own, so that several apps can live in one process."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "penstock_http_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "penstock_http_request_seconds",
            "Time to the first byte of the answer",
            ("method", "route"),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._totals = StoreTotals()
        self.registry.register(self._totals)
        self._lock = threading.Lock()
        self._read_at = float("-inf")

    def render(self, services: Services) -> bytes:
        """Return every figure as text."""
        with self._lock:
            now = services.runs.clock.monotonic()
            if now - self._read_at >= FRESH_SECONDS:
                self._read_at = now
                self._totals.totals = _read(services)
        return generate_latest(self.registry)


def _read(services: Services) -> Mapping[str, float] | None:
    try:
        with services.runs.store.transaction(read_only=True) as tx:
            return tx.totals(services.runs.clock.now())
    except PenstockError:
        return None
