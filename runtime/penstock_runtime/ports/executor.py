"""Starting, watching and ending one attempt at a time, wherever its process is.

An executor decides nothing: it has no retry and no schedule. It holds no thread and no process of ours per attempt.
Its methods are called from one thread, the worker's, which waits on `fileno()` where there is one and polls where
there is none; only `tail` may be called from any thread.

Failure: an executor that lost sight of an attempt says `lost` and nothing else; whoever owns the attempt then waits for
lease and grace before a successor starts. What an executor says to have finished has ended with every descendant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType, Protocol

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.ports.environments import EnvironmentRef
from penstock_runtime.ports.log_store import LogKey, LogLine

__all__ = [
    "AttemptWork",
    "BlockEvent",
    "Broker",
    "BrokerRefusal",
    "Executor",
    "ExecutorUnavailable",
    "ExitReason",
    "ExternalId",
    "Observation",
    "ObservedState",
    "WorkRefused",
]

ExternalId = NewType("ExternalId", str)
"""The platform's name of what was started for an attempt."""


class ExecutorUnavailable(PenstockError):
    """The platform did not answer, or asked us to slow down. Nothing is known to have been done; a repeat may help."""


class WorkRefused(PenstockError):
    """The executor is closed, or the work cannot be run by it as it is; a repeat cannot help."""


class BrokerRefusal(PenstockError):
    """What a child asked for is not given. The text reaches the block's author."""


class ObservedState(StrEnum):
    """Where an attempt is: accepted, running user code (or about to), ended with everything it started."""

    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class AttemptWork:
    """One attempt to start.

    `payload` is the JSON message the child gets (`attempt_id`, `unit`, `bundle_dir`, `staging_dir`, `inputs`, …).
    `labels` are found again by `find`. `wants_tables` says that tables come in or the block imports a table library.
    `memory_bytes` limits the whole tree of processes; `timeout_seconds` runs from submit.
    """

    attempt_id: str
    run_id: str
    payload: Mapping[str, Any]
    environment: EnvironmentRef
    log_key: LogKey
    wants_tables: bool = False
    memory_bytes: int | None = None
    cpu_seconds: int | None = None
    timeout_seconds: float | None = None
    labels: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class BlockEvent:
    """One block of a whole-pipeline attempt started (`result` None) or finished."""

    block: str
    map_index: int | None
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of one attempt now.

    `reason` is set when and only when `state` is finished. `result` is the child's own RESULT message and is never
    made up here; without it no attempt has succeeded. `exit_code` is negative for a signal. `peak_memory_bytes` is
    the largest proportional set seen of its tree, or the kernel's peak of one process where that is larger. `events`
    are those since the last observation of this attempt.
    """

    external_id: ExternalId
    attempt_id: str
    state: ObservedState
    reason: ExitReason | None = None
    exit_code: int | None = None
    message: str | None = None
    result: Mapping[str, Any] | None = None
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    pid: int | None = None
    started_at: datetime | None = None
    events: tuple[BlockEvent, ...] = ()


class Broker(Protocol):
    """Answers what a running block asks of the engine."""

    def answer(self, attempt_id: str, what: str, args: Mapping[str, Any]) -> object:
        """Return a JSON value for `what` (secret, io_config, trigger_pipeline, …); raises BrokerRefusal.

        Called from the executor's own thread, inside `observe`: it must be quick and must not call the executor.
        """
        ...


class Executor(Protocol):
    """One way to run attempts."""

    def submit(self, work: AttemptWork) -> ExternalId:
        """Start an attempt.

        Idempotent by attempt id: a repeat, even after its end, starts nothing and returns the same id. Raises
        WorkRefused or ExecutorUnavailable; what fails later is an observation.
        """
        ...

    def observe(self, ids: Collection[ExternalId] | None = None) -> list[Observation]:
        """Say where attempts are; never blocks.

        With None: those that changed since they were last observed, each end exactly once. With ids: one observation
        for each, changed or not; an id that nothing is known of is finished as `lost`. Survives throttling.
        """
        ...

    def cancel(
        self, external_id: ExternalId, grace_seconds: float = 10.0, reason: ExitReason = ExitReason.CANCELLED
    ) -> None:
        """Ask an attempt to end: SIGTERM or the like, and after the grace SIGKILL to its whole tree.

        Idempotent; returns when it is accepted. A second call may only shorten the grace; the first reason stays.
        Reasons: cancelled, timeout, drained. An attempt that succeeds meanwhile has succeeded. Unknown ids are ignored.
        """
        ...

    def find(self, label: str) -> list[ExternalId]:
        """Return what has not finished and carries the label, or is of that attempt id or run id."""
        ...

    def tail(self, external_id: ExternalId, offset: int = 0) -> tuple[Sequence[LogLine], int]:
        """Return log lines from an offset on and the offset to go on from; none for an unknown id. Any thread."""
        ...

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when `observe` has news; None where one must poll."""
        ...

    def drain(self, grace_seconds: float) -> None:
        """Cancel everything with the reason `drained` and refuse new work. Idempotent; observe tells when all ended."""
        ...

    def close(self) -> None:
        """End everything at once and release what is held. Idempotent. What had not finished is never observed."""
        ...
