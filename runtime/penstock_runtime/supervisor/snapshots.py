"""What the supervisor tells whoever watches: plain records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from penstock_platform.vocabulary import Topology


class State(StrEnum):
    """Where a process stands."""

    STARTING = "starting"
    RUNNING = "running"
    STANDBY = "standby"
    UNWELL = "unwell"
    WAITING = "waiting"
    DRAINING = "draining"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `penstock up` was asked. None leaves a value to the settings, the topology or the machine."""

    folder: Path | None
    topology: Topology
    host: str | None = None
    port: int | None = None
    web: int | None = None
    schedulers: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `process` is empty when it is about all of them."""

    at: datetime
    kind: str
    process: str
    text: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class ProcessSnapshot:
    """One process at one instant. `active` and `slots` are a scheduler's blocks; memory is its own resident set."""

    name: str
    role: str
    state: State
    pid: int | None
    since: datetime
    restarts: int
    active: int | None = None
    slots: int | None = None
    memory_bytes: int | None = None


class Watcher(Protocol):
    """Whoever looks on: a terminal, or a program at the end of a pipe. Called from one thread."""

    pictures: bool
    """Whether `picture` is wanted, which costs a look at every process."""

    def event(self, event: Event) -> None:
        """Something happened."""

    def line(self, process: str, text: str) -> None:
        """A process wrote a line."""

    def address(self, lines: Sequence[str]) -> None:
        """The page answers: where it is, and how to get in."""

    def picture(self, processes: Sequence[ProcessSnapshot]) -> None:
        """How all processes stand now."""
