"""Two schedulers in one process: the engine's own worker, scheduler and membership, on one real store.

What runs blocks is in memory and does what the test decides. Each scheduler can be frozen, cut off from the store,
killed, drained, and its clock be a little wrong; while time passes, those that may act do what their process would.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from penstock_runtime.domain.blocks import ExecutorType
from penstock_runtime.domain.errors import StoreContention, StoreUnavailable
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.executors.in_memory import Death, InMemoryExecutor, Living
from penstock_runtime.ports.environments import EnvironmentRef
from penstock_runtime.ports.run_store import RunStore, Trigger
from penstock_runtime.runs.membership import Membership
from penstock_runtime.runs.services import RunServices
from penstock_runtime.scheduler.loop import Scheduler
from penstock_runtime.storage.memory_artifacts import InMemoryArtifactStore
from penstock_runtime.storage.memory_logs import InMemoryLogStore
from penstock_runtime.testing.memory_wakeups import Board, InMemoryWakeups
from penstock_runtime.worker.environment_gate import EnvironmentGate
from penstock_runtime.worker.loop import Worker
from penstock_runtime.worker.parts import WorkerParts
from support.engine_rig import BUNDLE, Plans

LEASE, BEAT, GRACE, POLL = 10.0, 2.0, 3.0, 1.0
MOST_SKEW = 0.5
"""How wrong a scheduler's idea of the database's time may be: half a round trip of its sample."""
SLICE = 0.5
START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class World:
    """The store, true time, and what really happened: which attempts' code began and how each was made to end."""

    def __init__(self, store: RunStore, plans: Plans, folder: Path) -> None:
        self.store, self.plans, self.folder = store, plans, folder
        self.seconds = 0.0
        self.board = Board()
        self.started: Counter[str] = Counter()
        self.alive: dict[str, Node] = {}
        self.fates: dict[str, Mapping[str, Any] | Death] = {}
        self.succeeded: set[str] = set()
        self.beside: list[str] = []
        self.nodes: list[Node] = []
        with store.transaction() as tx:
            tx.publish_code_version(BUNDLE, self.now())
        self.nodes = [Node(self), Node(self)]

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def add_trigger(self, name: str, pipeline: str, interval: int, catch_up: str) -> Trigger:
        """Make a schedule whose first tick is one interval from now, on the second."""
        start = self.now().replace(microsecond=0) + timedelta(seconds=interval)
        settings = {
            "interval_seconds": interval,
            "catch_up": catch_up,
            "catch_up_per_minute": 600,
            "start_time": start.isoformat(),
        }
        trigger = Trigger(new_id(), pipeline, name, "schedule", True, settings, next_due_at=start)
        with self.store.transaction() as tx:
            tx.put_trigger(trigger)
        return trigger

    def pass_time(self, seconds: float) -> None:
        """Let time go by in slices; meanwhile heartbeats go on and the dead notice it, and nothing else happens."""
        for _ in range(round(seconds / SLICE)):
            self.seconds += SLICE
            for number, node in enumerate(self.nodes):
                if not node.keep_alive():
                    self.nodes[number] = Node(self)

    def go_on_without(self, node: Node) -> None:
        """Let a lease and its grace pass, and the other scheduler work."""
        self.pass_time(LEASE + GRACE + 1)
        for other in [one for one in self.nodes if one is not node]:
            other.look()
            for _ in range(3):
                other.work()

    def program(self, node: Node, living: Living) -> Mapping[str, Any] | Death | None:
        """The code of every block: it lives until its fate is decided, or it is asked to end."""
        attempt = living.work.attempt_id
        if living.step == 1:
            self.started[attempt] += 1
            self._check_alone(node, living)
            self.alive[attempt] = node
        fate = self.fates.get(attempt)
        if fate is None and living.ending is not None:
            fate = Death(living.ending)
        if fate is not None:
            self.alive.pop(attempt, None)
            if not isinstance(fate, Death) and fate["status"] == "succeeded":
                self.succeeded.add(attempt)
        return fate

    def _check_alone(self, node: Node, living: Living) -> None:
        """Note an attempt whose predecessor's code runs on although nobody froze the one that runs it (I4)."""
        with self.store.transaction(read_only=True) as tx:
            attempts = {one.id: one for one in tx.attempts(living.work.run_id)}
        mine = attempts.get(living.work.attempt_id)
        for other, owner in self.alive.items():
            found = attempts.get(other)
            if mine and found and found.block_run_id == mine.block_run_id and not (owner.frozen or node.frozen):
                self.beside.append(f"{mine.block} attempt {mine.number} began beside attempt {found.number}")


