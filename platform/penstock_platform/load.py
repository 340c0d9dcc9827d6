"""How much work a scheduler takes, and how much a stated load asks for. Pure arithmetic.

One model for both: a slot is one block at a time; blocks arrive at random (Poisson), and each holds a slot for its
seconds. With `c` slots the chance to wait is Erlang's C formula; the slots asked for are the fewest at which a block
waits, on average, no longer than `ACCEPTED_WAIT_SECONDS` at the peak.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

OWN_MEMORY_MIB = 384
"""What web server, scheduler and warm parents take, blocks aside: 150 MiB measured, and room to breathe."""
BLOCK_MEMORY_MIB = 320
"""What a block with a data frame takes beside its siblings' shared pages."""
SLOTS_PER_CORE = 4
"""Blocks wait for databases and files more than they compute."""
ACCEPTED_WAIT_SECONDS = 1.0
MOST_SLOTS = 1000
"""The most that PENSTOCK_SLOTS takes."""


@dataclass(frozen=True, slots=True)
class Load:
    """A stated load: runs an hour, blocks in a run, seconds a block, and how many times the mean the peak is."""

    runs_per_hour: float
    blocks_per_run: float = 5
    block_seconds: float = 10
    peak: float = 3

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be a load."""
        for field in fields(self):
            value = getattr(self, field.name)
            least = 1 if field.name == "peak" else 0
            if not (math.isfinite(value) and value >= least):
                raise ValueError(f"{field.name} must be a number of at least {least}, not {value}")

    @property
    def busy(self) -> float:
        """How many blocks run at once at the peak, on average (Little's law)."""
        return self.runs_per_hour * self.blocks_per_run * self.peak / 3600 * self.block_seconds


def slots_for(cpu_millis: int, memory_mib: int) -> int:
    """Return the slots of a scheduler of this size: what its memory holds, and not more than its cores keep busy."""
    by_memory = (memory_mib - OWN_MEMORY_MIB) // BLOCK_MEMORY_MIB
    by_cores = cpu_millis * SLOTS_PER_CORE // 1000
    return max(1, min(by_memory, by_cores))


def mean_wait_seconds(load: Load, slots: int) -> float:
    """Return how long a block waits for a slot on average at the peak; infinity when it never catches up."""
    if slots <= load.busy:
        return math.inf
    *_, blocked = _blocked(load.busy, slots)
    return _wait(load, slots, blocked)


def slots_needed(load: Load) -> int | None:
    """Return the fewest slots at which the mean wait is accepted; None when MOST_SLOTS do not do."""
    for slots, blocked in enumerate(_blocked(load.busy, MOST_SLOTS), 1):
        if slots > load.busy and _wait(load, slots, blocked) <= ACCEPTED_WAIT_SECONDS:
            return slots
    return None


def chance_to_wait(busy: float, slots: int) -> float:
    """Return the chance that a block finds every slot taken: Erlang's C formula, for `slots` above `busy`."""
    *_, blocked = _blocked(busy, slots)
    return _chance(busy, slots, blocked)


def _blocked(busy: float, most: int) -> Iterator[float]:
    """Yield Erlang's B for 1 slot, 2 slots … by its recursion, which neither overflows nor cancels."""
    blocked = 1.0
    for slots in range(1, most + 1):
        blocked = busy * blocked / (slots + busy * blocked)
        yield blocked


def _chance(busy: float, slots: int, blocked: float) -> float:
    return slots * blocked / (slots - busy * (1 - blocked))


def _wait(load: Load, slots: int, blocked: float) -> float:
    return _chance(load.busy, slots, blocked) * load.block_seconds / (slots - load.busy)
