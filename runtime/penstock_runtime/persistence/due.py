"""What has come due: waiting block runs, schedules, deadlines, service levels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, exists, func, select, update

from penstock_runtime.domain.runs import BlockRunStatus
from penstock_runtime.persistence.backfill_steps import backfill_has_work
from penstock_runtime.persistence.columns import UtcTime
from penstock_runtime.persistence.steps import TRIGGER, Steps
from penstock_runtime.persistence.tables import (
    block_run_due,
    block_runs,
    run_promised,
    run_timed,
    runs,
    trigger_live,
    triggers,
)
from penstock_runtime.ports.lost_ticks import TriggerMove
from penstock_runtime.ports.run_store import DueTimes, Trigger

_now = bindparam("now", type_=UtcTime())
_due = (
    select(block_runs.c.id)
    .where(block_run_due, block_runs.c.due_at <= _now)
    .order_by(block_runs.c.due_at)
    .limit(bindparam("count"))
    .with_for_update(key_share=True, skip_locked=True)
)
_MAKE_READY = (
    update(block_runs)
    .where(block_runs.c.id.in_(_due))
    .values(status=BlockRunStatus.READY, due_at=_now)
    .returning(block_runs.c.run_id, block_runs.c.id)
)
_NEXT_DUE = select(
    select(func.min(block_runs.c.due_at, type_=UtcTime())).where(block_run_due).scalar_subquery(),
    select(func.min(triggers.c.next_due_at, type_=UtcTime())).where(trigger_live).scalar_subquery(),
    select(func.min(runs.c.deadline_at, type_=UtcTime())).where(run_timed).scalar_subquery(),
    select(func.min(runs.c.sla_at, type_=UtcTime())).where(run_promised).scalar_subquery(),
    exists().where(backfill_has_work),
)
_DUE_TRIGGERS = (
    select(*TRIGGER)
    .where(trigger_live, triggers.c.next_due_at <= _now)
    .order_by(triggers.c.next_due_at, triggers.c.id)
    .limit(bindparam("count"))
    .with_for_update(skip_locked=True)
)
_MOVE = (
    update(triggers)
    .where(triggers.c.id == bindparam("trigger_id"))
    .values(
        next_due_at=bindparam("new_next_due_at", type_=UtcTime()),
        next_tick_at=bindparam("new_next_tick_at", type_=UtcTime()),
        updated_at=_now,
    )
)


class DueSteps(Steps):
    """What has come due."""

    def make_due_ready(self, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """See the port."""
        return [(row[0], row[1]) for row in self._session.rows(_MAKE_READY, now=now, count=limit)]

    def due_times(self) -> DueTimes:
        """See the port."""
        waits, schedules, timeouts, promises, backfills = self._session.rows(_NEXT_DUE)[0]
        return DueTimes(waits, schedules, timeouts, promises, bool(backfills))

    def due_triggers(self, now: datetime, limit: int) -> Sequence[Trigger]:
        """See the port."""
        return [Trigger(*row) for row in self._session.rows(_DUE_TRIGGERS, now=now, count=limit)]

    def move_trigger(self, trigger_id: str, next_due_at: datetime | None, now: datetime) -> None:
        """See the port."""
        self._session.change(_MOVE, trigger_id=trigger_id, new_next_due_at=next_due_at, new_next_tick_at=None, now=now)

    def move_triggers(self, moves: Sequence[TriggerMove], now: datetime) -> None:
        """See the port."""
        self._session.change_many(
            _MOVE,
            [
                {
                    "trigger_id": move.trigger_id,
                    "new_next_due_at": move.next_due_at,
                    "new_next_tick_at": move.next_tick_at,
                    "now": now,
                }
                for move in moves
            ],
        )
