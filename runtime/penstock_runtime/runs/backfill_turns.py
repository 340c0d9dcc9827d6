"""What is due of the backfills that are open: to make runs, to retry, to cancel, to end.

A turn is one transaction that holds the backfill's row: several schedulers share the backfills, and one that dies in a
turn leaves nothing of it. What is made and how far it has come are written together, so no logical time is made twice,
and no more runs are unfinished than the backfill allows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from penstock_runtime.domain.backfills import BACKFILL, BackfillStatus, TimeRange, make_range
from penstock_runtime.domain.errors import (
    InvalidInput,
    PenstockError,
    PipelineInvalid,
    RunFinished,
    RunNotFinished,
    RunNotFound,
    StoreContention,
    StoreUnavailable,
)
from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.ports.backfills import Backfill
from penstock_runtime.ports.run_store import RunTransaction, Trigger
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.cancel import cancel_run
from penstock_runtime.runs.create import CreateRun, RunLimitReached, create_run_in
from penstock_runtime.runs.retry import RetryRun, retry_run_in
from penstock_runtime.runs.services import RunServices

log = logging.getLogger("penstock.backfills")

BATCH = 20
"""Runs made in one transaction: few, so that the first start while the others are made."""

MOST = 100
"""Backfills that one pass looks after."""

CANCELS = 500
"""Runs that are cancelled before another look."""

# A backfill waits for room, whatever the pipeline says of further runs: it is not to leave times out.
_RULES = {"on_pipeline_run_limit_reached": "wait"}


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a turn did: the runs it set going, and whether another may find more to do."""

    begun: Sequence[str] = ()
    more: bool = False
    changed: bool = False


_NOTHING = _Turn()


def advance_backfills(services: RunServices) -> int:
    """Do what is due of every open backfill; how many runs were set going."""
    with services.store.transaction(read_only=True) as tx:
        found = tx.backfills_with_work(MOST)
    return sum(advance_backfill(services, backfill_id) for backfill_id in found)


def advance_backfill(services: RunServices, backfill_id: str) -> int:
    """Do what is due of one; how many runs were set going. Whatever breaks on it pauses it, and no other."""
    begun, turn = 0, _Turn(more=True)
    try:
        _cancel(services, backfill_id)
        while turn.more:
            turn = _take_turn(services, backfill_id)
            for run_id in turn.begun:
                services.tell_run_changed(run_id, work=True)
            begun += len(turn.begun)
    except (StoreUnavailable, StoreContention):
        raise
    except Exception as error:
        # A broken pipeline, or a fault of ours: it must not stop the other backfills (I8).
        log.warning("backfill %s is paused: %s", backfill_id, error, exc_info=not isinstance(error, PenstockError))
        _pause(services, backfill_id, error)
        return begun
    if begun or turn.changed:
        services.wakeups.publish(Wakeup("backfill", backfill_id))
    return begun


def _pause(services: RunServices, backfill_id: str, error: Exception) -> None:
    reason = str(error) if isinstance(error, PenstockError) else f"{type(error).__name__}: {error}"
    with services.store.transaction() as tx:
        backfill = tx.lock_backfill(backfill_id)
        if backfill is None or backfill.status is not BackfillStatus.RUNNING:
            return
        tx.put_backfill(replace(backfill, status=BackfillStatus.PAUSED, reason=reason))
    services.wakeups.publish(Wakeup("backfill", backfill_id))


def _cancel(services: RunServices, backfill_id: str) -> None:
    """Ask for the end of every run of a backfill that was cancelled: nobody makes another one then."""
    with services.store.transaction(read_only=True) as tx:
        backfill = tx.backfill(backfill_id)
        if backfill is None or backfill.status is not BackfillStatus.CANCELLED:
            return
        found = tx.runs_to_cancel(backfill_id, CANCELS)
    for run_id in found:
        try:
            cancel_run(services, run_id)
        except (RunFinished, RunNotFound):
            continue


