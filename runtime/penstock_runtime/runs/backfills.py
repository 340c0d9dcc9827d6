"""Backfills, as people ask for them: preview, create, pause, resume, cancel, run the failed again.

What is asked is written down and done by `backfill_turns`: here at once, and by every scheduler's passes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from penstock_runtime.domain.backfills import (
    MAX_CONCURRENCY,
    MAX_TIMES,
    BackfillStatus,
    TimeRange,
    all_times,
    count_times,
    make_range,
)
from penstock_runtime.domain.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidInput,
    NotFound,
    StoreContention,
    StoreUnavailable,
)
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.ports.backfills import Backfill
from penstock_runtime.ports.run_store import RunTransaction
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.backfill_turns import advance_backfill
from penstock_runtime.runs.create import KEY_LIFE, CreateRun, check_json, plan_to_run
from penstock_runtime.runs.services import RunServices

SHOWN_TIMES = 10
"""Logical times that a preview lists."""

_SCOPE = "backfills"


class BackfillNotFound(NotFound):
    """No backfill of that id."""


@dataclass(frozen=True, slots=True)
class CreateBackfill:
    """What is asked for. `schedule` is a trigger's: schedule_interval or interval_seconds, and timezone.

    Both bounds are inclusive. `variables` override the pipeline's in every run.
    """

    pipeline: str
    schedule: Mapping[str, Any]
    start_at: datetime
    end_at: datetime
    newest_first: bool = False
    concurrency: int = 1
    variables: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    idempotency_key: str | None = None
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a backfill would do. `first_at` is run first, `last_at` last; `next_times` are the first few, in order.

    `succeeded` is how many of its logical times a schedule of the pipeline has run well already; None when there are
    too many runs to say.
    """

    total: int
    first_at: datetime
    last_at: datetime
    next_times: Sequence[datetime]
    succeeded: int | None


def range_of(backfill: Backfill) -> TimeRange:
    """Return the logical times of a backfill."""
    return make_range(backfill.schedule, backfill.start_at, backfill.end_at, newest_first=backfill.newest_first)


def preview_backfill(services: RunServices, request: CreateBackfill) -> Preview:
    """Return what it would do, changing nothing. As `create_backfill` raises."""
    span = _checked(services, request)
    times = all_times(span)
    most = 2 * MAX_TIMES
    with services.store.transaction(read_only=True) as tx:
        _check_pipeline(tx, services, request)
        done = tx.succeeded_ticks(request.pipeline, min(times), max(times), most)
    succeeded = len(set(done) & set(times)) if len(done) < most else None
    return Preview(len(times), times[0], times[-1], times[:SHOWN_TIMES], succeeded)


def create_backfill(services: RunServices, request: CreateBackfill) -> tuple[Backfill, bool]:
    """Create a backfill and its first runs, or return the one this request already made; the flag says which.

    PipelineNotFound, PipelineInvalid (every problem in `problems`), InvalidInput (names the field),
    IdempotencyConflict (the key stands for another body).
    """
    span = _checked(services, request)
    check_json(request.variables)
    now = services.clock.now()
    backfill = Backfill(
        id=new_id(),
        name=request.name or _name(request),
        pipeline=request.pipeline,
        status=BackfillStatus.RUNNING,
        schedule=dict(request.schedule),
        start_at=request.start_at,
        end_at=request.end_at,
        newest_first=request.newest_first,
        concurrency=request.concurrency,
        total=count_times(span),
        created_at=now,
        variables=dict(request.variables),
        created_by=request.created_by,
    )
    with services.store.transaction() as tx:
        _check_pipeline(tx, services, request)
        if request.idempotency_key is not None:
            known = _claim_key(tx, request, backfill, request.idempotency_key)
            if known is not None:
                return known, False
        tx.insert_backfill(backfill)
    _advance(services, backfill.id)
    return found_backfill(services, backfill.id), True


def _checked(services: RunServices, request: CreateBackfill) -> TimeRange:
    if not 1 <= request.concurrency <= MAX_CONCURRENCY:
        raise InvalidInput(f"write how many runs may go at once, from 1 to {MAX_CONCURRENCY}", "concurrency")
    span = make_range(request.schedule, request.start_at, request.end_at, newest_first=request.newest_first)
    count_times(span)
    latest = all_times(replace(span, newest_first=True))[0]
    if latest > services.clock.now():
        raise InvalidInput("a backfill makes runs of times that have passed; end it now or earlier", "end_at")
    return span


def _check_pipeline(tx: RunTransaction, services: RunServices, request: CreateBackfill) -> None:
    plan_to_run(tx, services, CreateRun(request.pipeline))


def _name(request: CreateBackfill) -> str:
    first, last = request.start_at.date(), request.end_at.date()
    return f"backfill {first}" if first == last else f"backfill {first} to {last}"


