"""Runs that a trigger makes without a schedule: by hand, by its token, by an event."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from penstock_runtime.domain.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidInput,
    NotFound,
    PenstockError,
    StoreContention,
    StoreUnavailable,
)
from penstock_runtime.domain.event_matching import parse_event
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import Run
from penstock_runtime.domain.trigger_rules import token_digest
from penstock_runtime.ports.lost_ticks import LostKind, LostTick
from penstock_runtime.ports.run_store import RunTransaction, Trigger
from penstock_runtime.runs.create import CreateRun, create_run_in
from penstock_runtime.runs.services import RunServices

log = logging.getLogger("penstock.triggers")

TOKEN_PREFIX = "pst_"  # noqa: S105 - what a token begins with, so that a leaked one is recognised
TOKEN_BYTES = 32
SHOWN_CHARACTERS = 500
"""What is kept of a reason why a tick was skipped."""


class UnknownToken(NotFound):
    """No trigger has that token. Says no more, on purpose."""


class TriggerPaused(Conflict):
    """The token is right and its trigger is paused: only a person may fire it."""


def fire_trigger(
    services: RunServices,
    trigger_id: str,
    *,
    variables: Mapping[str, Any],
    idempotency_key: str | None,
    created_by: str | None,
    event: Mapping[str, Any] | None = None,
) -> tuple[Run, bool]:
    """Make a run of a trigger of any kind now, without a logical time; the flag says whether it is a new one.

    A paused trigger may be fired. Raises NotFound for a deleted one, and what `create_run` raises.
    """
    _check_payload(event)
    with services.store.transaction() as tx:
        trigger = _living(tx.trigger(trigger_id), trigger_id)
        request = CreateRun(
            trigger.pipeline,
            variables=variables,
            idempotency_key=idempotency_key,
            trigger=trigger,
            event=event,
            created_by=created_by,
        )
        run, created = create_run_in(tx, services, request)
    if created:
        services.tell_run_changed(run.id, work=True)
    return run, created


def trigger_of_token(services: RunServices, token: str) -> Trigger:
    """Return the trigger that a token starts runs of. UnknownToken; TriggerPaused.

    Every token costs the same: one digest and one look-up by it, so an answer's time says nothing about tokens.
    """
    with services.store.transaction(read_only=True) as tx:
        trigger = tx.trigger_of_token(token_digest(token))
    if trigger is None:
        raise UnknownToken("there is no trigger with this token")
    if not trigger.active:
        raise TriggerPaused(f"the trigger {trigger.name!r} is paused")
    return trigger


def set_new_token(services: RunServices, trigger_id: str) -> str:
    """Give a trigger a new token and return it: it is shown this once, and the one before starts nothing any more."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    with services.store.transaction() as tx:
        if not tx.set_trigger_token(trigger_id, token_digest(token), services.clock.now()):
            raise NotFound(f"there is no trigger {trigger_id}")
    return token


def remove_token(services: RunServices, trigger_id: str) -> None:
    """Take a trigger's token away: nobody can start it from outside. NotFound."""
    with services.store.transaction() as tx:
        if not tx.set_trigger_token(trigger_id, None, services.clock.now()):
            raise NotFound(f"there is no trigger {trigger_id}")


def receive_event(services: RunServices, name: str, payload: Mapping[str, Any], dedupe_key: str | None) -> list[Run]:
    """Make a run of every active trigger that waits for this event, and return those runs, repeats too.

    Blocks get the payload as `kwargs['event']`. The same key is the same event, for each trigger and for as long as
    keys are kept; with another payload it is an IdempotencyConflict, and nothing of the event is kept. A trigger that
    cannot make its run stops no other: the event is recorded as skipped there. InvalidInput for a payload that is no
    JSON object.
    """
    _check_payload(payload)
    made: list[tuple[Run, bool]] = []
    with services.store.transaction() as tx:
        for trigger in tx.triggers_of_event(name):
            one = _run_of_event(tx, services, trigger, payload, dedupe_key)
            made.extend([] if one is None else [one])
    for run, created in made:
        if created:
            services.tell_run_changed(run.id, work=True)
    return [run for run, _ in made]


def _run_of_event(
    tx: RunTransaction, services: RunServices, trigger: Trigger, payload: Mapping[str, Any], dedupe_key: str | None
) -> tuple[Run, bool] | None:
    try:
        matcher = parse_event(trigger.settings)
        if matcher is None or not matcher.accepts(trigger.event_name or "", payload):
            return None
        request = CreateRun(trigger.pipeline, idempotency_key=dedupe_key, trigger=trigger, event=payload)
        return create_run_in(tx, services, request)
    except (StoreUnavailable, StoreContention, IdempotencyConflict):
        raise
    except PenstockError as error:
        # A broken pipeline or a full one misses its event, and the others get theirs (I8).
        log.warning("trigger %s of %s: an event made no run: %s", trigger.name, trigger.pipeline, error)
        record_skipped(tx, trigger, services.clock.now(), str(error), services.clock.now())
        return None


def record_skipped(tx: RunTransaction, trigger: Trigger, tick: datetime, reason: str, now: datetime) -> None:
    """Record a tick (or an event) for which no run was made."""
    tx.record_lost_ticks(
        LostTick(new_id(), trigger.id, LostKind.SKIPPED, tick, tick, 1, reason[:SHOWN_CHARACTERS], now)
    )


def _living(trigger: Trigger | None, trigger_id: str) -> Trigger:
    if trigger is None or trigger.deleted_at is not None:
        raise NotFound(f"there is no trigger {trigger_id}")
    return trigger


def _check_payload(payload: Any) -> None:
    if payload is None:
        return
    try:
        json.dumps(payload, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"the payload must be JSON: {error}", "payload") from error
    if not isinstance(payload, Mapping):
        raise InvalidInput("the payload must be a JSON object", "payload")
