"""What a scheduler answers to probes."""

from __future__ import annotations

from penstock_runtime.bootstrap import probes
from penstock_runtime.bootstrap.probes import KeptTotals, Vitals
from penstock_runtime.domain.errors import StoreUnavailable


def vitals(*, alive=True, ready=True, totals=lambda: {"runs_running": 2.0}):
    return Vitals(lambda: alive, lambda: ready, totals)


def answer(path, asked):
    return probes.answer(path, asked, KeptTotals(asked.totals))


def test_liveness_follows_the_loop_and_readiness_the_right():
    assert answer("/healthz", vitals())[0] == 200
    assert answer("/healthz", vitals(alive=False))[:2] == (503, b"the loop does not turn\n")
    assert answer("/readyz", vitals(ready=False, alive=True))[0] == 503
    assert answer("/secrets", vitals())[0] == 404


def test_metrics_are_the_run_stores_and_their_absence_is_said():
    def away():
        raise StoreUnavailable("connection to 10.0.0.7 refused for user penstock")

    status, body, kind = answer("/metrics", vitals())
    assert (status, kind.startswith("text/plain")) == (200, True)
    assert b"penstock_runs_running 2.0" in body
    assert answer("/metrics", vitals(totals=away)) == (
        503, b"the database does not answer\n", "text/plain; charset=utf-8",
    )  # fmt: skip


def test_the_database_is_asked_once_a_second_whoever_asks_and_also_while_it_is_away():
    asked, now = [], [0.0]

    def totals():
        asked.append(now[0])
        if len(asked) == 1:
            raise StoreUnavailable("away")
        return {"runs_running": 2.0}

    kept = KeptTotals(totals, lambda: now[0])
    seen = []
    for at in (0.0, 0.9, 1.0, 1.9, 2.0):
        now[0] = at
        seen.append(kept() is not None)
    assert asked == [0.0, 1.0, 2.0]
    assert seen == [False, False, True, True, True]
