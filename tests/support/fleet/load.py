"""Asking for runs as programs do: each under an idempotency key, until there is an answer; and watching them go on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from functools import partial

import httpx
import psycopg

from support.fleet.agenda import Agenda
from support.fleet.fleet import Fleet
from support.fleet.history import Seen, look_at_runs
from support.fleet.plan import Ask

ENDED = frozenset({"succeeded", "failed", "cancelled"})
RETRY_LOOK_SECONDS = 1.0
WATCH_SECONDS = 0.5


class Load:
    """Runs on a thread of its own. `asked` is which run each key was answered with."""

    def __init__(self, fleet: Fleet, asks: Sequence[Ask]) -> None:
        """Nothing happens before `start`."""
        self._fleet = fleet
        self.asked: dict[str, str] = {}
        self.cancelled = 0
        self.retried = 0
        self._agenda = Agenda("load")
        for ask in asks:
            self._agenda.at(ask.at, partial(self._create, ask))

    def start(self, began: float) -> None:
        """Begin; the plan's times count from `began` of the monotonic clock."""
        self._agenda.start(began)

    def wait(self) -> None:
        """Wait until all was asked; raises what went wrong."""
        self._agenda.wait()

    def _create(self, ask: Ask) -> None:
        body = {"variables": {}, "idempotency_key": ask.key}
        found = self._fleet.ask("POST", f"/pipelines/{ask.pipeline}/runs", body)
        assert found.status_code == httpx.codes.ACCEPTED, f"{ask}: {found.status_code} {found.text}"
        run = self.asked[ask.key] = found.json()["id"]
        if ask.then:
            deed = self._cancel if ask.then == "cancel" else self._retry
            self._agenda.at(self._agenda.now() + ask.later, partial(deed, run))

    def _cancel(self, run: str) -> None:
        # A 409 is right too: it had ended before, or an answer was lost and this is the repeat.
        self.cancelled += self._fleet.ask("POST", f"/runs/{run}/cancel").status_code == httpx.codes.ACCEPTED

    def _retry(self, run: str) -> None:
        if self._fleet.ask("GET", f"/runs/{run}").json()["status"] not in ENDED:
            self._agenda.at(self._agenda.now() + RETRY_LOOK_SECONDS, partial(self._retry, run))
            return
        found = self._fleet.ask("POST", f"/runs/{run}/retry", {"scope": "failed"})
        self.retried += found.status_code == httpx.codes.ACCEPTED


class Watcher:
    """Looks at the state of every run again and again, past all wires, for what must never go back."""

    def __init__(self, url: Callable[[], str]) -> None:
        """Nothing happens before `start`."""
        self.seen: list[Seen] = []
        self._url = url
        self._over = threading.Event()
        self._known: set[Seen] = set()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            # Postgres is stopped now and then; the next look sees what this one did not.
            with contextlib.suppress(psycopg.OperationalError):
                with psycopg.connect(self._url(), connect_timeout=2) as connection:
                    now = look_at_runs(connection)
                # Only what changed: the check reads them in this order.
                self.seen += sorted(now - self._known, key=lambda one: (one.run, one.epoch, one.rank))
                self._known = now
