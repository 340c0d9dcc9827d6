"""Triggers: list, read, make, change, pause, look ahead."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Header, Query, Response

from penstock_runtime.domain.errors import InvalidInput, PipelineNotFound
from penstock_runtime.domain.schedules import parse_schedule
from penstock_runtime.ports.run_store import RunFilter, RunTransaction
from penstock_runtime.ports.run_store import Trigger as TriggerRecord
from penstock_runtime.runs.trigger_runs import set_new_token
from penstock_runtime.server.json_response import answer, no_content, page
from penstock_runtime.server.parameters import ItemId
from penstock_runtime.server.routing import EDITOR, VIEWER, Answer, Call, Calling, Routes
from penstock_runtime.server.triggers.changes import change, check, create, found_trigger, remove
from penstock_runtime.server.triggers.schemas import (
    MadeTrigger,
    SchedulePreview,
    Ticks,
    Trigger,
    TriggerChange,
    TriggerConditions,
    TriggerList,
    TriggerReplacement,
    TriggerRequest,
)
from penstock_runtime.server.triggers.views import ticks_view, trigger_view

routes = Routes("triggers")

NEXT_TICKS = 10
NEWEST_GAPS = 20
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=200, description="The etag the change began from.")]


@routes.get("/triggers", Answer(TriggerList), access=VIEWER)
def list_triggers(call: Call, conditions: Annotated[TriggerConditions, Query()]) -> Response:
    """Return triggers, by pipeline and name, each with its newest run."""
    with call.services.runs.store.transaction(read_only=True) as tx:
        found = tx.triggers(conditions.pipeline)
        start = 0
        if conditions.cursor is not None:
            start = bisect_right(found, _key_of(tx, conditions.cursor), key=_key)
        shown = found[start : start + conditions.limit]
        items = [_view(tx, trigger) for trigger in shown]
    return page(items, shown[-1].id if start + conditions.limit < len(found) else None)


@routes.post("/triggers", Answer(MadeTrigger, 201, (404, 409)), access=EDITOR)
def create_trigger(call: Call, body: TriggerRequest) -> Response:
    """Write a new trigger into the pipeline's triggers.yaml. An API trigger gets a token, shown this once."""
    runs = call.services.runs
    with runs.store.transaction(read_only=True) as tx:
        newest = tx.newest_code_version()
    if newest is None or body.pipeline not in runs.plans.pipelines(newest.digest):
        raise PipelineNotFound(f"there is no pipeline {body.pipeline!r}")
    settings = _kept(body.settings.given())
    made = create(
        call,
        TriggerRecord("", body.pipeline, body.name, body.kind, body.active, settings, body.variables, in_code=True),
    )
    token = set_new_token(runs, made.id) if made.kind == "api" else None
    if token is not None:
        made = found_trigger(call, made.id)
    return answer({**_whole(call, made), "token": token}, 201, {"Location": f"/api/v1/triggers/{made.id}"})


@routes.post("/triggers/preview", Answer(Ticks), access=VIEWER)
def preview_ticks(call: Call, body: SchedulePreview) -> Response:
    """Return the ticks that a schedule would have, before it is kept."""
    trigger = TriggerRecord("", "", "", "schedule", active=True, settings=_kept(body.settings.given()))
    check(trigger, trigger.settings)
    return answer(ticks_view(parse_schedule(trigger.settings), call.services.runs.clock.now(), (), NEXT_TICKS))


@routes.get("/triggers/{trigger_id}", Answer(Trigger, errors=(404,)), access=VIEWER)
def get_trigger(call: Call, trigger_id: ItemId) -> Response:
    """Return one trigger, with its ETag."""
    return _answer(call, found_trigger(call, trigger_id))


@routes.put("/triggers/{trigger_id}", Answer(Trigger, errors=(404, 409)), access=EDITOR)
def put_trigger(call: Call, trigger_id: ItemId, body: TriggerReplacement, if_match: IfMatch = None) -> Response:
    """Write a trigger anew: settings and variables that are left out are gone."""
    given = _kept(body.settings.given())

    def replaced(present: TriggerRecord) -> TriggerRecord:
        after = replace(present, name=body.name, active=body.active, settings=given, variables=body.variables)
        check(after, given)
        return after

    return _answer(call, change(call, found_trigger(call, trigger_id), replaced, "trigger.change", _etag(if_match)))


