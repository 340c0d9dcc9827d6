"""A run store in memory: complete, so that the engine can be tested without a database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from penstock_runtime.ports.run_store import RunStore, RunTransaction
from penstock_runtime.testing.memory_attempt_steps import MemoryAttemptSteps
from penstock_runtime.testing.memory_backfill_steps import MemoryBackfillSteps
from penstock_runtime.testing.memory_fleet_steps import MemoryFleetSteps
from penstock_runtime.testing.memory_history_steps import MemoryHistorySteps
from penstock_runtime.testing.memory_lost_tick_steps import MemoryLostTickSteps
from penstock_runtime.testing.memory_outbox_steps import MemoryOutboxSteps
from penstock_runtime.testing.memory_run_steps import MemoryRunSteps
from penstock_runtime.testing.memory_scaling_steps import MemoryScalingSteps
from penstock_runtime.testing.memory_state import State


class InMemoryRunTransaction(
    MemoryRunSteps,
    MemoryAttemptSteps,
    MemoryFleetSteps,
    MemoryLostTickSteps,
    MemoryBackfillSteps,
    MemoryOutboxSteps,
    MemoryScalingSteps,
    MemoryHistorySteps,
):
    """Every step of the port, over the state."""


class InMemoryRunStore:
    """See ports.run_store. Any thread; transactions run one after the other.

    `time` is the database's time, the machine's when it is not given.
    """

    single_writer = False

    def __init__(self, time: Callable[[], datetime] | None = None) -> None:
        """Start empty."""
        self._time = time or (lambda: datetime.now(UTC))
        self._lock = threading.RLock()
        self._inside = False
        self._state = State()

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[RunTransaction]:
        """See the port. A transaction inside another of the same thread is refused: a database would wait for ever."""
        with self._lock:
            if self._inside:
                raise RuntimeError("a transaction is open in this thread already")
            self._inside = True
            before = None if read_only else self._state.copy()
            try:
                yield InMemoryRunTransaction(self._state)
            except BaseException:
                if before is not None:
                    self._state = before
                raise
            finally:
                self._inside = False

    def sample_time(self) -> datetime:
        """See the port."""
        return self._time()

    def close(self) -> None:
        """See the port: nothing is held."""


def _fulfils_the_port(store: InMemoryRunStore) -> RunStore:
    """Let the type checker compare the two."""
    return store
