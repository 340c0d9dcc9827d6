"""A manual retry: a new epoch of an ended run.

The chosen blocks, and all that depend on them, go back to the beginning; attempt numbers go on; callbacks are recorded
afresh; the bundle is the newest code (`current`) or the one the run had (`pinned`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.domain.errors import (
    BlockNotFound,
    InvalidInput,
    NotFound,
    PipelineInvalid,
    RunNotFinished,
    RunNotFound,
)
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import (
    RUN_ENDED,
    UNMAPPED,
    BlockRun,
    BlockRunKind,
    BlockRunStatus,
    Run,
)
from penstock_runtime.ports.run_store import RunTransaction
from penstock_runtime.runs.advance import Advance
from penstock_runtime.runs.create import Group, RunLimitReached, first_status, limit_reached, pipeline_unit, rules_of
from penstock_runtime.runs.services import RunServices


@dataclass(frozen=True, slots=True)
class RetryRun:
    """What to do again: `scope` is `failed` (every block that did not succeed) or `from_block`; `code` as above."""

    run_id: str
    scope: str = "failed"
    block: str | None = None
    code: str = "current"


def retry_run(services: RunServices, request: RetryRun) -> Run:
    """Open a new epoch.

    RunNotFound, RunNotFinished, RunLimitReached, BlockNotFound, PipelineInvalid, InvalidInput (nothing to do).
    """
    _check(request)
    with services.store.transaction() as tx:
        again = retry_run_in(tx, services, request)
    services.tell_run_changed(request.run_id, work=True)
    return again


def retry_run_in(tx: RunTransaction, services: RunServices, request: RetryRun) -> Run:
    """Do the same inside a transaction of the caller's, who sends the wake-ups after it.

    What stands against it is found before anything is written.
    """
    run = tx.lock_run(request.run_id)
    if run is None:
        raise RunNotFound(f"no run {request.run_id!r}")
    if run.status not in RUN_ENDED:
        raise RunNotFinished(f"run {run.id} is {run.status.value}; cancel it or wait for its end")
    plan = _plan(tx, services, run, request.code)
    _open_epoch(tx, plan, run, request, services.clock.now())
    return tx.run(run.id) or run


def _check(request: RetryRun) -> None:
    if request.scope not in ("failed", "from_block"):
        raise InvalidInput("scope must be `failed` or `from_block`", "scope")
    if request.code not in ("current", "pinned"):
        raise InvalidInput("code must be `current` or `pinned`", "code")
    if request.scope == "from_block" and not request.block:
        raise InvalidInput("scope `from_block` needs a block", "block")


def _plan(tx: RunTransaction, services: RunServices, run: Run, code: str) -> PipelinePlan:
    bundle = run.bundle
    if code == "current":
        newest = tx.newest_code_version()
        if newest is None:
            raise NotFound("no code has been published")
        bundle = newest.digest
    plan = services.plans.plan(bundle, run.pipeline)
    if plan.problems:
        listed = "\n".join(plan.problems)
        raise PipelineInvalid(f"pipeline {plan.slug!r} cannot run:\n{listed}", tuple(plan.problems))
    return plan


def _open_epoch(tx: RunTransaction, plan: PipelinePlan, run: Run, request: RetryRun, now: datetime) -> None:
    rows = {row.block: row for row in tx.block_runs(run.id) if row.kind is BlockRunKind.BLOCK}
    again = chosen(plan, rows, request)
    if not again:
        raise InvalidInput("nothing to retry: every block of this run succeeded; use scope `from_block`", "scope")
    unit = 1 if plan.in_one_process else 0
    rules = rules_of(tx, run)
    full = limit_reached(tx, plan, Group(run.trigger_id, rules))
    if full is not None:
        raise RunLimitReached(f"{full.text}; retry when one has ended")
    epoch = tx.open_epoch(run.id, plan.bundle, len(again) + unit, now, block_run_limit=plan.block_run_limit)
    # The new epoch has all of its time again; who asks for it by hand is not held to the service level of the first.
    tx.set_deadline(run.id, rules.deadline(now), rules.timeout_status.value if rules.timeout_seconds else None)
    tx.retire_instances(run.id, [slug for slug in again if slug in rows])
    _drop_removed_blocks(tx, plan, rows, epoch, now)
    added = []
    for block in plan.blocks:
        if block.slug not in again:
            continue
        waiting = sum(1 for slug in block.upstream if slug in again) + unit
        # A mapped block is never ready itself: it fans out, below or when its upstream succeeds.
        status = first_status(waiting, admitted=block.slug not in plan.mapped_by)
        row = rows.get(block.slug)
        if row is None:
            added.append(_fresh(run.id, block.slug, epoch, status, waiting, now))
        else:
            tx.reset_block_run(row.id, epoch, status, waiting, now)
    tx.insert_block_runs(added)
    if plan.in_one_process:
        _reset_unit(tx, run, epoch, now)
    _fan_out_again(tx, plan, run, again, now)


def chosen(plan: PipelinePlan, rows: Mapping[str, BlockRun], request: RetryRun) -> frozenset[str]:
    """Return the slugs that go back to the beginning; pure. Blocks that the run never had are always among them."""
    if request.scope == "from_block":
        if request.block not in plan.by_slug:
            raise BlockNotFound(f"pipeline {plan.slug!r} has no block {request.block!r}")
        first: Iterable[str] = [str(request.block)]
        first = [*first, *(slug for slug in plan.by_slug if slug not in rows)]
    else:
        ended_well = (BlockRunStatus.SUCCEEDED,)
        first = [slug for slug in plan.by_slug if slug not in rows or rows[slug].status not in ended_well]
        first = [slug for slug in first if not _still_skipped(rows, slug)]
    again = set(first)
    for slug in first:
        again |= plan.descendants[slug]
    # A block whose upstream has no result cannot run, whatever was asked: take the upstream along.
    for block in reversed(plan.blocks):
        if block.slug in again:
            again |= {up for up in block.upstream if up not in rows or rows[up].status is not BlockRunStatus.SUCCEEDED}
    return frozenset(again)


def _still_skipped(rows: Mapping[str, BlockRun], slug: str) -> bool:
    # A conditional's false is a decision, not a failure: it stands unless something above it is done again.
    return slug in rows and rows[slug].status is BlockRunStatus.SKIPPED


def _fresh(run_id: str, slug: str, epoch: int, status: BlockRunStatus, waiting_on: int, now: datetime) -> BlockRun:
    return BlockRun(
        id=new_id(),
        run_id=run_id,
        block=slug,
        map_index=UNMAPPED,
        kind=BlockRunKind.BLOCK,
        status=status,
        epoch=epoch,
        waiting_on=waiting_on,
        due_at=now,
    )


def _drop_removed_blocks(
    tx: RunTransaction, plan: PipelinePlan, rows: Mapping[str, BlockRun], epoch: int, now: datetime
) -> None:
    """Pass over blocks that the code no longer has: how they ended says nothing about this epoch."""
    for slug, row in rows.items():
        if slug not in plan.by_slug and row.status is not BlockRunStatus.SUCCEEDED:
            tx.reset_block_run(row.id, epoch, BlockRunStatus.SKIPPED, 0, now)


def _reset_unit(tx: RunTransaction, run: Run, epoch: int, now: datetime) -> None:
    status = BlockRunStatus.READY
    units = [row for row in tx.block_runs(run.id) if row.kind is BlockRunKind.PIPELINE]
    for row in units:
        tx.reset_block_run(row.id, epoch, status, 0, now)
    if not units:
        # The run's earlier epochs ran block by block: the pipeline was told to run in one process since.
        tx.insert_block_runs([pipeline_unit(run.id, epoch, status, now)])


def _fan_out_again(tx: RunTransaction, plan: PipelinePlan, run: Run, again: frozenset[str], now: datetime) -> None:
    """Fan out mapped blocks whose upstream all have results already: nothing above them will do it."""
    free = [slug for slug in again if slug in plan.mapped_by and not set(plan.by_slug[slug].upstream) & again]
    if not free or plan.in_one_process:
        return
    locked = tx.lock_run(run.id)
    if locked is None:
        return
    advance = Advance(tx, plan, locked, now)
    for slug in free:
        advance.fan_out(slug)
    advance.settle()
