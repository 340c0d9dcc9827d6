"""Ending an attempt, and advancing its run, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from penstock_runtime.domain.backfills import BACKFILL
from penstock_runtime.domain.blocks import BlockSpec, PipelinePlan
from penstock_runtime.domain.runs import (
    BLOCK_RUN_ENDED,
    Attempt,
    BlockRun,
    BlockRunKind,
    BlockRunStatus,
    ExitReason,
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
    """What ending an attempt led to. `run_status` is set when the run ended with it; `told`: messages to people.

    `backfill` is the id of the backfill that has room for another run by this end.
    """

    run_id: str
    block_run: BlockRun
    attempt: Attempt
    made_ready: int
    run_status: RunStatus | None
    told: int = 0
    backfill: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """Who ends an attempt and when. `owner` None is a rescue: the attempt of a member that has ended.

    `block_run` is the record as it was claimed, for those who still have it.
    """

    owner: Owner | None
    now: datetime
    block_run: BlockRun | None = None


def finish_attempt(
    tx: RunTransaction,
    plans: PlanSource,
    claimed: Attempt,
    outcome: AttemptOutcome,
    ending: Ending,
) -> Finished | None:
    """End the attempt and advance its run; None, changing nothing, when it is no longer the owner's to end.

    Idempotent: a repeat returns None.
    """
    now = ending.now
    run = tx.lock_run(claimed.run_id)
    # What a running block run counts does not change before its attempt ends, so the claim's copy is as good as a read.
    block_run = ending.block_run or tx.block_run_by_id(claimed.block_run_id)
    if run is None or block_run is None:
        return None
    if run.timed_out_at is not None and outcome.reason is ExitReason.CANCELLED:
        outcome = replace(outcome, reason=ExitReason.TIMEOUT, message="the run's time was over")
    plan = plans.plan(run.bundle, run.pipeline)
    block = _spec(plan, block_run)
    verdict = judge(block, block_run, outcome, now, cancelling=run.cancel_requested_at is not None)
    attempt = _end_attempt(tx, claimed, outcome, verdict, ending)
    if attempt is None or attempt.epoch != run.epoch:
        # The fence: a newer attempt exists, or the epoch is over; this one's word no longer counts (I2).
        return None
    advance = Advance(tx, plan, run, now)
    changed = tx.change_block_run(block_run.id, (BlockRunStatus.RUNNING,), _change(verdict, outcome, block, now))
    if changed is None:
        return None
    if changed.kind is BlockRunKind.PIPELINE:
        unit_ended(tx, plan, run, changed, advance, now)
    if changed.status in BLOCK_RUN_ENDED:
        advance.ended(changed)
    ended = advance.settle() if changed.status in BLOCK_RUN_ENDED or advance.opened else None
    ready = advance.made_ready + (1 if changed.status is BlockRunStatus.READY else 0)
    backfill = run.trigger_id if ended is not None and run.trigger_kind == BACKFILL else None
    return Finished(run.id, changed, attempt, ready, ended, advance.told, backfill)


def _spec(plan: PipelinePlan, block_run: BlockRun) -> BlockSpec | None:
    return None if block_run.kind is BlockRunKind.PIPELINE else plan.block(block_run.block)


def _end_attempt(
    tx: RunTransaction,
    claimed: Attempt,
    outcome: AttemptOutcome,
    verdict: Verdict,
    ending: Ending,
) -> Attempt | None:
    end = AttemptEnd(
        status=verdict.attempt,
        ended_at=ending.now,
        exit_reason=outcome.reason,
        exit_code=outcome.exit_code,
        pid=outcome.pid,
        external_id=outcome.external_id,
        peak_memory_bytes=outcome.peak_memory_bytes,
        cpu_seconds=outcome.cpu_seconds,
        error=verdict.error,
    )
    if ending.owner is None:
        return tx.end_lost_attempt(claimed.id, end)
    return tx.end_attempt(claimed.id, ending.owner.member_id, ending.owner.term, end)


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
