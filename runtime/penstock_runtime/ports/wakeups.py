"""Hints that something may be due, carried quickly between processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

FOR_WORKERS = frozenset({"work", "cancel"})
"""Topics that a worker acts on. The others tell those who look at the product, and no worker needs to wake for them."""


@dataclass(frozen=True, slots=True)
class Wakeup:
    """A hint. `topic` is `work` (something is ready), `run` (a run changed), `log` (lines came), `code`, `cancel`.

    `notice` says that a message to people was recorded, `backfill` (with its id) that one changed or has room for one
    more run.

    `key` narrows it: a run id, or `run_id/block/map_index/attempt` for a log. May be empty.
    """

    topic: str
    key: str = ""


class Wakeups(Protocol):
    """Speed, never truth: any wake-up may be lost or repeated, and everyone polls slowly behind them."""

    def publish(self, *wakeups: Wakeup) -> None:
        """Tell every other subscriber. Never blocks for long and never raises for a listener that is gone."""
        ...

    def fileno(self) -> int:
        """Return a descriptor that is readable while `drain` has something to give."""
        ...

    def drain(self) -> Sequence[Wakeup]:
        """Return what has come since the last call, without waiting."""
        ...

    def close(self) -> None:
        """Stop listening; idempotent."""
        ...
