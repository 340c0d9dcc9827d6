"""Taking ready work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from penstock_runtime.domain.blocks import ExecutorType, PipelinePlan
from penstock_runtime.domain.errors import StoreContention, StoreUnavailable
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


@dataclass(frozen=True, slots=True)
class BrokenClaim:
    """A block run that was claimed and whose run has no readable plan or inputs: its run is to be abandoned."""

    run_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Want:
    """Who claims, how many at the most, and when."""

    owner: Owner
    free: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Claims:
    """What was claimed; `broken` are runs to abandon once the transaction has committed."""

    claimed: list[Claimed] = field(default_factory=list)
    broken: list[BrokenClaim] = field(default_factory=list)


def claim(tx: RunTransaction, plans: PlanSource, want: Want, claims: Claims) -> None:
    """Claim ready block runs of runs without a block limit, longest ready first."""
    left = want.free - len(claims.claimed)
    if left > 0:
        who, ids = want.owner, [new_id() for _ in range(left)]
        rows = tx.claim_ready(who.member_id, who.term, left, want.now, host=who.host, attempt_ids=ids, executor=LOCAL)
        _complete(tx, plans, rows, claims)


def claim_limited(tx: RunTransaction, plans: PlanSource, want: Want, claims: Claims) -> None:
    """Claim ready block runs of runs with a block limit, each run locked while it is counted."""
    left = want.free - len(claims.claimed)
    for run_id in tx.limited_runs_with_ready(left) if left > 0 else ():
        claim_of_run(tx, plans, want, run_id, claims)


def claim_of_run(tx: RunTransaction, plans: PlanSource, want: Want, run_id: str, claims: Claims) -> None:
    """Claim ready block runs of one run, and of no other."""
    left = want.free - len(claims.claimed)
    run = tx.lock_run(run_id, skip_locked=True) if left > 0 else None
    if run is None:
        return
    who, ids = want.owner, [new_id() for _ in range(left)]
    rows = tx.claim_ready_of(
        run, who.member_id, who.term, left, want.now, host=who.host, attempt_ids=ids, executor=LOCAL
    )
    _complete(tx, plans, rows, claims)


def _complete(
    tx: RunTransaction, plans: PlanSource, rows: Sequence[tuple[Run, BlockRun, Attempt]], claims: Claims
) -> None:
    remote: dict[str, str] = {}
    for run, block_run, attempt in rows:
        try:
            plan = plans.plan(run.bundle, run.pipeline)
            one = Claimed(run, block_run, attempt, plan, read_inputs(tx, plan, run, block_run))
            kind = executor_of(one)
        except (StoreUnavailable, StoreContention):
            raise
        except Exception as error:  # noqa: BLE001 - see below
            # Its code is gone or unreadable: said to the caller, so that this run ends and the others are claimed (I8).
            claims.broken.append(BrokenClaim(run.id, f"{type(error).__name__}: {error}"))
            continue
        claims.claimed.append(one)
        if kind is not ExecutorType.LOCAL_PYTHON:
            remote[attempt.id] = kind.value
    if remote:
        tx.set_attempts_executor(remote)


def executor_of(claimed: Claimed) -> ExecutorType:
    """Return where the attempt goes; a pinned block is local."""
    kind = claimed.plan.executor
    if claimed.block_run.kind is not BlockRunKind.PIPELINE:
        kind = claimed.plan.block(claimed.block_run.block).executor
    return ExecutorType.LOCAL_PYTHON if kind is ExecutorType.LOCAL_PYTHON_FORCE else kind
