"""Runs whose pipeline runs in one process: one attempt drives every block and reports as it goes.

The graph's rows follow the unit's reports. A block that failed inside stays `running` with its error until the unit's
own end decides, since the unit may be lost and taken up again, and state never goes backwards within an epoch. After a
loss the unit goes on from the blocks without a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from penstock_runtime.domain.runs import (
    AttemptStatus,
    BlockRun,
    BlockRunKind,
    BlockRunStatus,
    Run,
)
from penstock_runtime.ports.run_store import BlockRunChange, RunTransaction
from penstock_runtime.runs.advance import Advance
from penstock_runtime.runs.services import Owner


def record_block_event(
    tx: RunTransaction, owner: Owner, attempt_id: str, event: Mapping[str, Any], now: datetime
) -> bool:
    """Write a report of a running unit (`block_started`, `block_finished`); False when it is fenced off."""
    attempt = tx.attempt(attempt_id)
    if attempt is None or (attempt.member_id, attempt.term) != (owner.member_id, owner.term):
        return False
    run = tx.lock_run(attempt.run_id)
    attempt = tx.attempt(attempt_id)
    if run is None or attempt is None or attempt.status is not AttemptStatus.RUNNING or attempt.epoch != run.epoch:
        return False
    slug = str(event["block"])
    if event["event"] == "block_started":
        change = BlockRunChange(BlockRunStatus.RUNNING, started_at=now)
        return bool(tx.change_blocks(run.id, (slug,), (BlockRunStatus.PENDING,), change))
    return _block_finished(tx, run, slug, event.get("result") or {}, now)


def _block_finished(tx: RunTransaction, run: Run, slug: str, result: Mapping[str, Any], now: datetime) -> bool:
    status = {"succeeded": BlockRunStatus.SUCCEEDED, "skipped": BlockRunStatus.SKIPPED}.get(str(result.get("status")))
    before = (BlockRunStatus.PENDING, BlockRunStatus.RUNNING)
    if status is None:
        change = BlockRunChange(BlockRunStatus.RUNNING, error=result.get("error"), tests=result.get("tests"))
        return bool(tx.change_blocks(run.id, (slug,), before, change))
    change = BlockRunChange(
        status,
        ended_at=now,
        outputs=result.get("outputs"),
        fan_out=result.get("fan_out"),
        tests=result.get("tests"),
        clear=frozenset({"error"}),
    )
    if not tx.change_blocks(run.id, (slug,), before, change):
        return False
    tx.add_open_block_runs(run.id, -1)
    return True


def unit_ended(tx: RunTransaction, run: Run, unit: BlockRun, advance: Advance, now: datetime) -> None:
    """Bring the graph's rows in line with how the unit ended; what it leaves open is counted in `advance`."""
    rows = [row for row in tx.block_runs(run.id) if row.kind is BlockRunKind.BLOCK]
    running = [row for row in rows if row.status is BlockRunStatus.RUNNING]
    pending = [row.block for row in rows if row.status is BlockRunStatus.PENDING]
    if unit.status in (BlockRunStatus.READY, BlockRunStatus.RETRY_WAIT):
        _change(tx, run, [row.block for row in running], BlockRunChange(BlockRunStatus.PENDING, waiting_on=1))
        return
    broken = [row.block for row in running if row.error]
    cut = [row.block for row in running if not row.error]
    if unit.status is BlockRunStatus.CANCELLED:
        endings: list[tuple[list[str], BlockRunStatus, Mapping[str, Any] | None]] = [
            (broken + cut + pending, BlockRunStatus.CANCELLED, None)
        ]
    else:
        endings = [
            (broken, BlockRunStatus.FAILED, None),
            (cut, BlockRunStatus.FAILED, unit.error or {"type": "error", "message": "the process ended before it"}),
            (pending, BlockRunStatus.UPSTREAM_FAILED, None),
        ]
    for slugs, status, error in endings:
        advance.opened -= _change(tx, run, slugs, BlockRunChange(status, ended_at=now, error=error))


def _change(tx: RunTransaction, run: Run, slugs: list[str], change: BlockRunChange) -> int:
    before = (BlockRunStatus.PENDING, BlockRunStatus.RUNNING)
    return len(tx.change_blocks(run.id, slugs, before, change)) if slugs else 0
