"""Doing what a plan of faults says, at its times, and undoing what lasts; what could not be done is told, and why."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psutil
import redis

from support.fleet.agenda import Agenda
from support.fleet.fleet import Fleet
from support.fleet.plan import EVERYONE, Fault

Undo = Callable[[], None]


class NotNow(RuntimeError):
    """The fault cannot be put in at this moment: its target is not there, or has that fault already."""


@dataclass
class Injected:
    """What became of a fault: when it began and ended (seconds after the start), whom it met, or why it did not."""

    fault: Fault
    began: float
    ended: float | None = None
    met: list[int] = field(default_factory=list)
    left_out: str = ""


class Injector:
    """Runs on a thread of its own. `frozen`, `parent_frozen` and `killed` are what the check must know."""

    def __init__(self, fleet: Fleet, faults: Sequence[Fault], seed: int, tell: Callable[[str], None]) -> None:
        """Nothing happens before `start`."""
        self.fleet = fleet
        self.done: list[Injected] = []
        self.frozen: dict[int, list[tuple[float, float]]] = {}
        self.parent_frozen: set[int] = set()
        self.killed: set[int] = set()
        self.disk_was_full = False
        self._chance = random.Random(f"targets/{seed}")
        self._tell = tell
        self._lasting: dict[tuple[str, str], Undo] = {}
        self._freezing: dict[int, float] = {}
        self._agenda = Agenda("injector")
        for fault in faults:
            self._agenda.at(fault.at, partial(self._begin, fault))

    def start(self, began: float) -> None:
        """Begin; the plan's times count from `began` of the monotonic clock."""
        self._agenda.start(began)

    def wait(self) -> None:
        """Wait until every fault is over; raises what went wrong with the harness itself."""
        try:
            self._agenda.wait()
        finally:
            for key in list(self._lasting):
                self._lasting.pop(key)()

    def _begin(self, fault: Fault) -> None:
        mark = Injected(fault, self._agenda.now())
        self.done.append(mark)
        # A database stops in one way at a time.
        key = (fault.kind.partition("-")[0] if fault.target == "postgres" else fault.kind, fault.target)
        try:
            if key in self._lasting:
                raise NotNow("it has that fault already")
            undo = self._inject(fault, mark)
        except NotNow as error:
            mark.left_out = str(error)
            return
        self._tell(f"{mark.began:6.1f} s  {fault.kind} {fault.target} {fault.seconds or ''} {mark.met or ''}")
        if undo is None:
            mark.ended = self._agenda.now()
            return
        self._lasting[key] = undo
        self._agenda.at(fault.at + fault.seconds, partial(self._end, key, mark))

    def _end(self, key: tuple[str, str], mark: Injected) -> None:
        self._lasting.pop(key)()
        mark.ended = self._agenda.now()

    def _inject(self, fault: Fault, mark: Injected) -> Undo | None:
        if fault.kind in self.fleet.not_injected:
            raise NotNow(self.fleet.not_injected[fault.kind])
        doing: dict[str, Callable[[Fault, Injected], Undo | None]] = {
            "kill-scheduler": self._kill,
            "kill-web": self._kill,
            "kill-parent": self._kill_parent,
            "kill-block": self._kill_block,
            "freeze-scheduler": self._freeze,
            "freeze-web": self._freeze,
            "freeze-parent": self._freeze_parent,
            "drain-scheduler": self._drain,
            "redis-stop": self._redis_stop,
            "redis-flush": self._redis_flush,
            "redis-restart": self._redis_restart,
            "postgres-restart": self._postgres,
            "postgres-crash": self._postgres,
            "cut": self._cut,
            "refuse": self._refuse,
            "stall": self._stall,
            "slow": self._slow,
            "clock": self._clock,
            "disk-full": self._disk,
        }
        return doing[fault.kind](fault, mark)

    # --- processes -----------------------------------------------------------------------------------------------
    def _kill(self, fault: Fault, mark: Injected) -> None:
        pid = self.fleet.places[fault.target].pid
        # One that was frozen is dead from here on: its successor sees that, and need not wait for its lease.
        self._no_longer_frozen(pid)
        mark.met.append(self._send(fault, signal.SIGKILL))

    def _drain(self, fault: Fault, mark: Injected) -> None:
        mark.met.append(self._send(fault, signal.SIGTERM))

    def _send(self, fault: Fault, number: int) -> int:
        pid = self.fleet.places[fault.target].send(number)
        if not pid:
            raise NotNow("it is being started again")
        return pid

    def _freeze(self, fault: Fault, mark: Injected) -> Undo:
        pid = self._send(fault, signal.SIGSTOP)
        mark.met.append(pid)
        self._freezing[pid] = time.time()

        def thaw() -> None:
            self._no_longer_frozen(pid)
            _signal(pid, signal.SIGCONT)

        return thaw

    def _no_longer_frozen(self, pid: int) -> None:
        began = self._freezing.pop(pid, None)
        if began is not None:
            self.frozen.setdefault(pid, []).append((began, time.time()))

    def _parent(self, fault: Fault) -> psutil.Process:
        found = self.fleet.parents_of(fault.target)
        if not found:
            raise NotNow("it has no warm parent now")
        return self._chance.choice(sorted(found, key=lambda one: one.pid))

    def _kill_parent(self, fault: Fault, mark: Injected) -> None:
        pid = self._parent(fault).pid
        mark.met.append(pid)
        _signal(pid, signal.SIGKILL)

    def _freeze_parent(self, fault: Fault, mark: Injected) -> Undo:
        owner, pid = self.fleet.places[fault.target].pid, self._parent(fault).pid
        self.parent_frozen.add(owner)
        mark.met.append(pid)
        _signal(pid, signal.SIGSTOP)
        return lambda: _signal(pid, signal.SIGCONT)

    def _kill_block(self, fault: Fault, mark: Injected) -> None:
        owner = self.fleet.places[fault.target].pid
        found = sorted(pid for pid, worker in self.fleet.blocks_running() if worker == owner)
        if not found:
            raise NotNow("it runs no block now")
        pid = self._chance.choice(found)
        self.killed.add(pid)
        mark.met.append(pid)
        _signal(pid, signal.SIGKILL)

    # --- what they stand on --------------------------------------------------------------------------------------
    def _redis_stop(self, _fault: Fault, _mark: Injected) -> Undo:
        self.fleet.redis.stop()
        return self.fleet.redis.start

    def _redis_restart(self, _fault: Fault, _mark: Injected) -> None:
        if self.fleet.redis.process is None:
            raise NotNow("it is stopped")
        self.fleet.redis.stop()
        self.fleet.redis.start()

    def _redis_flush(self, _fault: Fault, _mark: Injected) -> None:
        try:
            with redis.Redis.from_url(self.fleet.redis.url) as connection:
                connection.flushall()
        except redis.ConnectionError:
            raise NotNow("it is stopped") from None

    def _postgres(self, fault: Fault, _mark: Injected) -> Undo:
        self.fleet.postgres.stop("fast" if fault.kind == "postgres-restart" else "immediate")
        return self.fleet.postgres.start

    def _wires(self, fault: Fault) -> list[Any]:
        names = EVERYONE if fault.target == "all" else (fault.target,)
        return [wires[name] for name in names for wires in (self.fleet.database, self.fleet.messages)]

    def _cut(self, fault: Fault, _mark: Injected) -> None:
        for wire in self._wires(fault):
            self.fleet.wires.cut(wire)

    def _refuse(self, fault: Fault, _mark: Injected) -> Undo:
        wires = self._wires(fault)
        for wire in wires:
            wire.refusing = True
            self.fleet.wires.cut(wire)
        return lambda: _set(wires, "refusing", False)

    def _stall(self, fault: Fault, _mark: Injected) -> Undo:
        wires = self._wires(fault)
        self.fleet.wires.stall(wires, True)
        return lambda: self.fleet.wires.stall(wires, False)

    def _slow(self, fault: Fault, _mark: Injected) -> Undo:
        wires = self._wires(fault)
        _set(wires, "delay", float(fault.detail))
        return lambda: _set(wires, "delay", 0.0)

    def _clock(self, fault: Fault, _mark: Injected) -> None:
        self.fleet.clock.write_text(fault.detail)

    def _disk(self, _fault: Fault, _mark: Injected) -> Undo:
        disk = self.fleet.disk
        assert disk is not None
        self.disk_was_full = True
        disk.fill()
        return disk.free


def _set(wires: Sequence[Any], name: str, value: object) -> None:
    for wire in wires:
        setattr(wire, name, value)


def _signal(pid: int, number: int) -> None:
    """Send a signal; a process that has gone meanwhile needs none."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