@routes.patch("/triggers/{trigger_id}", Answer(Trigger, errors=(404, 409)), access=EDITOR)
def change_trigger(call: Call, trigger_id: ItemId, body: TriggerChange, if_match: IfMatch = None) -> Response:
    """Change what the body names; the rest stays as the file has it. A null in `settings` takes that one away."""
    given = body.settings.given()

    def changed(present: TriggerRecord) -> TriggerRecord:
        after = replace(
            present,
            name=present.name if body.name is None else body.name,
            active=present.active if body.active is None else body.active,
            settings=_kept({**present.settings, **given}),
            variables=present.variables if body.variables is None else body.variables,
        )
        check(after, given)
        return after

    return _answer(call, change(call, found_trigger(call, trigger_id), changed, "trigger.change", _etag(if_match)))


@routes.delete("/triggers/{trigger_id}", Answer(status=204, errors=(404, 409)), access=EDITOR)
def delete_trigger(call: Call, trigger_id: ItemId) -> Response:
    """Take a trigger out of triggers.yaml. Its runs stay, and go on."""
    remove(call, found_trigger(call, trigger_id))
    return no_content()


@routes.post("/triggers/{trigger_id}/pause", Answer(Trigger, errors=(404, 409)), access=EDITOR)
def pause_trigger(call: Call, trigger_id: ItemId) -> Response:
    """Make no more runs by itself; those that are going go on. In the file: `status: inactive`."""
    return _switched(call, trigger_id, active=False)


@routes.post("/triggers/{trigger_id}/resume", Answer(Trigger, errors=(404, 409)), access=EDITOR)
def resume_trigger(call: Call, trigger_id: ItemId) -> Response:
    """Make runs again, from the next tick on: what would have been due in the pause is not caught up."""
    return _switched(call, trigger_id, active=True)


@routes.get("/triggers/{trigger_id}/ticks", Answer(Ticks, errors=(404, 409)), access=VIEWER)
def list_ticks(call: Call, trigger_id: ItemId) -> Response:
    """Return the next ten ticks, also on the clock of the schedule's zone, and the newest gaps."""
    trigger = found_trigger(call, trigger_id)
    with call.services.runs.store.transaction(read_only=True) as tx:
        lost = tx.lost_ticks(trigger.id, NEWEST_GAPS).items
    # An API or event trigger has no ticks, and may have lost runs: it is a schedule that never comes due.
    settings = trigger.settings if trigger.kind == "schedule" else {"schedule_interval": "@always_on"}
    body = ticks_view(parse_schedule(settings), call.services.runs.clock.now(), lost, NEXT_TICKS)
    return answer({**body, "always_on": body["always_on"] and trigger.kind == "schedule"})


def _switched(call: Calling, trigger_id: str, *, active: bool) -> Response:
    def switched(present: TriggerRecord) -> TriggerRecord:
        return replace(present, active=active)

    action = "trigger.resume" if active else "trigger.pause"
    return _answer(call, change(call, found_trigger(call, trigger_id), switched, action))


def _answer(call: Calling, trigger: TriggerRecord) -> Response:
    body = _whole(call, trigger)
    return answer(body, headers={"ETag": f'"{body["etag"]}"'})


def _whole(call: Calling, trigger: TriggerRecord) -> dict[str, Any]:
    with call.services.runs.store.transaction(read_only=True) as tx:
        return _view(tx, trigger)


def _view(tx: RunTransaction, trigger: TriggerRecord) -> dict[str, Any]:
    newest = tx.runs(RunFilter(trigger_id=trigger.id), 1).items
    return trigger_view(trigger, newest[0] if newest else None)


def _kept(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


def _etag(if_match: str | None) -> str | None:
    return None if if_match is None else if_match.strip().removeprefix("W/").strip('"')


def _key(trigger: TriggerRecord) -> tuple[str, str]:
    return trigger.pipeline, trigger.name


def _key_of(tx: RunTransaction, cursor: str) -> tuple[str, str]:
    last = tx.trigger(cursor)
    if last is None:
        raise InvalidInput("the cursor is not one that a list gave", "query.cursor")
    return _key(last)
