"""Ending an attempt, and advancing its run, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from penstock_runtime.domain.blocks import BlockSpec, PipelinePlan
from penstock_runtime.domain.runs import (
    BLOCK_RUN_ENDED,
    Attempt,
    BlockRun,
    BlockRunKind,
    BlockRunStatus,
    RunStatus,
)
from penstock_runtime.domain.verdicts import AttemptOutcome, Verdict, judge
from penstock_runtime.ports.plans import PlanSource
from penstock_runtime.ports.run_store import AttemptEnd, BlockRunChange, RunTransaction
from penstock_runtime.runs.advance import Advance
from penstock_runtime.runs.services import Owner
from penstock_runtime.runs.whole_pipeline import unit_ended


@dataclass(frozen=True, slots=True)
class Finished:
    """What ending an attempt led to. `run_status` is set when the run ended with it."""

    run_id: str
    block_run: BlockRun
    attempt: Attempt
    made_ready: int
    run_status: RunStatus | None


def finish_attempt(
    tx: RunTransaction,
    plans: PlanSource,
    claimed: Attempt,
    outcome: AttemptOutcome,
    owner: Owner | None,
    now: datetime,
) -> Finished | None:
    """End the attempt and advance its run; None, changing nothing, when it is no longer the owner's to end.

    `owner` None is a rescue: the attempt of a member that has ended. Idempotent: a repeat returns None.
    """
    run = tx.lock_run(claimed.run_id)
    block_run = tx.block_run_by_id(claimed.block_run_id)
    if run is None or block_run is None:
        return None
    plan = plans.plan(run.bundle, run.pipeline)
    block = _spec(plan, block_run)
    verdict = judge(block, block_run, outcome, now, cancelling=run.cancel_requested_at is not None)
    attempt = _end_attempt(tx, claimed, outcome, verdict, owner, now)
    if attempt is None or attempt.epoch != run.epoch:
        # The fence: a newer attempt exists, or the epoch is over; this one's word no longer counts (I2).
        return None
    advance = Advance(tx, plan, run, now)
    changed = tx.change_block_run(block_run.id, (BlockRunStatus.RUNNING,), _change(verdict, outcome, block, now))
    if changed is None:
        return None
    if changed.kind is BlockRunKind.PIPELINE:
        unit_ended(tx, run, changed, advance, now)
    if changed.status in BLOCK_RUN_ENDED:
        advance.ended(changed)
    ended = advance.settle() if changed.status in BLOCK_RUN_ENDED or advance.opened else None
    ready = advance.made_ready + (1 if changed.status is BlockRunStatus.READY else 0)
    return Finished(run.id, changed, attempt, ready, ended)


def _spec(plan: PipelinePlan, block_run: BlockRun) -> BlockSpec | None:
    return None if block_run.kind is BlockRunKind.PIPELINE else plan.block(block_run.block)


def _end_attempt(
    tx: RunTransaction,
    claimed: Attempt,
    outcome: AttemptOutcome,
    verdict: Verdict,
    owner: Owner | None,
    now: datetime,
) -> Attempt | None:
    end = AttemptEnd(
        status=verdict.attempt,
        ended_at=now,
        exit_reason=outcome.reason,
        exit_code=outcome.exit_code,
        pid=outcome.pid,
        external_id=outcome.external_id,
        peak_memory_bytes=outcome.peak_memory_bytes,
        cpu_seconds=outcome.cpu_seconds,
        error=verdict.error,
    )
    if owner is None:
        return tx.end_lost_attempt(claimed.id, end)
    return tx.end_attempt(claimed.id, owner.member_id, owner.term, end)


def _change(verdict: Verdict, outcome: AttemptOutcome, block: BlockSpec | None, now: datetime) -> BlockRunChange:
    result = outcome.result or {}
    succeeded = verdict.block_run is BlockRunStatus.SUCCEEDED
    return BlockRunChange(
        status=verdict.block_run,
        due_at=verdict.due_at,
        ended_at=now if verdict.block_run in BLOCK_RUN_ENDED else None,
        outputs=result.get("outputs") if succeeded else None,
        fan_out=result.get("fan_out") if succeeded and block is not None and block.dynamic else None,
        error=verdict.error,
        tests=result.get("tests"),
        add_failures=verdict.add_failures,
        add_losses=verdict.add_losses,
        clear=frozenset({"error"}) if succeeded else frozenset(),
    )
