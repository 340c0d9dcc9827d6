"""Runs whose pipeline runs in one process: one attempt drives every block and reports as it goes.

The graph's rows follow the unit's reports. A block that failed inside stays `running` with its error until the unit's
own end decides, since the unit may be lost and taken up again, and state never goes backwards within an epoch. After a
loss the unit goes on from the blocks without a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import (
    BLOCK_RUN_ENDED,
    BLOCK_RUN_WAITING,
    AttemptStatus,
    BlockRun,
    BlockRunKind,
    BlockRunStatus,
    Run,
)
from penstock_runtime.ports.run_store import BlockRunChange, RunTransaction
from penstock_runtime.runs.advance import Advance, group_verdict
from penstock_runtime.runs.services import Owner


def record_block_event(
    tx: RunTransaction, plan: PipelinePlan, owner: Owner, attempt_id: str, event: Mapping[str, Any], now: datetime
) -> bool:
    """Write a report of a running unit (`block_started`, `block_finished`); False when it is fenced off."""
    attempt = tx.attempt(attempt_id)
    if attempt is None or (attempt.member_id, attempt.term) != (owner.member_id, owner.term):
        return False
    run = tx.lock_run(attempt.run_id)
    attempt = tx.attempt(attempt_id)
    if run is None or attempt is None or attempt.status is not AttemptStatus.RUNNING or attempt.epoch != run.epoch:
        return False
    slug, index = str(event["block"]), event.get("map_index")
    started = event["event"] == "block_started"
    change = BlockRunChange(BlockRunStatus.RUNNING, started_at=now) if started else _ending(event["result"], now)
    if index is not None:
        return _change_instance(tx, plan, run, (slug, int(index)), change, now)
    changed = _change(tx, run, [slug], change)
    if changed and change.status in BLOCK_RUN_ENDED:
        tx.add_open_block_runs(run.id, -1)
    return bool(changed)


def _ending(result: Mapping[str, Any], now: datetime) -> BlockRunChange:
    status = {"succeeded": BlockRunStatus.SUCCEEDED, "skipped": BlockRunStatus.SKIPPED}.get(str(result.get("status")))
    if status is None:
        # Failed or deferred: which of the two, and for good or not, is for the unit's own end to say.
        return BlockRunChange(BlockRunStatus.RUNNING, error=result.get("error"), tests=result.get("tests"))
    return BlockRunChange(
        status,
        ended_at=now,
        outputs=result.get("outputs"),
        fan_out=result.get("fan_out"),
        tests=result.get("tests"),
        clear=frozenset({"error"}),
    )


def _change_instance(
    tx: RunTransaction, plan: PipelinePlan, run: Run, place: tuple[str, int], change: BlockRunChange, now: datetime
) -> bool:
    """Write one instance's row, making it when it is the first word of it, and end the group with the last."""
    slug, index = place
    group = tx.block_run(run.id, slug)
    if group is None or group.status in BLOCK_RUN_ENDED:
        return False
    if group.status is BlockRunStatus.PENDING:
        _change(tx, run, [slug], BlockRunChange(BlockRunStatus.RUNNING, started_at=change.started_at))
    row = tx.block_run(run.id, slug, index)
    if row is None:
        tx.insert_block_runs([_instance(run, slug, index)])
        tx.add_open_block_runs(run.id, 1)
        row = tx.block_run(run.id, slug, index)
    elif row.epoch != run.epoch:
        # An earlier epoch's: taken up again, so that the numbers of an index go on growing.
        tx.reset_block_run(row.id, run.epoch, BlockRunStatus.PENDING, 0, now)
        tx.add_open_block_runs(run.id, 1)
    before = (BlockRunStatus.PENDING, BlockRunStatus.RUNNING)
    if row is None or tx.change_block_run(row.id, before, change) is None:
        return False
    if change.status in BLOCK_RUN_ENDED:
        tx.add_open_block_runs(run.id, -1)
        _end_full_group(tx, plan, run, slug, change.ended_at)
    return True


def _end_full_group(tx: RunTransaction, plan: PipelinePlan, run: Run, slug: str, now: datetime | None) -> None:
    source = tx.block_run(run.id, plan.mapped_by[slug]) if slug in plan.mapped_by else None
    instances = [row for row in tx.instances(run.id, slug) if row.epoch == run.epoch]
    ended = [row for row in instances if row.status in BLOCK_RUN_ENDED]
    if source is None or source.fan_out is None or len(ended) < source.fan_out:
        return
    change = BlockRunChange(group_verdict(ended)[0], ended_at=now, fan_out=len(ended))
    tx.add_open_block_runs(run.id, -_change(tx, run, [slug], change))


def _instance(run: Run, slug: str, index: int) -> BlockRun:
    return BlockRun(
        id=new_id(),
        run_id=run.id,
        block=slug,
        map_index=index,
        kind=BlockRunKind.INSTANCE,
        status=BlockRunStatus.PENDING,
        epoch=run.epoch,
    )


def unit_ended(
    tx: RunTransaction, plan: PipelinePlan, run: Run, unit: BlockRun, advance: Advance, now: datetime
) -> None:
    """Bring the graph's rows in line with how the unit ended; what it closes is counted in `advance`."""
    rows = [row for row in tx.block_runs(run.id) if row.kind in (BlockRunKind.BLOCK, BlockRunKind.INSTANCE)]
    going = [row for row in rows if row.status in (BlockRunStatus.RUNNING, BlockRunStatus.PENDING)]
    for row in going:
        change = _last_word(plan, unit, row, now)
        if change is None or tx.change_block_run(row.id, (row.status,), change) is None:
            continue
        if change.status in BLOCK_RUN_ENDED:
            advance.opened -= 1


def _last_word(plan: PipelinePlan, unit: BlockRun, row: BlockRun, now: datetime) -> BlockRunChange | None:
    """Return what becomes of a row that the unit left open, or None for one that stays; pure."""
    if unit.status in BLOCK_RUN_WAITING:
        # Taken up again: what was running is to be done again, and no error of the interrupted try stays.
        running = row.status is BlockRunStatus.RUNNING
        return BlockRunChange(BlockRunStatus.PENDING, clear=frozenset({"error"})) if running else None
    if unit.status is BlockRunStatus.CANCELLED:
        return BlockRunChange(BlockRunStatus.CANCELLED, ended_at=now)
    if unit.status is BlockRunStatus.SUCCEEDED and row.block in plan.mapped_by and row.kind is BlockRunKind.BLOCK:
        # A group without instances: nothing of it was ever reported.
        return BlockRunChange(BlockRunStatus.SUCCEEDED, ended_at=now, fan_out=0)
    if row.status is BlockRunStatus.PENDING:
        return BlockRunChange(BlockRunStatus.UPSTREAM_FAILED, ended_at=now)
    cut = unit.error or {"type": "error", "message": "the process ended before this block did"}
    return BlockRunChange(BlockRunStatus.FAILED, ended_at=now, error=None if row.error else cut)


def _change(tx: RunTransaction, run: Run, slugs: list[str], change: BlockRunChange) -> int:
    before = (BlockRunStatus.PENDING, BlockRunStatus.RUNNING)
    return len(tx.change_blocks(run.id, slugs, before, change)) if slugs else 0
