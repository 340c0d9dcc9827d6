"""Taking ready work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock_runtime.domain.blocks import ExecutorType, PipelinePlan
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import Attempt, BlockRun, BlockRunKind, Run
from penstock_runtime.ports.plans import PlanSource
from penstock_runtime.ports.run_store import RunTransaction
from penstock_runtime.runs.inputs import read_inputs
from penstock_runtime.runs.services import Owner

LOCAL = ExecutorType.LOCAL_PYTHON.value
"""Where an attempt goes unless its block says otherwise; the others are written after the claim."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A block run that is now this owner's to run, with all that is needed to run it."""

    run: Run
    block_run: BlockRun
    attempt: Attempt
    plan: PipelinePlan
    inputs: Mapping[str, Any]


def claim(tx: RunTransaction, plans: PlanSource, owner: Owner, free: int, now: datetime) -> Sequence[Claimed]:
    """Claim up to `free` ready block runs of runs without a block limit, longest ready first."""
    if free <= 0:
        return ()
    ids = [new_id() for _ in range(free)]
    rows = tx.claim_ready(owner.member_id, owner.term, free, now, host=owner.host, attempt_ids=ids, executor=LOCAL)
    return _complete(tx, plans, rows)


def claim_limited(tx: RunTransaction, plans: PlanSource, owner: Owner, free: int, now: datetime) -> Sequence[Claimed]:
    """Claim up to `free` ready block runs of runs with a block limit, each run locked while it is counted."""
    claimed: list[Claimed] = []
    if free <= 0:
        return claimed
    for run_id in tx.limited_runs_with_ready(free):
        left = free - len(claimed)
        run = tx.lock_run(run_id, skip_locked=True) if left > 0 else None
        if run is None:
            continue
        ids = [new_id() for _ in range(left)]
        rows = tx.claim_ready_of(
            run, owner.member_id, owner.term, left, now, host=owner.host, attempt_ids=ids, executor=LOCAL
        )
        claimed.extend(_complete(tx, plans, rows))
    return claimed


def claim_of_run(
    tx: RunTransaction, plans: PlanSource, owner: Owner, free: int, now: datetime, run_id: str
) -> Sequence[Claimed]:
    """Claim up to `free` ready block runs of one run, and of no other."""
    run = tx.lock_run(run_id, skip_locked=True) if free > 0 else None
    if run is None:
        return ()
    ids = [new_id() for _ in range(free)]
    rows = tx.claim_ready_of(
        run, owner.member_id, owner.term, free, now, host=owner.host, attempt_ids=ids, executor=LOCAL
    )
    return _complete(tx, plans, rows)


def _complete(
    tx: RunTransaction, plans: PlanSource, rows: Sequence[tuple[Run, BlockRun, Attempt]]
) -> Sequence[Claimed]:
    claimed = []
    for run, block_run, attempt in rows:
        plan = plans.plan(run.bundle, run.pipeline)
        claimed.append(Claimed(run, block_run, attempt, plan, read_inputs(tx, plan, run, block_run)))
    remote = {
        one.attempt.id: executor_of(one).value for one in claimed if executor_of(one) is not ExecutorType.LOCAL_PYTHON
    }
    if remote:
        tx.set_attempts_executor(remote)
    return claimed


def executor_of(claimed: Claimed) -> ExecutorType:
    """Return where the attempt goes; a pinned block is local."""
    kind = claimed.plan.executor
    if claimed.block_run.kind is not BlockRunKind.PIPELINE:
        kind = claimed.plan.block(claimed.block_run.block).executor
    return ExecutorType.LOCAL_PYTHON if kind is ExecutorType.LOCAL_PYTHON_FORCE else kind