class SkewedClock:
    """True time, a little wrong; see ports.clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.skew = 0.0
        self._last = world.now()

    def now(self) -> datetime:
        self._last = max(self._last, self._world.now() + timedelta(seconds=self.skew))
        return self._last

    def monotonic(self) -> float:
        return 1000.0 + self._world.seconds


class CutStore:
    """A store that does not answer while `cut` is set. `hiccup` is called once, `before` or `after` the next write."""

    def __init__(self, store: RunStore, hiccup: Callable[[], None]) -> None:
        self._store, self._hiccup = store, hiccup
        self.cut = False
        self.hiccup_at: str | None = None

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[Any]:
        if self.cut:
            raise StoreUnavailable("the wire is cut")
        when = None
        if not read_only:
            when, self.hiccup_at = self.hiccup_at, None
        if when == "before":
            self._hiccup()
        with self._store.transaction(read_only=read_only) as tx:
            yield tx
        if when == "after":
            self._hiccup()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Node:
    """One life of one scheduler process, as bootstrap.scheduler_process puts it together."""

    numbers = itertools.count()

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = SkewedClock(world)
        self.store = CutStore(world.store, self.stop_and_go)
        self.frozen = False
        self.draining = False
        self.dead = False
        self._beat_at = 0.0
        services = RunServices(self.store, world.plans, self.clock, InMemoryWakeups(world.board))  # type: ignore[arg-type]
        self.services = services
        self.membership = Membership(services, "scheduler", LEASE)
        self.executor = InMemoryExecutor(
            lambda living: world.program(self, living),
            None,  # type: ignore[arg-type]
            InMemoryLogStore(),
            self.clock.now,
        )
        environment = EnvironmentRef("own", "python", "sdk")
        gate = EnvironmentGate(lambda _bundle, _line: environment, lambda: None)
        gate.wait(BUNDLE, 10)
        self.worker = Worker(
            WorkerParts(
                services=services,
                membership=self.membership,
                executors={ExecutorType.LOCAL_PYTHON: self.executor},
                artifacts=InMemoryArtifactStore(),
                logs=InMemoryLogStore(),
                environments=gate,
                bundle_dir=lambda _bundle: world.folder,
                project_dir=world.folder,
                staging_root=world.folder / f"staging-{next(self.numbers)}",
                render_sql=lambda *_: (None, None),
                slots=4,
                poll_seconds=POLL,
            )
        )
        self.scheduler = Scheduler(
            services, POLL, lambda: None, grace_seconds=GRACE, least_grace_seconds=LEASE + POLL
        )  # fmt: skip

    @property
    def acts(self) -> bool:
        return not (self.frozen or self.dead)

    def keep_alive(self) -> bool:
        """Do what the heartbeat's thread and the main loop do whatever else happens; False once this life is over."""
        if self.dead:
            return False
        if self.frozen:
            # It does nothing; its blocks go on.
            self.executor.observe([])
            return True
        if self.world.seconds - self._beat_at >= BEAT:
            self._beat_at = self.world.seconds
            with suppress(StoreUnavailable, StoreContention):
                self.membership.heartbeat()
        if self.membership.lost:
            self.fence()
            return False
        if self.draining and not self.worker.active:
            self.leave()
            return False
        return True

    def work(self) -> None:
        """One turn of the worker's loop, which ends itself instead when it was declared dead."""
        if self.acts and not self.membership.lost:
            self.worker.step(0)

    def look(self) -> None:
        """One pass of the scheduler's loop."""
        if self.acts:
            self.scheduler.run_pass()

    def stop_and_go(self) -> None:
        """SIGSTOP, for longer than the lease, and SIGCONT: the other takes over what this one has."""
        self.frozen = True
        self.world.go_on_without(self)
        self.frozen = False

    def drain(self) -> None:
        """SIGTERM."""
        self.draining = True
        self.worker.drain(1.0)

    def fence(self) -> None:
        """End every process at once, as one that was declared dead must."""
        self.kill()
        with suppress(StoreUnavailable, StoreContention):
            self.membership.leave()

    def leave(self) -> None:
        """End in order."""
        self.kill()
        with suppress(StoreUnavailable, StoreContention):
            self.membership.leave()

    def kill(self) -> None:
        """kill -9: its warm parent ends its blocks, and nobody says a word to the store."""
        self.dead = True
        for attempt in [attempt for attempt, owner in self.world.alive.items() if owner is self]:
            del self.world.alive[attempt]
        self.worker.close()
        self.services.wakeups.close()


def result(**more: Any) -> Mapping[str, Any]:
    """Return what a block's process says when it has done its work."""
    return {"status": "succeeded", "outputs": [], "fan_out": None, "tests": [], **more}


def failure() -> Mapping[str, Any]:
    """Return what a block's process says when its code raised."""
    error = {"type": "ValueError", "message": "no", "traceback": ""}
    return {"status": "failed", "error": error, "outputs": [], "fan_out": None, "tests": []}


def death(reason: ExitReason) -> Death:
    """Return a death without a word."""
    return Death(reason)
