"""Ticks that made no run, the triggers that events and tokens find, and the times of their runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from penstock_runtime.domain.runs import Run

if TYPE_CHECKING:
    from penstock_runtime.ports.run_store import Page, Trigger


class LostKind(StrEnum):
    """Why a tick made no run."""

    MISSED = "missed"
    """Nobody was there to make it, and the schedule does not catch it up."""
    SKIPPED = "skipped"
    """A rule or a fault stood against it: the last run was going, a limit was reached, the pipeline is broken."""


@dataclass(frozen=True, slots=True)
class LostTick:
    """One gap: `ticks` ticks from `first_at` to `last_at` of which no run was made, for one reason."""

    id: str
    trigger_id: str
    kind: LostKind
    first_at: datetime
    last_at: datetime
    ticks: int
    reason: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class TriggerMove:
    """When a schedule is acted upon next: `next_tick_at` is the logical time where that is another."""

    trigger_id: str
    next_due_at: datetime | None
    next_tick_at: datetime | None = None


class LostTickSteps(Protocol):
    """Part of a run transaction: see ports.run_store."""

    def record_lost_ticks(self, lost: LostTick) -> None:
        """Keep a gap. One that goes on - of the same trigger, kind and reason, with no run made since - grows."""
        ...

    def lost_ticks(self, trigger_id: str, limit: int, cursor: str | None = None) -> Page[LostTick]:
        """Return the gaps of a trigger, last recorded first. InvalidInput for a cursor that no list gave."""
        ...

    def move_triggers(self, moves: Sequence[TriggerMove], now: datetime) -> None:
        """Set when these schedules are due next."""
        ...

    def lock_trigger(self, trigger_id: str) -> Trigger | None:
        """Lock a trigger until the transaction ends and return it, a deleted one too."""
        ...

    def set_trigger_token(self, trigger_id: str, token_digest: str | None, now: datetime) -> bool:
        """Replace the digest of a living trigger's token; False when there is no such trigger."""
        ...

    def trigger_of_token(self, token_digest: str) -> Trigger | None:
        """Return the living trigger whose token has this digest."""
        ...

    def triggers_of_event(self, name: str) -> Sequence[Trigger]:
        """Return the active event triggers that wait for events of this name, by pipeline and name."""
        ...

    def idempotency_key(self, scope: str, key: str, now: datetime) -> tuple[str, str] | None:
        """Return the (run id, body hash) that a key stands for, None when it is free or has expired."""
        ...

    def unfinished_run_of(self, trigger_id: str) -> str | None:
        """Return the id of a run of the trigger that has not ended, None when all have."""
        ...

    def running_runs(self, pipeline: str, trigger_id: str | None) -> tuple[int, int]:
        """Return how many admitted runs of the pipeline have not ended, and how many of them are of that trigger.

        None stands for the runs that no trigger made.
        """
        ...

    def set_deadline(self, run_id: str, deadline_at: datetime | None, timeout_status: str | None) -> None:
        """Set when the run is ended, and as what."""
        ...

    def overdue_runs(self, now: datetime, limit: int) -> Sequence[str]:
        """Return ids of unfinished runs whose deadline has come, longest overdue first."""
        ...

    def note_timeout(self, run_id: str, now: datetime) -> bool:
        """Note that the run's deadline has passed and take it away; False when it has none or has ended."""
        ...

    def broken_promises(self, now: datetime, limit: int) -> Sequence[Run]:
        """Lock and return runs whose service level has been missed and not told, longest ago first.

        Those locked elsewhere are passed over.
        """
        ...

    def note_sla(self, run_id: str, missed_at: datetime | None) -> None:
        """Take the run's `sla_at` away: it was missed at that time, or (None) can no longer be."""
        ...
