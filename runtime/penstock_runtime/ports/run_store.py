"""Where runs live: one transaction at a time, on SQLite, Postgres or in memory.

The store decides what is true; every rule of the engine is composed from these small steps inside one transaction,
so that a rule is written once and holds on every database. A step does what its name says and nothing more.

Duties of an adapter:

* A transaction is atomic and serialises with others on the rows it locked. On an exception nothing of it is kept.
* `StoreContention` when the database refused to serialise (deadlock, busy): the caller may repeat the transaction.
  `StoreUnavailable` when it did not answer: the caller tries later. After either, nothing of it is kept - except
  that a connection lost during commit leaves it unknown, which is why every step is guarded by status or number.
* Times are aware datetimes; a naive one is refused with ValueError. No statement asks the database for the time.
* Locks are taken in one order: runs (by id), then block runs, then attempts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from penstock_runtime.domain.runs import (
    Attempt,
    AttemptStatus,
    BlockRun,
    BlockRunStatus,
    ExitReason,
    Lease,
    Member,
    Run,
    RunStatus,
)
from penstock_runtime.ports.backfills import BackfillSteps
from penstock_runtime.ports.history import HistorySteps
from penstock_runtime.ports.lost_ticks import LostTickSteps
from penstock_runtime.ports.outbox import OutboxSteps
from penstock_runtime.ports.scaling_decisions import ScalingSteps


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list shows: all given conditions hold. `from_`/`to` bound `created_at` (from inclusive)."""

    pipeline: str | None = None
    statuses: tuple[RunStatus, ...] = ()
    trigger_id: str | None = None
    from_: datetime | None = None
    to: datetime | None = None


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` is opaque and None on the last page."""

    items: Sequence[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt ended, as its owner saw it."""

    status: AttemptStatus
    ended_at: datetime
    exit_reason: ExitReason
    exit_code: int | None = None
    pid: int | None = None
    external_id: str | None = None
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class BlockRunChange:
    """What to write over a block run; a field left as None keeps its value, but for those named in `clear`.

    `add_failures` and `add_losses` are added to the counts.
    """

    status: BlockRunStatus
    due_at: datetime | None = None
    ended_at: datetime | None = None
    outputs: Sequence[Mapping[str, Any]] | None = None
    fan_out: int | None = None
    error: Mapping[str, Any] | None = None
    tests: Sequence[Mapping[str, Any]] | None = None
    open_instances: int | None = None
    waiting_on: int | None = None
    started_at: datetime | None = None
    add_failures: int = 0
    add_losses: int = 0
    clear: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CodeVersion:
    """A published version of the project's code. `number` only grows; `digest` names its bundle."""

    number: int
    digest: str
    published_at: datetime
    published_by: str | None = None


@dataclass(frozen=True, slots=True)
class DueTimes:
    """When the first waiting block run, schedule, deadline and service level come due; None where none does."""

    waits: datetime | None = None
    schedules: datetime | None = None
    timeouts: datetime | None = None
    promises: datetime | None = None
    backfills: bool = False
    """Whether a backfill has room for another run, or is to end."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger as the store keeps it: identified by (pipeline, name), gone when `deleted_at` is set (a tombstone).

    `kind` is schedule, api or event; `active` false is paused. `next_due_at` is when a schedule is acted upon next;
    `next_tick_at` is the logical time that is due then, where it is another (jitter, or catching up at a rate).
    `settings` holds the trigger's own keys (interval, timezone, catch_up, sla …) in the project format's spelling.
    `token_digest` is the SHA-256, in hex, of the token that starts runs of it; the token itself is kept nowhere.
    """

    id: str
    pipeline: str
    name: str
    kind: str
    active: bool
    settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    next_due_at: datetime | None = None
    in_code: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    token_digest: str | None = None
    next_tick_at: datetime | None = None

    @property
    def tick_at(self) -> datetime | None:
        """The logical time of the next run."""
        return self.next_tick_at or self.next_due_at

    @property
    def event_name(self) -> str | None:
        """The name of the events that an event trigger waits for."""
        event = self.settings.get("event") if self.kind == "event" else None
        name = event.get("name") if isinstance(event, Mapping) else None
        return name.strip() if isinstance(name, str) and name.strip() else None


class RunTransaction(LostTickSteps, BackfillSteps, OutboxSteps, ScalingSteps, HistorySteps, Protocol):
    """The steps of one transaction."""

    # --- code versions -------------------------------------------------------------------------------------------
    def publish_code_version(self, digest: str, now: datetime, by: str | None = None) -> CodeVersion:
        """Make `digest` the newest version; when it already is, return that one unchanged."""
        ...

    def newest_code_version(self) -> CodeVersion | None:
        """Return the version that new runs pin, or None before the first."""
        ...

    def bundles_in_use(self) -> frozenset[str]:
        """Return the digests that a run or the newest version names."""
        ...

    # --- creating runs -------------------------------------------------------------------------------------------
    def insert_run(self, run: Run) -> bool:
        """Insert; False, changing nothing, when a run of that trigger and logical time exists (I1)."""
        ...

    def insert_block_runs(self, block_runs: Sequence[BlockRun]) -> int:
        """Insert those whose (run, block, map index; for callbacks epoch, parent, event) are free (I2); how many.

        All belong to one run, which is there.
        """
        ...

    def claim_idempotency_key(
        self,
        scope: str,
        key: str,
        body_hash: str,
        run_id: str,
        expires_at: datetime,
        *,
        now: datetime | None = None,
    ) -> tuple[str, str] | None:
        """Keep the key for `run_id`; or return the (run id, body hash) it already stands for, changing nothing.

        With `now`, a key that has expired is free.
        """
        ...

    # --- locking and reading -------------------------------------------------------------------------------------
    def lock_run(self, run_id: str, *, skip_locked: bool = False) -> Run | None:
        """Lock one run until the transaction ends and return it; None when there is none (or it is locked)."""
        ...

    def run(self, run_id: str) -> Run | None:
        """Return a run without locking it."""
        ...

    def run_of_tick(self, trigger_id: str, logical_at: datetime) -> Run | None:
        """Return the run of a trigger's logical time."""
        ...

    def runs(self, where: RunFilter, limit: int, cursor: str | None = None) -> Page[Run]:
        """Return runs, newest first."""
        ...

    def block_runs(self, run_id: str) -> Sequence[BlockRun]:
        """Return every block run of a run, in creation order; instances and callbacks included."""
        ...

    def block_run(self, run_id: str, block: str, map_index: int = -1) -> BlockRun | None:
        """Return the block run of the graph (not a callback) at that index."""
        ...

    def block_run_by_id(self, block_run_id: str) -> BlockRun | None:
        """Return any block run by its id."""
        ...

    def instances(self, run_id: str, block: str) -> Sequence[BlockRun]:
        """Return the instances of a mapped block, by map index."""
        ...

    def outputs(self, run_id: str, blocks: Sequence[str]) -> Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]:
        """Return the output descriptors of succeeded block runs of these blocks, by (block, map index)."""
        ...

    def attempts(self, run_id: str, block: str | None = None, map_index: int | None = None) -> Sequence[Attempt]:
        """Return attempts of a run in order of start, narrowed where given."""
        ...

    def attempt(self, attempt_id: str) -> Attempt | None:
        """Return one attempt."""
        ...

    def status_counts(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[BlockRunStatus, int]]:
        """Return, per run, how many blocks of its graph (neither instances nor callbacks) are in each status."""
        ...

    # --- advancing -----------------------------------------------------------------------------------------------
    def end_attempt(self, attempt_id: str, member_id: str, term: int, end: AttemptEnd) -> Attempt | None:
        """End a running attempt of that owner; None, changing nothing, when it is not running or not theirs (I2)."""
        ...

    def end_lost_attempt(self, attempt_id: str, end: AttemptEnd) -> Attempt | None:
        """End a running attempt whose owner has ended, whoever asks; None when it is not running or its owner lives."""
        ...

    def change_block_run(
        self, block_run_id: str, from_statuses: Sequence[BlockRunStatus], change: BlockRunChange
    ) -> BlockRun | None:
        """Apply the change if the status is one of these; return the new record, or None when it was not."""
        ...

    def count_down(
        self, run_id: str, blocks: Sequence[str], now: datetime, make_ready: Collection[str] = ()
    ) -> Sequence[BlockRun]:
        """Take one from `waiting_on` of these pending blocks (map index -1); return them all as they are after.

        Of those in `make_ready` one whose count comes to 0 becomes ready, due `now`; the others keep their status, for
        the engine decides what they become.
        """
        ...

    def change_blocks(
        self, run_id: str, blocks: Sequence[str], from_statuses: Sequence[BlockRunStatus], change: BlockRunChange
    ) -> Sequence[str]:
        """Apply one change to the graph's rows (map index -1) of these blocks that have such a status; their slugs."""
        ...

    def end_waiting_block_runs(self, run_id: str, status: BlockRunStatus, now: datetime) -> int:
        """Give every pending, ready, retry_wait or deferred block run of the run this final status; how many."""
        ...

    def instance_ended(self, run_id: str, block: str) -> BlockRun | None:
        """Take one from the group's `open_instances`; return the group as it is after."""
        ...

    def change_run(
        self,
        run_id: str,
        from_statuses: Sequence[RunStatus],
        status: RunStatus,
        *,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
    ) -> bool:
        """Move a run; False when it was in none of the statuses."""
        ...

    def add_open_block_runs(self, run_id: str, change: int) -> int:
        """Add to the run's count of block runs that have not ended; return the count after."""
        ...

    def request_cancel(self, run_id: str, now: datetime) -> bool:
        """Note that a cancel was asked, once; False when it was already, or the run has ended."""
        ...

    def open_epoch(
        self,
        run_id: str,
        bundle: str,
        open_block_runs: int,
        now: datetime,
        *,
        block_run_limit: int | None = None,
    ) -> int:
        """Begin a new epoch of an ended run: queued, no end, no cancel, with these values; return its number."""
        ...

    def reset_block_run(
        self, block_run_id: str, epoch: int, status: BlockRunStatus, waiting_on: int, now: datetime
    ) -> None:
        """Put a block run back to the beginning in a new epoch; attempt numbers are kept and go on."""
        ...

    def retire_instances(self, run_id: str, blocks: Sequence[str]) -> None:
        """Mark the instances of mapped blocks cancelled, without outputs: a new epoch fans them out afresh.

        The rows stay, so that attempt numbers of an index go on growing when it is used again.
        """
        ...

    # --- claiming ------------------------------------------------------------------------------------------------
    def claim_ready(  # noqa: PLR0913 - who, how much, when: all needed for one statement
        self,
        member_id: str,
        term: int,
        limit: int,
        now: datetime,
        *,
        host: str,
        attempt_ids: Sequence[str],
        executor: str = "",
    ) -> Sequence[tuple[Run, BlockRun, Attempt]]:
        """Claim up to `limit` ready block runs, longest ready first, of admitted runs without a block limit.

        Each becomes running with a new attempt of this member (ids are taken from `attempt_ids`); its run, if queued,
        starts. Rows that another transaction holds are passed over. Nothing is claimed for a member that has ended.
        The records come back as they are after the claim. `executor` is what is recorded for all of them;
        `set_attempts_executor` corrects those that go elsewhere.
        """
        ...

    def limited_runs_with_ready(self, limit: int) -> Sequence[str]:
        """Return ids of runs that have a block limit, room under it and a ready block run, longest ready first."""
        ...

    def claim_ready_of(  # noqa: PLR0913 - the same, within one run
        self,
        run: Run,
        member_id: str,
        term: int,
        limit: int,
        now: datetime,
        *,
        host: str,
        attempt_ids: Sequence[str],
        executor: str = "",
    ) -> Sequence[tuple[Run, BlockRun, Attempt]]:
        """As `claim_ready`, within one run that the caller has locked, up to its own limit less what is running."""
        ...

    def set_attempts_executor(self, executor_by_attempt: Mapping[str, str]) -> None:
        """Record which executor each of these attempts goes to."""
        ...

    def set_attempts_process(self, pid_by_attempt: Mapping[str, tuple[int | None, str | None]]) -> None:
        """Record (pid, external id) of running attempts."""
        ...

    # --- what is due ---------------------------------------------------------------------------------------------
    def make_due_ready(self, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Make retry_wait and deferred block runs whose time has come ready; their (run id, block run id)."""
        ...

    def due_times(self) -> DueTimes:
        """Return, in one read, when the earliest of each kind of duty is due."""
        ...

    def queued_unadmitted_runs(self, limit: int) -> Sequence[Run]:
        """Return, of each trigger of each pipeline that has runs held back by a limit, the oldest such; oldest first.

        The runs of a pipeline that no trigger made stand together as those of one.
        """
        ...

    def lock_limit(self, key: str) -> None:
        """Serialise with every other transaction that reserves under the same key, until this one ends."""
        ...

    def admit_run(self, run_id: str, now: datetime) -> int:
        """Admit a held run: its pending blocks that wait on nothing become ready; how many did."""
        ...

    def running_attempts_of(self, member_id: str) -> Sequence[Attempt]:
        """Return the attempts that the store has as running and this member's."""
        ...

    def attempts_to_cancel(self, member_id: str) -> Sequence[tuple[str, str]]:
        """Return (attempt id, run id) of this member's running attempts whose run was asked to cancel."""
        ...

    # --- members and rights --------------------------------------------------------------------------------------
    def join(self, member: Member) -> int:
        """Insert the member and return its term, greater than every term before it. `member.term` is ignored."""
        ...

    def heartbeat(
        self, member_id: str, term: int, now: datetime, expires_at: datetime, detail: Mapping[str, Any]
    ) -> bool:
        """Renew; False when the member has ended (then it must stop everything it owns)."""
        ...

    def leave(self, member_id: str, now: datetime) -> None:
        """End the member; idempotent."""
        ...

    def end_expired_members(self, now: datetime) -> Sequence[Member]:
        """End members whose lease has passed and return them."""
        ...

    def members(self, *, alive_only: bool = True) -> Sequence[Member]:
        """Return members, by start."""
        ...

    def attempts_of_ended_members(self, limit: int) -> Sequence[Attempt]:
        """Return running attempts whose member has ended."""
        ...

    def acquire_lease(self, name: str, holder: str, now: datetime, expires_at: datetime) -> Lease:
        """Take a free or expired right, or renew one's own; return the lease as it is after (check its holder)."""
        ...

    def release_lease(self, name: str, holder: str) -> None:
        """Give the right up, or take it from a holder known to be dead; idempotent."""
        ...

    def lease(self, name: str) -> Lease | None:
        """Return a right's present state."""
        ...

    # --- triggers ------------------------------------------------------------------------------------------------
    def put_trigger(self, trigger: Trigger) -> None:
        """Insert or replace by (pipeline, name); a tombstone is lifted."""
        ...

    def triggers(self, pipeline: str | None = None) -> Sequence[Trigger]:
        """Return triggers that are not deleted, by pipeline and name."""
        ...

    def trigger(self, trigger_id: str) -> Trigger | None:
        """Return a trigger by id, deleted ones too."""
        ...

    def delete_trigger(self, trigger_id: str, now: datetime) -> bool:
        """Leave a tombstone; False when there was none alive."""
        ...

    def due_triggers(self, now: datetime, limit: int) -> Sequence[Trigger]:
        """Lock and return active schedules whose next logical time has come, those locked elsewhere passed over."""
        ...

    def move_trigger(self, trigger_id: str, next_due_at: datetime | None, now: datetime) -> None:
        """Set the next logical time, acted upon when it comes."""
        ...

    # --- totals --------------------------------------------------------------------------------------------------
    def totals(self, now: datetime) -> Mapping[str, float]:
        """Return figures for metrics.

        They are runs_queued, runs_running, block_runs_ready, attempts_running and oldest_ready_age_seconds.
        """
        ...


class RunStore(Protocol):
    """The database behind the engine."""

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[RunTransaction]:
        """Open a transaction; commit at the end of the block, roll back on an exception."""
        ...

    def sample_time(self) -> datetime:
        """Return the database's present time, for the clock; the only question about time a store answers."""
        ...

    @property
    def single_writer(self) -> bool:
        """Whether only one scheduler may ever work on it (SQLite)."""
        ...

    def close(self) -> None:
        """Release every connection; idempotent."""
        ...
