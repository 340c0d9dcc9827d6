"""The scheduler process: the right to schedule, the scheduler's loop, the worker's loop and the heartbeat.

* The lease: one membership, renewed by the heartbeat thread; with it the right to schedule, where one is needed.
* The term: both come from the run store; after a loss the process ends, and its successor joins under a new one.
* The failure: a worker's loop that has not turned for `hang_seconds` ends the process (exit code `HUNG`); a membership
  that is lost ends every child at once, before others may start a successor, and then the process (`FENCED`).
* Who repairs it: whoever started the process restarts it; the next scheduler's first pass rescues what was left.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock_runtime.bootstrap.code_keeper import CodeKeeper
from penstock_runtime.bootstrap.components import Components
from penstock_runtime.bootstrap.history_keeper import HistoryKeeper
from penstock_runtime.bootstrap.notices import NudgingWakeups, make_sender
from penstock_runtime.bootstrap.worker_parts import build_worker, bury_the_dead, clear_dead_staging, end_leftovers_of
from penstock_runtime.domain.errors import PenstockError, StoreContention, StoreUnavailable
from penstock_runtime.ports.wakeups import FOR_WORKERS, Wakeup
from penstock_runtime.runs.membership import Membership
from penstock_runtime.runs.services import RunServices
from penstock_runtime.scheduler.loop import Scheduler
from penstock_runtime.scheduler.right import acquire_right, describe_holder, release_right
from penstock_runtime.settings import Settings
from penstock_runtime.worker.loop import Worker

if TYPE_CHECKING:
    from penstock_runtime.bootstrap.probes import ProbeServer

log = logging.getLogger("penstock.scheduler")

DONE = 0
HUNG = 70
FENCED = 71
NOT_ALLOWED = 75
"""Exit codes. NOT_ALLOWED: another process holds the right to schedule; starting again would not help."""

DRAIN_KILL_SECONDS = 5.0
ORPHAN_DRAIN_SECONDS = 5.0
SHORTEST_HANG_SECONDS = 30.0
STANDBY_LOOK_SECONDS = 0.5
NOTICE_SECONDS = 5.0
"""How long a scheduler that ends in order goes on sending messages that are due; the next one sends what is left."""


def hang_seconds(settings: Settings) -> float:
    """Return after how long without a turn of its loops, or without a word, a scheduler is taken for hung."""
    return max(SHORTEST_HANG_SECONDS, 3 * settings.lease_seconds)


def _remedy(settings: Settings) -> str:
    if settings.sqlite:
        return "On SQLite there is only ever one: stop it, or move to Postgres (DATABASE_URL) and Redis (REDIS_URL)"
    return "Several at once need Redis: set REDIS_URL for each of them, or stop the other one"


class RightHeld(PenstockError):
    """Another process holds the right to schedule, and the wait for it is over."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What this process is for. `only_run` narrows it to one run in the foreground; then no schedule fires.

    `announce` is told the member's id once it has joined, and the word `ready` when it works.
    """

    only_run: str | None = None
    announce: Callable[[str], None] = lambda _text: None


class SchedulerProcess:
    """One life of a scheduler, in the calling thread."""

    def __init__(self, settings: Settings, components: Components, duty: Duty | None = None) -> None:
        """Nothing runs before `run`."""
        self._settings = settings
        self._components = components
        self._duty = duty or Duty()
        self._stop = threading.Event()
        self._over = threading.Event()
        self._stop_read, self._stop_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._sender = make_sender(components)
        wakeups = NudgingWakeups(components.wakeups(only=FOR_WORKERS), self._sender, self._nudge_scheduler)
        self._services: RunServices = components.services(wakeups)
        # The scheduler's thread only publishes, and not as the worker, which would not hear it.
        self._telling = components.wakeups(listen=False)
        self._worker: Worker | None = None
        self._loop: Scheduler | None = None
        self._turned_at = self._services.clock.monotonic()
        self._working = False
        self._drain_seconds = 0.0 if self._duty.only_run else settings.drain_seconds
        self._exit = DONE
        # On Postgres the rows decide who does what; with Redis to wake each other, several may work.
        self._shares = settings.redis_url is not None and not components.store.single_writer

    def abandon(self) -> None:
        """Ask it to end soon: nobody supervises it any more, and its successor waits for the right."""
        self._drain_seconds = min(self._drain_seconds, ORPHAN_DRAIN_SECONDS)
        self.stop()

    def stop(self) -> None:
        """Ask it to drain and end; from any thread or a signal handler. Idempotent."""
        self._stop.set()
        try:
            os.write(self._stop_write, b".")
        except OSError:
            # Full or closed: it has been told.
            return
        if self._worker is not None:
            self._worker.nudge()

    def run(self) -> int:
        """Work until stopped; return an exit code. Raises RightHeld when the wait as a standby was in vain."""
        membership = Membership(self._services, "scheduler", self._settings.lease_seconds)
        self._duty.announce(membership.owner.member_id)
        probes = self._open_probes()
        try:
            if not self._wait_for_right(membership):
                return DONE
            self._turned_at = self._services.clock.monotonic()
            self._work(membership)
        finally:
            self._leave(membership)
            if probes is not None:
                probes.close()
        return self._exit

    def _open_probes(self) -> ProbeServer | None:
        if self._settings.health_port is None:
            return None
        # A third of the platforms' patience is not ours to guess: the loop is alive if it turned within a hang's time.
        from penstock_runtime.bootstrap.probes import ProbeServer, Vitals

        def totals() -> Mapping[str, float]:
            with self._services.store.transaction(read_only=True) as tx:
                return tx.totals(self._services.clock.now())

        vitals = Vitals(self.alive, lambda: self._working, totals)
        return ProbeServer(self._settings.host, self._settings.health_port, vitals)

    def alive(self) -> bool:
        """Whether its loops turn, or it waits for its right, as it should."""
        return self._services.clock.monotonic() - self._turned_at <= hang_seconds(self._settings)

    # --- the right -----------------------------------------------------------------------------------------------
    def _wait_for_right(self, membership: Membership) -> bool:
        clock = self._services.clock
        begun = clock.monotonic()
        told = False
        while not self._stop.is_set():
            try:
                held = self._held_by_another(membership)
            except (StoreUnavailable, StoreContention) as error:
                log.warning("the right to schedule could not be asked for: %s", error)
                held = "a database that does not answer"
            if held is None:
                return True
            if not told:
                told = True
                log.warning("standby: the right to schedule is held by %s", held)
            if clock.monotonic() - begun >= self._settings.standby_seconds:
                raise RightHeld(f"another scheduler works on this database: {held}. {_remedy(self._settings)}")
            self._turned_at = clock.monotonic()
            self._stop.wait(STANDBY_LOOK_SECONDS)
        return False

    def _held_by_another(self, membership: Membership) -> str | None:
        """Take the right; or return who has it."""
        holder = membership.owner.member_id
        if self._shares:
            return None
        membership.heartbeat({"standby": True})
        lease = acquire_right(self._services, holder, self._settings.lease_seconds)
        return None if lease.holder == holder else describe_holder(self._services, lease)

    # --- working -------------------------------------------------------------------------------------------------
    def _work(self, membership: Membership) -> None:
        if self._duty.only_run is None:
            end_leftovers_of(self._settings)
            bury_the_dead(self._services)
            clear_dead_staging(self._components, self._services)
        worker = build_worker(self._settings, self._components, self._services, membership, self._duty.only_run)
        self._worker = worker
        code = self._code_keeper(membership)
        scheduler = self._scheduler(code)
        threads = [
            threading.Thread(target=self._beat, args=(membership, worker, scheduler), name="heartbeat", daemon=True),
            threading.Thread(
                target=scheduler.run_until, args=(self._stop.is_set, self._stop_read), name="scheduler", daemon=True
            ),
        ]
        for thread in threads:
            thread.start()
        self._duty.announce("ready")
        history = HistoryKeeper(self._components, membership.owner.member_id)
        if self._duty.only_run is None:
            history.start()
        self._sender.start()
        try:
            self._working = True
            while not self._stop.is_set() and not membership.lost:
                worker.step()
            if membership.lost:
                log.error("this scheduler was declared dead; it ends its processes and stops")
                self._exit = FENCED
            else:
                self._drain(worker, membership)
        finally:
            self._working = False
            self._over.set()
            self.stop()
            history.stop()
            self._sender.close(NOTICE_SECONDS if self._exit == DONE else 0.0)
            worker.close()
            for thread in threads:
                thread.join(self._settings.statement_timeout_seconds)
            with suppress(StoreUnavailable, StoreContention):
                code.release()

    def _code_keeper(self, membership: Membership) -> CodeKeeper:
        def published() -> None:
            self._services.wakeups.publish(Wakeup("code"))

        return CodeKeeper(self._components, membership.owner.member_id, published, alone=not self._shares)

    def _scheduler(self, code: CodeKeeper) -> Scheduler:
        def look() -> None:
            if self._duty.only_run is None:
                code.look()

        self._loop = Scheduler(
            self._components.services(NudgingWakeups(self._telling, self._sender)),
            self._settings.poll_seconds,
            look,
            fire_schedules=self._duty.only_run is None,
            # What a member whose lease has passed needs to notice: a statement that hangs, then a turn of its loop.
            grace_seconds=self._settings.statement_timeout_seconds + self._settings.poll_seconds,
            least_grace_seconds=self._settings.lease_seconds + self._settings.poll_seconds,
        )
        return self._loop

    def _nudge_scheduler(self) -> None:
        """Let the scheduler's loop look at once: the worker has ended a run that made room."""
        if self._loop is not None:
            self._loop.nudge()

    def _beat(self, membership: Membership, worker: Worker, scheduler: Scheduler) -> None:
        """Keep the membership and the right, and watch that both loops turn."""
        seen = (-1, -1)
        # Not until `_stop`: who drains still works, and must not be taken for dead meanwhile.
        while not self._over.wait(self._settings.heartbeat_seconds):
            try:
                self._components.clock.resample()
                if not membership.heartbeat({"active": worker.active, "slots": self._settings.slots}):
                    worker.nudge()
                    return
                if not self._keeps_right(membership):
                    # It passed while this process was frozen, and another one works: this one may not, alive or not.
                    membership.leave()
                    worker.nudge()
                    return
            except (StoreUnavailable, StoreContention) as error:
                log.warning("no heartbeat: %s", error)
            now = (worker.turns, scheduler.passes)
            # Both have moved on since they were looked at last; the scheduler's rests once it was told to stop.
            if now[0] != seen[0] and (now[1] != seen[1] or self._stop.is_set()):
                seen, self._turned_at = now, self._services.clock.monotonic()
            elif not self.alive():
                log.critical("a loop has not turned for %.0f s; ending this process", hang_seconds(self._settings))
                os._exit(HUNG)

    def _keeps_right(self, membership: Membership) -> bool:
        if self._shares:
            return True
        holder = membership.owner.member_id
        return acquire_right(self._services, holder, self._settings.lease_seconds).holder == holder

    def _drain(self, worker: Worker, membership: Membership) -> None:
        clock = self._services.clock
        worker.stop_claiming()
        begun = clock.monotonic()
        while worker.active and clock.monotonic() - begun < self._drain_seconds and not membership.lost:
            worker.step(0.2)
        worker.drain(DRAIN_KILL_SECONDS)
        deadline = clock.monotonic() + DRAIN_KILL_SECONDS + self._settings.lease_seconds
        while worker.active and clock.monotonic() < deadline and not membership.lost:
            worker.step(0.2)

    def _leave(self, membership: Membership) -> None:
        try:
            release_right(self._services, membership.owner.member_id)
            membership.leave()
        except (StoreUnavailable, StoreContention) as error:
            log.warning("this member could not leave; its lease will pass: %s", error)
        self._services.wakeups.close()
        self._telling.close()
