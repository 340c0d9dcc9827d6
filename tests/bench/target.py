"""What the bench asks of a product. One adapter each; `penstock.py` is ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Workload:
    """A pipeline to create: `edges` lists each block with its upstream blocks, `code` is every block's body.

    The body may use `block` (the block's slug), `run_id` and `time`; it is Python at one indent.
    """

    name: str
    edges: Mapping[str, Sequence[str]]
    code: str = "return None"


@dataclass(frozen=True)
class Tick:
    """A run of an every-minute trigger: when it was due and when it was made, in seconds since the epoch."""

    run: str
    due_at: float
    made_at: float


@dataclass(frozen=True)
class EndedRun:
    """A run that came to its end, in seconds since the epoch of the machine's clock."""

    id: str
    succeeded: bool
    ended_at: float
    blocks: int
    attempts: int


class BenchTarget(Protocol):
    """A product under measurement. Calls are made by one thread."""

    name: str

    def create(self, workloads: Sequence[Workload]) -> None:
        """Write the pipelines; the product is not running yet."""
        ...

    def start(self) -> float:
        """Start it; return the seconds from the command to the first good answer."""
        ...

    def trigger(self, pipeline: str) -> str:
        """Ask for a run; return its id once it is accepted."""
        ...

    def wait(self, runs: Sequence[str], deadline_seconds: float) -> list[EndedRun]:
        """Wait for these runs to end; those that had not by the deadline are missing from the answer."""
        ...

    def every_minute(self, pipeline: str, triggers: int) -> None:
        """Give the pipeline so many triggers that are due at every full minute; 0 takes them away. Running or not."""
        ...

    def ticks(self, pipeline: str) -> list[Tick]:
        """Return the runs that triggers made of the pipeline."""
        ...

    def processes(self) -> list[int]:
        """Return the ids of every process of the product that lives."""
        ...

    def kill_scheduler(self) -> None:
        """End what schedules with SIGKILL, and nothing else."""
        ...

    def stop(self) -> None:
        """Stop it and wait until nothing of it lives; idempotent."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a target may write, the port it may take, and how many schedulers share the work."""

    folder: Path
    port: int
    database_url: str | None
    schedulers: int = 1
    redis_url: str | None = None
