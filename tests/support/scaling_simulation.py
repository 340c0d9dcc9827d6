"""Schedulers, slots and a queue in simulated time, moved by the real scaler over a run store in memory."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from penstock_runtime.domain.runs import Member
from penstock_runtime.domain.scaling import Rules
from penstock_runtime.ports.scaling_decisions import LoadFigures
from penstock_runtime.scaling.autoscaler import Autoscaler, Target
from penstock_runtime.testing.clock import START, FakeClock
from penstock_runtime.testing.memory_run_store import InMemoryRunStore
from penstock_runtime.testing.memory_scaler import InMemoryScaler

SERVICE = "scheduler"


@dataclass(frozen=True)
class Story:
    """A load: blocks a second at each second, how long one takes, and what it is for schedulers to come."""

    seconds: int
    rate: Callable[[float], float]
    block_seconds: float = 5
    slots: int = 4
    start_seconds: float = 20
    most_rate: float = 10


@dataclass
class Outcome:
    """What came of it: start delays of blocks, and (second, schedulers) for each change."""

    delays: list[float] = field(default_factory=list)
    changes: list[tuple[float, int]] = field(default_factory=list)

    def share_within(self, seconds: float) -> float:
        return sum(delay <= seconds for delay in self.delays) / len(self.delays)

    @property
    def most(self) -> int:
        return max((count for _, count in self.changes), default=0)

    @property
    def turns(self) -> int:
        """How often a growth followed a shrinking, or the other way round."""
        counts = [count for _, count in self.changes]
        signs = [1 if after > before else -1 for before, after in pairwise(counts)]
        return sum(one != other for one, other in pairwise(signs))


@dataclass
class _Scheduler:
    name: int
    works_from: float
    running: int = 0
    stopping: bool = False


class _World:
    """One event after the other: arrivals, ends, schedulers that come up."""

    def __init__(self, story: Story, seed: int, schedulers: int) -> None:
        self.story = story
        self.outcome = Outcome()
        self.now = 0.0
        self._random = random.Random(seed)
        self._queue: deque[float] = deque()
        self._events: list[tuple[float, int, str, _Scheduler | None, float]] = []
        self._order = 0
        self._ended: deque[tuple[float, float]] = deque()
        self._fleet: list[_Scheduler] = []
        self._names = 0
        for _ in range(schedulers):
            self._add(0.0)
        self._arrive()

    def run_to(self, second: float) -> None:
        while self._events and self._events[0][0] <= second:
            self.now, _, kind, who, began = heapq.heappop(self._events)
            if kind == "arrival":
                # Thinning: the arrivals of the highest rate, each kept with the chance of the present one.
                if self._random.random() < self.story.rate(self.now) / self.story.most_rate:
                    self._queue.append(self.now)
                self._arrive()
            elif kind == "end" and who is not None:
                who.running -= 1
                self._ended.append((self.now, self.now - began))
            self._start_ready()
        self.now = second

    def scale(self, count: int) -> None:
        """Start or stop schedulers at once; one that stops takes nothing more, and ends what it has begun."""
        there = [one for one in self._fleet if not one.stopping]
        for one in there[count:]:
            one.stopping = True
        for _ in range(count - len(there)):
            self._add(self.now + self.story.start_seconds)
        self.outcome.changes.append((self.now, count))

    def figures(self, since: float, at: Callable[[float], datetime], most: int) -> LoadFigures:
        while self._ended and self._ended[0][0] < since - 600:
            self._ended.popleft()
        ended = [one for one in self._ended if one[0] >= since][-most:]
        return LoadFigures(
            ready=len(self._queue),
            oldest_ready_at=at(self._queue[0]) if self._queue else None,
            running=sum(one.running for one in self._fleet),
            ended=len(ended),
            since=at(ended[0][0] if len(ended) == most else since),
            mean_seconds=sum(lasted for _, lasted in ended) / len(ended) if ended else None,
        )

    def members(self, at: datetime) -> Sequence[Member]:
        self._fleet = [one for one in self._fleet if one.running or not one.stopping]
        there = [one for one in self._fleet if not one.stopping and one.works_from <= self.now]
        return [
            Member(
                str(one.name), "scheduler", one.name, "h", 1, at, at, at + timedelta(seconds=10),
                detail={"slots": self.story.slots},
            )
            for one in there
        ]  # fmt: skip

    def _add(self, works_from: float) -> None:
        self._names += 1
        self._fleet.append(_Scheduler(self._names, works_from))
        self._at(works_from, "up")

    def _arrive(self) -> None:
        self._at(self.now + self._random.expovariate(self.story.most_rate), "arrival")

    def _start_ready(self) -> None:
        for one in self._fleet:
            free = 0 if one.stopping or one.works_from > self.now else self.story.slots - one.running
            for _ in range(min(free, len(self._queue))):
                self.outcome.delays.append(self.now - self._queue.popleft())
                one.running += 1
                lasts = self._random.expovariate(1 / self.story.block_seconds)
                self._at(self.now + lasts, "end", one, self.now)

    def _at(self, second: float, kind: str, who: _Scheduler | None = None, began: float = 0.0) -> None:
        self._order += 1
        heapq.heappush(self._events, (second, self._order, kind, who, began))


class _Transaction:
    """A run transaction whose load and members are the world's."""

    def __init__(self, inner: Any, world: _World) -> None:
        self._inner = inner
        self._world = world

    def load_figures(self, since: datetime, most: int) -> LoadFigures:
        begun = (since - START).total_seconds()
        return self._world.figures(begun, lambda second: START + timedelta(seconds=second), most)

    def members(self) -> Sequence[Member]:
        return self._world.members(START + timedelta(seconds=self._world.now))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Store:
    """A run store in memory whose load is the world's."""

    def __init__(self, inner: InMemoryRunStore, world: _World) -> None:
        self._inner = inner
        self._world = world

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[Any]:
        with self._inner.transaction(read_only=read_only) as tx:
            yield _Transaction(tx, self._world)


def simulate(story: Story, rules: Rules, seed: int, *, begin_with: int = 1) -> Outcome:
    """Tell the story from its seed, and return what came of it."""
    clock, scaler = FakeClock(), InMemoryScaler({SERVICE: begin_with})
    world = _World(story, seed, begin_with)
    world.outcome.changes.append((0.0, begin_with))
    store: Any = _Store(InMemoryRunStore(), world)
    autoscaler = Autoscaler(store, clock, Target("local:x", SERVICE, scaler), rules, "here")
    for look in range(1, int(story.seconds / rules.look_seconds) + 1):
        world.run_to(look * rules.look_seconds)
        clock.advance(rules.look_seconds)
        before = len(scaler.changes)
        if autoscaler.look() is None:
            raise AssertionError("the scaler made no decision")
        for _, count in scaler.changes[before:]:
            world.scale(count)
    return world.outcome
