"""Making, changing and taking away triggers: in the pipeline's triggers.yaml, which is what decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from penstock_runtime.domain.errors import Conflict, InvalidInput, NotFound
from penstock_runtime.domain.event_matching import parse_event
from penstock_runtime.domain.schedules import parse_schedule
from penstock_runtime.domain.trigger_rules import parse_rules
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.server.routing import Calling
from penstock_runtime.server.triggers.views import etag_of_trigger

SCHEDULE_ONLY = (
    "schedule_interval",
    "interval_seconds",
    "timezone",
    "start_time",
    "end_time",
    "create_initial_pipeline_run",
    "jitter_seconds",
    "catch_up",
    "catch_up_per_minute",
    "grace_seconds",
)


class TriggerChanged(Conflict):
    """Somebody changed the trigger since it was read."""


def found_trigger(call: Calling, trigger_id: str) -> Trigger:
    """Return a trigger that is not deleted, or NotFound."""
    with call.services.runs.store.transaction(read_only=True) as tx:
        found = tx.trigger(trigger_id)
    if found is None or found.deleted_at is not None:
        raise NotFound(f"there is no trigger {trigger_id}")
    return found


def create(call: Calling, trigger: Trigger) -> Trigger:
    """Write a new trigger into its pipeline's triggers.yaml; Conflict when there is one of that name."""
    check(trigger, trigger.settings)

    def made(_present: Trigger | None) -> Trigger:
        return trigger

    call.services.sources.save_trigger(trigger.pipeline, None, made, call.who.name)
    _tell(call, "trigger.create", trigger)
    return _published(call, trigger, trigger.name)


def change(
    call: Calling, trigger: Trigger, change_of: Callable[[Trigger], Trigger], action: str, if_match: str | None = None
) -> Trigger:
    """Change a trigger as its file has it now, and return it as the store then has it.

    TriggerChanged when it is not what `if_match` says. One that only the store knew is in the file from now on.
    """

    def changed(present: Trigger | None) -> Trigger:
        if present is None and trigger.in_code:
            raise TriggerChanged(f"the trigger {trigger.name!r} is not in triggers.yaml any more")
        present = present or replace(trigger, in_code=True)
        if if_match is not None and if_match != etag_of_trigger(present):
            raise TriggerChanged(f"the trigger {trigger.name!r} was changed by someone else since you opened it")
        return change_of(present)

    saved = call.services.sources.save_trigger(trigger.pipeline, trigger.name, changed, call.who.name)
    _tell(call, action, saved)
    return _published(call, trigger, saved.name)


def remove(call: Calling, trigger: Trigger) -> None:
    """Take a trigger out of its file, which leaves a tombstone in the store."""
    services = call.services
    services.sources.delete_trigger(trigger.pipeline, trigger.name, call.who.name)
    if not trigger.in_code:
        with services.runs.store.transaction() as tx:
            tx.delete_trigger(trigger.id, services.runs.clock.now())
    _tell(call, "trigger.delete", trigger)


def check(trigger: Trigger, given: Mapping[str, Any]) -> None:
    """Refuse settings that the engine cannot follow, or that this kind of trigger has not; InvalidInput, by field.

    `given` is what the request itself said: what the file has had all along is not held against it.
    """
    settings = trigger.settings
    if trigger.kind != "schedule":
        stray = next((key for key in SCHEDULE_ONLY if given.get(key) is not None), None)
        if stray is not None:
            raise InvalidInput(f"only a schedule has `{stray}`", f"body.settings.{stray}")
    if trigger.kind != "event" and given.get("event") is not None:
        raise InvalidInput("only an event trigger has `event`", "body.settings.event")
    if trigger.kind == "event" and settings.get("event") is None:
        raise InvalidInput("an event trigger needs the `event` that starts it", "body.settings.event")
    if settings.get("interval_seconds") is not None and settings.get("schedule_interval"):
        raise InvalidInput("an interval and a cron expression: take one away", "body.settings.interval_seconds")
    try:
        if trigger.kind == "schedule":
            parse_schedule(settings)
        if trigger.kind == "event":
            parse_event(settings)
        parse_rules(settings)
    except InvalidInput as error:
        raise InvalidInput(str(error), f"body.settings.{error.field or ''}".rstrip(".")) from error


def _published(call: Calling, before: Trigger, name: str) -> Trigger:
    with call.services.runs.store.transaction(read_only=True) as tx:
        found = next((trigger for trigger in tx.triggers(before.pipeline) if trigger.name == name), None)
    if found is None:
        raise Conflict(f"the trigger {name!r} was saved, and is gone again: someone else changed its file")
    return found


def _tell(call: Calling, action: str, trigger: Trigger) -> None:
    call.services.accounts.record(call.who, action, f"{trigger.pipeline}/{trigger.name}")
    call.services.hub.announce(Wakeup("code"))
