"""What the functions of this package work with."""

from __future__ import annotations

from dataclasses import dataclass

from penstock_runtime.ports.clock import Clock
from penstock_runtime.ports.plans import PlanSource
from penstock_runtime.ports.run_store import RunStore
from penstock_runtime.ports.wakeups import Wakeup, Wakeups


@dataclass(frozen=True, slots=True)
class RunServices:
    """The store that decides, the plans that runs follow, the time, and the hints to others."""

    store: RunStore
    plans: PlanSource
    clock: Clock
    wakeups: Wakeups

    def tell_run_changed(self, run_id: str, *, work: bool = False) -> None:
        """Hint that a run changed and, with `work`, that a block of it may be ready."""
        changed = Wakeup("run", run_id)
        self.wakeups.publish(*((Wakeup("work", run_id), changed) if work else (changed,)))

    def tell_recorded(self, messages: int) -> None:
        """Hint that messages to people were recorded, if any were: the sender of this process need not wait."""
        if messages:
            self.wakeups.publish(Wakeup("notice"))


@dataclass(frozen=True, slots=True)
class Owner:
    """Who claims and finishes: a member at its term, on a host."""

    member_id: str
    term: int
    host: str
