"""What happened to a run, recorded for those who are to be told: in the very transaction that makes it true.

A destination is told once an epoch: a manual retry opens a new one, and its end is news again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.notices import RunEvent
from penstock_runtime.domain.runs import UNMAPPED, Run, RunStatus
from penstock_runtime.ports.outbox import FailedBlock, OutboxMessage
from penstock_runtime.ports.run_store import RunTransaction

SHOWN_BLOCKS = 5
SHOWN_CHARACTERS = 2000
"""What a message tells of an error: the whole of it is on the run's page."""

_ENDINGS = {RunStatus.FAILED: RunEvent.FAILURE, RunStatus.SUCCEEDED: RunEvent.SUCCESS}


def record_ending(tx: RunTransaction, plan: PipelinePlan, run: Run, status: RunStatus, now: datetime) -> int:
    """Record that a run, given as it was before, has ended; how many messages that makes. A cancelled run tells none.

    Called after its block runs are written, in the same transaction.
    """
    event = _ENDINGS.get(status)
    if event is None:
        return 0
    return record_occasion(tx, plan, replace(run, status=status, ended_at=now), event, now)


def record_occasion(tx: RunTransaction, plan: PipelinePlan, run: Run, event: str, now: datetime) -> int:
    """Record one message for each destination of the plan that is told of `event` (see RunEvent); how many are new.

    Whoever gets a number above 0 says so after the commit: `RunServices.tell_recorded`. Nothing is asked of the
    database when the plan has nobody to tell. Idempotent within an epoch of the run.
    """
    told = plan.notices.told_of(event)
    if not told:
        return 0
    failed = tx.failed_blocks(run.id, SHOWN_BLOCKS) if event == RunEvent.FAILURE else ()
    payload = _facts(plan, run, event, [_shown(one) for one in failed])
    return tx.record_messages(
        [
            OutboxMessage(
                id=new_id(),
                event=event,
                run_id=run.id,
                destination=destination.name,
                occasion=f"{run.id}/{run.epoch}/{event}",
                created_at=now,
                due_at=now,
                payload=payload,
            )
            for destination in told
        ]
    )


def _facts(plan: PipelinePlan, run: Run, event: str, failed: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {
        "event": str(event),
        "pipeline": run.pipeline,
        "pipeline_name": plan.name or run.pipeline,
        "bundle": run.bundle,
        "run_id": run.id,
        "epoch": run.epoch,
        "status": run.status.value,
        "trigger": run.trigger_name,
        "trigger_id": run.trigger_id,
        "trigger_kind": run.trigger_kind,
        "logical_at": _text(run.logical_at),
        "created_at": _text(run.created_at),
        "started_at": _text(run.started_at),
        "ended_at": _text(run.ended_at),
        "timed_out": run.timed_out_at is not None,
        "failed_blocks": failed,
    }


def _shown(failed: FailedBlock) -> Mapping[str, Any]:
    error = failed.error or {}
    return {
        "block": failed.block,
        "map_index": None if failed.map_index == UNMAPPED else failed.map_index,
        "type": str(error.get("type") or "error"),
        "message": _cut(str(error.get("message") or "")),
        "traceback": _cut(str(error.get("traceback") or ""), end=True),
    }


def _cut(text: str, *, end: bool = False) -> str:
    """Return what fits: the beginning of a message, the end of a traceback."""
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"…{text[-SHOWN_CHARACTERS:]}" if end else f"{text[:SHOWN_CHARACTERS]}…"


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
