"""The warm parents of one user environment and the attempts that wait for a child of theirs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from penstock_runtime.executors.local_process.attempt import Attempt
from penstock_runtime.executors.local_process.reactor import Reactor
from penstock_runtime.executors.local_process.warm_parent import ChildExit, IdleChild, ParentEvents, WarmParent
from penstock_runtime.ports.environments import EnvironmentRef

LIGHT, DATA = "light", "data"
BACKOFF_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
START_FAILURES = 3
"""After so many starts in a row that never got ready, what waits is told that the environment does not work."""
HEALTHY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PoolRules:
    """`ahead` children per parent; the data parent goes after `idle_seconds` without work."""

    ahead: int
    idle_seconds: float
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PoolEvents:
    """Whom a pool tells: a child for an attempt, an exit, a parent that died, an environment that does not start."""

    on_begin: Callable[[Attempt, WarmParent, IdleChild], None]
    on_exit: Callable[[int, ChildExit], None]
    on_parent_gone: Callable[[WarmParent], None]
    on_broken: Callable[[list[Attempt], str], None]


class ParentSlot:
    """Where a parent of one kind is, or will be again."""

    def __init__(self) -> None:
        """Start empty."""
        self.parent: WarmParent | None = None
        self.failures = 0
        self.restarting = False


class Pool:
    """Not thread-safe: it lives on the executor's reactor."""

    def __init__(self, ref: EnvironmentRef, rules: PoolRules, reactor: Reactor, events: PoolEvents) -> None:
        """Start nothing yet."""
        self.ref = ref
        self._rules = rules
        self._reactor = reactor
        self._events = events
        self._slots = {LIGHT: ParentSlot(), DATA: ParentSlot()}
        self._waiting: deque[Attempt] = deque()
        self._leaving: list[WarmParent] = []

    def warm(self, kind: str) -> None:
        """Have a parent of the kind, with children ahead. Idempotent; it is up some time later."""
        slot = self._slots[kind]
        if slot.parent is not None:
            slot.parent.fill(self._rules.ahead)
        elif slot.failures == 0:
            self._start(kind)
        elif not slot.restarting:
            slot.restarting = True
            wait = BACKOFF_SECONDS[min(slot.failures, len(BACKOFF_SECONDS)) - 1]
            self._reactor.after(wait, lambda: self._start(kind))

    def enqueue(self, attempt: Attempt) -> None:
        """Give the attempt a child now, or as soon as there is one."""
        self._waiting.append(attempt)
        self._dispatch()

    def withdraw(self, attempt: Attempt) -> bool:
        """Take an attempt out of the queue; False when it is not in it."""
        if attempt in self._waiting:
            self._waiting.remove(attempt)
            return True
        return False

    def _dispatch(self) -> None:
        """Hand children to those who wait, in order; nobody waits behind one whose kind is not there."""
        held: deque[Attempt] = deque()
        while self._waiting:
            attempt = self._waiting.popleft()
            parent = self._parent_for(attempt)
            if parent is None:
                held.append(attempt)
                continue
            child = parent.idle.popleft()
            parent.busy += 1
            parent.used_at = time.monotonic()
            self._events.on_begin(attempt, parent, child)
            if not parent.idle:
                parent.fill(1)
        self._waiting = held

    def _parent_for(self, attempt: Attempt) -> WarmParent | None:
        """Return the parent with a child for it. Tables wait for the data parent only when that is up."""
        light, data = self._slots[LIGHT].parent, self._slots[DATA].parent
        if attempt.work.wants_tables:
            if data is not None and data.ready:
                return data if data.idle else None
            self.warm(DATA)
        for parent in (light, data):
            if parent is not None and parent.idle:
                return parent
        self.warm(LIGHT)
        return None

    def refill(self, parent: WarmParent) -> None:
        """Have children made ahead again; called once an attempt is under way, so as not to compete with its start."""
        if not parent.gone:
            parent.fill(self._rules.ahead)

    def _start(self, kind: str) -> None:
        slot = self._slots[kind]
        slot.restarting = False
        if slot.parent is not None:
            return
        events = ParentEvents(on_child=self._on_child, on_exit=self._on_exit, on_gone=self._on_gone)
        try:
            slot.parent = WarmParent(self.ref, kind, self._rules.environ, self._reactor, events)
        except OSError as error:
            self._failed(kind, str(error))
            return
        slot.parent.fill(self._rules.ahead)

    def _on_child(self, parent: WarmParent) -> None:
        if parent.ready:
            self._slots[parent.kind].failures = 0
            if parent.kind == DATA:
                self._watch_idleness(parent)
        parent.fill(self._rules.ahead)
        self._dispatch()

    def _on_exit(self, parent: WarmParent, pid: int, end: ChildExit) -> None:
        parent.busy -= 1
        parent.used_at = time.monotonic()
        self._events.on_exit(pid, end)

    def _on_gone(self, parent: WarmParent) -> None:
        slot = self._slots[parent.kind]
        if slot.parent is parent:
            slot.parent = None
        lived = time.monotonic() - parent.started_at
        words = parent.last_words()
        if not parent.reap():
            self._leaving.append(parent)
        self._events.on_parent_gone(parent)
        if not parent.ready:
            self._failed(parent.kind, words or "the runner ended before it was ready")
            return
        slot.failures = 0 if lived > HEALTHY_SECONDS else slot.failures + 1
        if parent.kind == LIGHT or self._waiting:
            self.warm(parent.kind)

    def _failed(self, kind: str, why: str) -> None:
        """Count a start that came to nothing; try again later, unless it is hopeless."""
        slot = self._slots[kind]
        slot.failures += 1
        if kind == DATA:
            # The light parent's children import tables themselves; a data parent is tried again at the next need.
            return
        if slot.failures >= START_FAILURES:
            hopeless = list(self._waiting)
            self._waiting.clear()
            text = f"the Python of this environment ({self.ref.python}) cannot start a runner: {why}"
            self._events.on_broken(hopeless, text)
            return
        self.warm(kind)

    def _watch_idleness(self, parent: WarmParent) -> None:
        """Retire the data parent when it has had no work for long."""
        if parent.watched:
            return
        parent.watched = True
        self._reactor.after(self._rules.idle_seconds, lambda: self._check_idleness(parent))

    def _check_idleness(self, parent: WarmParent) -> None:
        if parent.gone:
            return
        left = parent.used_at + self._rules.idle_seconds - time.monotonic()
        if parent.busy or left > 0:
            self._reactor.after(max(left, 1.0), lambda: self._check_idleness(parent))
            return
        self._slots[parent.kind].parent = None
        parent.retire()
        self._leaving.append(parent)
        self._reactor.after(1.0, self._reap_leaving)

    def _reap_leaving(self) -> None:
        self._leaving = [parent for parent in self._leaving if not parent.reap()]
        if self._leaving:
            self._reactor.after(1.0, self._reap_leaving)

    def parents(self) -> list[WarmParent]:
        """Return the parents that are there."""
        return [slot.parent for slot in self._slots.values() if slot.parent is not None]

    def close(self) -> None:
        """End every parent, which ends every child; returns when they have ended."""
        leaving = [*self.parents(), *self._leaving]
        for parent in self.parents():
            parent.retire()
        for parent in leaving:
            parent.reap(wait=True)