def _claim_key(tx: RunTransaction, request: CreateBackfill, backfill: Backfill, key: str) -> Backfill | None:
    asked = replace(request, idempotency_key=None, created_by=None)
    text = json.dumps([getattr(asked, name) for name in asked.__slots__], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    now = backfill.created_at
    known = tx.claim_idempotency_key(_SCOPE, key, digest, backfill.id, now + KEY_LIFE, now=now)
    if known is None:
        return None
    known_id, known_digest = known
    if known_digest != digest:
        raise IdempotencyConflict(f"the idempotency key {key!r} was used with another body, for backfill {known_id}")
    found = tx.backfill(known_id)
    if found is None:
        raise IdempotencyConflict(f"backfill {known_id} of this idempotency key was deleted; use another key")
    return found


def found_backfill(services: RunServices, backfill_id: str) -> Backfill:
    """Return a backfill, or BackfillNotFound."""
    with services.store.transaction(read_only=True) as tx:
        found = tx.backfill(backfill_id)
    return _there(found, backfill_id)


def pause_backfill(services: RunServices, backfill_id: str) -> Backfill:
    """Make no more runs; what is going goes on. Idempotent; Conflict when it is over."""

    def pause(_tx: RunTransaction, backfill: Backfill) -> Backfill:
        if backfill.status is BackfillStatus.PAUSED:
            return backfill
        _only(backfill, BackfillStatus.RUNNING)
        return replace(backfill, status=BackfillStatus.PAUSED, reason=None)

    return _change(services, backfill_id, pause)


def resume_backfill(services: RunServices, backfill_id: str) -> Backfill:
    """Go on where it was paused. Idempotent; Conflict when it is over."""

    def resume(_tx: RunTransaction, backfill: Backfill) -> Backfill:
        if backfill.status is BackfillStatus.RUNNING:
            return backfill
        _only(backfill, BackfillStatus.PAUSED)
        return replace(backfill, status=BackfillStatus.RUNNING, reason=None)

    return _change(services, backfill_id, resume)


def cancel_backfill(services: RunServices, backfill_id: str) -> Backfill:
    """Make no more runs, and cancel those that are going or held. Idempotent; Conflict when it ended otherwise."""

    def cancel(_tx: RunTransaction, backfill: Backfill) -> Backfill:
        if backfill.status is BackfillStatus.CANCELLED:
            return backfill
        _only(backfill, BackfillStatus.RUNNING, BackfillStatus.PAUSED)
        return replace(backfill, status=BackfillStatus.CANCELLED, reason=None, retry_asked_at=None)

    return _change(services, backfill_id, cancel)


def retry_backfill(services: RunServices, backfill_id: str) -> Backfill:
    """Run its failed runs again, the failed blocks and what follows them, never more at once than it allows.

    Conflict when none has failed, or while it is paused, or when it was cancelled.
    """

    def retry(tx: RunTransaction, backfill: Backfill) -> Backfill:
        _only(backfill, BackfillStatus.RUNNING, BackfillStatus.FAILED)
        if not tx.backfill_counts([backfill.id]).get(backfill.id, {}).get(RunStatus.FAILED):
            raise Conflict(f"no run of backfill {backfill.name!r} has failed")
        now = services.clock.now()
        return replace(
            backfill, status=BackfillStatus.RUNNING, retry_asked_at=now, retry_reached_at=None, ended_at=None
        )  # fmt: skip

    return _change(services, backfill_id, retry)


def set_concurrency(services: RunServices, backfill_id: str, concurrency: int) -> Backfill:
    """Set how many of its runs may be unfinished at once; those that are going stay. Conflict when it is over."""
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        raise InvalidInput(f"write how many runs may go at once, from 1 to {MAX_CONCURRENCY}", "concurrency")

    def change(_tx: RunTransaction, backfill: Backfill) -> Backfill:
        _only(backfill, BackfillStatus.RUNNING, BackfillStatus.PAUSED)
        return replace(backfill, concurrency=concurrency)

    return _change(services, backfill_id, change)


def delete_backfill(services: RunServices, backfill_id: str) -> None:
    """Delete a backfill that is over. Its runs stay in the history. BackfillNotFound; Conflict while it goes on."""
    with services.store.transaction() as tx:
        backfill = _there(tx.lock_backfill(backfill_id), backfill_id)
        if not tx.delete_backfill(backfill_id):
            raise Conflict(f"backfill {backfill.name!r} is {backfill.status.value}, and not over; cancel it first")
    services.wakeups.publish(Wakeup("backfill", backfill_id))


def _there(backfill: Backfill | None, backfill_id: str) -> Backfill:
    if backfill is None:
        raise BackfillNotFound(f"there is no backfill {backfill_id}")
    return backfill


def _only(backfill: Backfill, *statuses: BackfillStatus) -> None:
    if backfill.status not in statuses:
        allowed = " or ".join(status.value for status in statuses)
        raise Conflict(f"backfill {backfill.name!r} is {backfill.status.value}; this is for one that is {allowed}")


def _change(
    services: RunServices, backfill_id: str, change: Callable[[RunTransaction, Backfill], Backfill]
) -> Backfill:
    with services.store.transaction() as tx:
        backfill = _there(tx.lock_backfill(backfill_id), backfill_id)
        changed = change(tx, backfill)
        if changed != backfill:
            tx.put_backfill(changed)
    _advance(services, backfill_id)
    return found_backfill(services, backfill_id)


def _advance(services: RunServices, backfill_id: str) -> None:
    """Do now what a scheduler's next pass would do, and tell those who look."""
    services.wakeups.publish(Wakeup("backfill", backfill_id))
    # What was asked is written down: where the database fails now, a scheduler does it.
    with suppress(StoreUnavailable, StoreContention):
        advance_backfill(services, backfill_id)
