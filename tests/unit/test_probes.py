"""What a scheduler answers to probes."""

from __future__ import annotations

from penstock_runtime.bootstrap.probes import Vitals, answer
from penstock_runtime.domain.errors import StoreUnavailable


def vitals(*, alive=True, ready=True, totals=lambda: {"runs_running": 2.0}):
    return Vitals(lambda: alive, lambda: ready, totals)


def test_liveness_follows_the_loop_and_readiness_the_right():
    assert answer("/healthz", vitals())[0] == 200
    assert answer("/healthz", vitals(alive=False))[:2] == (503, b"the loop does not turn\n")
    assert answer("/readyz", vitals(ready=False, alive=True))[0] == 503
    assert answer("/secrets", vitals())[0] == 404


def test_metrics_are_the_run_stores_and_their_absence_is_said():
    def away():
        raise StoreUnavailable("the database does not answer")

    status, body, kind = answer("/metrics", vitals())
    assert (status, kind.startswith("text/plain")) == (200, True)
    assert b"penstock_runs_running 2.0" in body
    assert answer("/metrics", vitals(totals=away)) == (
        503, b"the database does not answer\n", "text/plain; charset=utf-8",
    )  # fmt: skip
