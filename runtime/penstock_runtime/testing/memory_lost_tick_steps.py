"""Ticks that made no run, the triggers that events and tokens find, and the times of their runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.runs import RUN_ENDED, Run
from penstock_runtime.ports.lost_ticks import LostTick, TriggerMove
from penstock_runtime.ports.run_store import Page, Trigger
from penstock_runtime.testing.memory_state import StateSteps, plain, stored


class MemoryLostTickSteps(StateSteps):
    """See ports.lost_ticks."""

    def record_lost_ticks(self, lost: LostTick) -> None:
        """See the port."""
        lost = stored(lost)
        last = next(iter(self._lost_of(lost.trigger_id)), None)
        if last is not None and self._goes_on(last, lost):
            lost = replace(
                last, last_at=lost.last_at, ticks=last.ticks + lost.ticks, recorded_at=lost.recorded_at
            )  # fmt: skip
        self._state.lost_ticks[lost.id] = lost

    def _lost_of(self, trigger_id: str) -> list[LostTick]:
        found = [one for one in self._state.lost_ticks.values() if one.trigger_id == trigger_id]
        return sorted(found, key=lambda one: (one.recorded_at, one.id), reverse=True)

    def _goes_on(self, last: LostTick, lost: LostTick) -> bool:
        made_since = any(
            run.trigger_id == last.trigger_id and run.logical_at is not None and run.logical_at > last.last_at
            for run in self._state.runs.values()
        )
        same = (last.kind, last.reason) == (lost.kind, lost.reason)
        return same and last.last_at < lost.first_at and not made_since

    def lost_ticks(self, trigger_id: str, limit: int, cursor: str | None = None) -> Page[LostTick]:
        """See the port."""
        found = self._lost_of(trigger_id)
        if cursor is not None:
            places = [number for number, one in enumerate(found) if one.id == cursor]
            if not places:
                raise InvalidInput("the cursor is not one that a list gave", "cursor")
            found = found[places[0] + 1 :]
        items = found[:limit]
        return Page(items, items[-1].id if items and len(found) > limit else None)

    def move_triggers(self, moves: Sequence[TriggerMove], now: datetime) -> None:
        """See the port."""
        for move in moves:
            known = self._state.triggers.get(move.trigger_id)
            if known is not None:
                moved = replace(
                    known, next_due_at=move.next_due_at, next_tick_at=move.next_tick_at, updated_at=now
                )  # fmt: skip
                self._state.triggers[move.trigger_id] = stored(moved)

    def lock_trigger(self, trigger_id: str) -> Trigger | None:
        """See the port; the transaction is alone anyway."""
        return self._state.triggers.get(trigger_id)

    def set_trigger_token(self, trigger_id: str, token_digest: str | None, now: datetime) -> bool:
        """See the port."""
        known = self._state.triggers.get(trigger_id)
        if known is None or known.deleted_at is not None:
            return False
        self._state.triggers[trigger_id] = replace(known, token_digest=token_digest, updated_at=plain(now))
        return True

    def trigger_of_token(self, token_digest: str) -> Trigger | None:
        """See the port."""
        living = (one for one in self._state.triggers.values() if one.deleted_at is None)
        return next((one for one in living if one.token_digest == token_digest), None)

    def triggers_of_event(self, name: str) -> Sequence[Trigger]:
        """See the port."""
        living = [one for one in self._state.triggers.values() if one.active and one.deleted_at is None]
        return sorted((one for one in living if one.event_name == name), key=lambda one: (one.pipeline, one.name))

    def idempotency_key(self, scope: str, key: str, now: datetime) -> tuple[str, str] | None:
        """See the port."""
        known = self._state.keys.get((scope, key))
        return None if known is None or known[2] <= plain(now) else known[:2]

    def _unfinished(self) -> list[Run]:
        return [run for run in self._state.runs.values() if run.status not in RUN_ENDED]

    def unfinished_run_of(self, trigger_id: str) -> str | None:
        """See the port."""
        return next((run.id for run in self._unfinished() if run.trigger_id == trigger_id), None)

    def running_runs(self, pipeline: str, trigger_id: str | None) -> tuple[int, int]:
        """See the port."""
        going = [run.trigger_id for run in self._unfinished() if run.pipeline == pipeline and run.admitted]
        return len(going), going.count(trigger_id)

    def set_deadline(self, run_id: str, deadline_at: datetime | None, timeout_status: str | None) -> None:
        """See the port."""
        run = self._state.runs[run_id]
        self._state.runs[run_id] = stored(replace(run, deadline_at=deadline_at, timeout_status=timeout_status))

    def overdue_runs(self, now: datetime, limit: int) -> Sequence[str]:
        """See the port."""
        timed = [(run.deadline_at, run.id) for run in self._unfinished() if run.deadline_at is not None]
        return [run_id for at, run_id in sorted(timed) if at <= plain(now)][:limit]

    def note_timeout(self, run_id: str, now: datetime) -> bool:
        """See the port."""
        run = self._state.runs[run_id]
        if run.status in RUN_ENDED or run.deadline_at is None:
            return False
        self._state.runs[run_id] = stored(replace(run, timed_out_at=now, deadline_at=None))
        return True

    def broken_promises(self, now: datetime, limit: int) -> Sequence[Run]:
        """See the port."""
        promised = [(run.sla_at, run.id) for run in self._state.runs.values() if run.sla_at is not None]
        return [self._state.runs[run_id] for at, run_id in sorted(promised) if at <= plain(now)][:limit]

    def note_sla(self, run_id: str, missed_at: datetime | None) -> None:
        """See the port."""
        run = self._state.runs[run_id]
        if run.sla_at is not None:
            self._state.runs[run_id] = stored(replace(run, sla_at=None, sla_missed_at=missed_at))