def _take_turn(services: RunServices, backfill_id: str) -> _Turn:
    with services.store.transaction() as tx:
        # Locked: another scheduler has its turn just now, and goes on until there is no more to do.
        backfill = tx.lock_backfill(backfill_id, skip_locked=True)
        if backfill is None or backfill.ended_at is not None or backfill.status is BackfillStatus.PAUSED:
            return _NOTHING
        counts = tx.backfill_counts([backfill_id]).get(backfill_id, {})
        unfinished = counts.get(RunStatus.QUEUED, 0) + counts.get(RunStatus.RUNNING, 0)
        room = backfill.concurrency - unfinished
        if backfill.status is not BackfillStatus.CANCELLED:
            if backfill.retry_asked_at is not None:
                return _retry(tx, services, backfill) if room > 0 else _NOTHING
            if backfill.made < backfill.total:
                return _make(tx, services, backfill, room) if room > 0 else _NOTHING
        if unfinished:
            return _NOTHING
        tx.put_backfill(_ended(backfill, services, all_well=counts.keys() <= {RunStatus.SUCCEEDED}))
    return _Turn(changed=True)


def _ended(backfill: Backfill, services: RunServices, *, all_well: bool) -> Backfill:
    status = backfill.status
    if status is not BackfillStatus.CANCELLED:
        status = BackfillStatus.SUCCEEDED if all_well else BackfillStatus.FAILED
    return replace(backfill, status=status, ended_at=services.clock.now())


def _make(tx: RunTransaction, services: RunServices, backfill: Backfill, room: int) -> _Turn:
    """Make the next runs that there is room for, and note how far it has come."""
    span = _span(backfill)
    reached, made, begun = backfill.reached_at, backfill.made, []
    for _ in range(min(room, BATCH, backfill.total - backfill.made)):
        tick = span.following(reached)
        if tick is None:
            # The timezone's rules have changed since it was counted.
            backfill = replace(backfill, total=made)
            break
        run, created = create_run_in(tx, services, _request(backfill, tick))
        begun += [run.id] if created else []
        reached, made = tick, made + 1
    tx.put_backfill(replace(backfill, reached_at=reached, made=made))
    return _Turn(begun, more=True)


def _span(backfill: Backfill) -> TimeRange:
    return make_range(backfill.schedule, backfill.start_at, backfill.end_at, newest_first=backfill.newest_first)


def _request(backfill: Backfill, tick: datetime) -> CreateRun:
    # What stands where a trigger does: the key of its runs (I1), their name, variables and rules.
    source = Trigger(
        backfill.id,
        backfill.pipeline,
        backfill.name,
        BACKFILL,
        active=True,
        settings=_RULES,
        variables=backfill.variables,
    )
    return CreateRun(backfill.pipeline, logical_at=tick, trigger=source, created_by=backfill.created_by)


def _retry(tx: RunTransaction, services: RunServices, backfill: Backfill) -> _Turn:
    """Run the next failed run again. One in a transaction: whoever retries by hand locks a run, and then the limit."""
    asked = backfill.retry_asked_at or backfill.created_at
    failed = tx.next_failed_run(backfill.id, asked, backfill.retry_reached_at, newest_first=backfill.newest_first)
    if failed is None:
        tx.put_backfill(replace(backfill, retry_asked_at=None, retry_reached_at=None))
        return _Turn(more=True)
    begun = []
    try:
        begun = [retry_run_in(tx, services, RetryRun(failed.run_id)).id]
    except RunLimitReached:
        # The pipeline is full with other runs; the slow poll looks again.
        return _NOTHING
    except PipelineInvalid:
        raise
    except (InvalidInput, RunNotFinished, RunNotFound) as error:
        # Nothing of it has failed any more, or somebody runs it again already.
        log.info("backfill %s passes over run %s: %s", backfill.id, failed.run_id, error)
    tx.put_backfill(replace(backfill, retry_reached_at=failed.logical_at))
    return _Turn(begun, more=True)
