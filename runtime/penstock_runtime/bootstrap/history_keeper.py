"""The thread that lets finished history go, in one scheduler at a time.

* The lease: `history`, so that one of several schedulers works; it is renewed between steps. That two do after a freeze
  is harmless: what is gone is gone.
* The failure: a store that does not answer ends the round; the next one goes on where this one stopped.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from penstock_runtime.bootstrap.components import Components, open_components
from penstock_runtime.bootstrap.opening import open_installation_settings
from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.domain.ids import made_at
from penstock_runtime.runs.history import HistoryParts, HistoryPolicy, Pruned, prune, sweep

log = logging.getLogger("penstock.history")

LEASE = "history"
FIRST_SECONDS = 60.0
"""The first round waits until a start is over."""
ROUND_SECONDS = 600.0
ROUNDS_A_SWEEP = 144
"""A sweep for files without a row each day."""
REST_SECONDS = 0.05
"""Between two steps, so that a long round leaves the database to the runs."""


def history_parts(components: Components) -> HistoryParts:
    """Return the stores that hold history."""

    def remove_bundles(digests: Sequence[str]) -> None:
        components.library.remove(digests)
        # The project may have come back to one of them meanwhile: then it is published afresh.
        components.publish_code()

    return HistoryParts(components.store, components.artifacts, components.logs, remove_bundles)


def history_policy(components: Components) -> HistoryPolicy:
    """Return what the settings keep."""
    return HistoryPolicy(components.settings.history_days, components.settings.history_keep)


def prune_now(folder: Path | None, days: float | None, keep: int | None) -> Iterator[Pruned]:
    """Prune once, in the calling thread, by the settings of a project or by what is given; yield as `prune` does."""
    components = open_components(open_installation_settings(folder))
    policy = history_policy(components)
    chosen = HistoryPolicy(policy.days if days is None else days, policy.keep if keep is None else keep)
    return prune(history_parts(components), chosen, components.clock.now())


class HistoryKeeper:
    """Prunes in rounds until `stop`. `member_id` is who holds the lease."""

    def __init__(self, components: Components, member_id: str) -> None:
        """Nothing happens before `start`."""
        self._components = components
        self._member_id = member_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="history", daemon=True)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is going on."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(self._components.settings.statement_timeout_seconds)

    def _keep(self) -> None:
        wait, rounds = FIRST_SECONDS, 0
        while not self._stop.wait(wait):
            wait = ROUND_SECONDS
            try:
                self._round(sweeping=rounds % ROUNDS_A_SWEEP == 0)
                rounds += 1
            except PenstockError as error:
                log.warning("history was not pruned to the end: %s", error)
            except Exception:
                # The thread's own loop: whatever is wrong with one round, the next one tries again (I8).
                log.exception("history was not pruned to the end")

    def _round(self, *, sweeping: bool) -> None:
        components, now = self._components, self._components.clock.now()
        parts = history_parts(components)
        self._work(prune(parts, history_policy(components), now))
        if sweeping:
            self._work(sweep(parts, made_at, now))

    def _work(self, steps: Iterator[Pruned]) -> None:
        done = Pruned()
        while self._holds_lease() and not self._stop.is_set():
            step = next(steps, None)
            if step is None:
                break
            done = step
            self._stop.wait(REST_SECONDS)
        if done.runs or done.orphans:
            log.info("history: %d runs let go, %d folders without a run removed", done.runs, done.orphans)

    def _holds_lease(self) -> bool:
        now = self._components.clock.now()
        until = now + timedelta(seconds=6 * self._components.settings.lease_seconds)
        with self._components.store.transaction() as tx:
            return tx.acquire_lease(LEASE, self._member_id, now, until).holder == self._member_id
