"""Starting a trigger's runs from outside: by a person, and by the trigger's own token."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Header, Response

from penstock_runtime.domain.errors import Conflict, InvalidInput
from penstock_runtime.domain.runs import Run as RunRecord
from penstock_runtime.ports.authentication import NotAllowed
from penstock_runtime.ports.run_store import Trigger as TriggerRecord
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.trigger_runs import fire_trigger as fire
from penstock_runtime.runs.trigger_runs import remove_token, set_new_token
from penstock_runtime.server.json_response import answer, no_content
from penstock_runtime.server.parameters import VISIBLE, ItemId
from penstock_runtime.server.routing import EDITOR, EDITOR_OR_TRIGGER, Answer, Call, Calling, Routes
from penstock_runtime.server.runs.schemas import Run
from penstock_runtime.server.runs.views import run_view
from penstock_runtime.server.triggers.changes import change, found_trigger
from penstock_runtime.server.triggers.schemas import FireRequest, TriggerToken

routes = Routes("triggers")

BY_TOKEN = "trigger-token"  # noqa: S105 - a word for people, not a token
"""Who asked for a run, where a trigger's token did."""
IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", pattern=VISIBLE, max_length=255, description="As the body's field."),
]


@routes.post("/triggers/{trigger_id}/runs", Answer(Run, 202, (404, 409)), access=EDITOR_OR_TRIGGER)
def fire_trigger(
    call: Call, trigger_id: ItemId, body: FireRequest | None = None, key: IdempotencyKey = None
) -> Response:
    """Start a run of the trigger now: an editor of any, the holder of a trigger's token of that one alone.

    The token is sent as `Authorization: Bearer …` or as `X-Trigger-Token`. A paused trigger can be started by people,
    not by its token.
    """
    asked = body or FireRequest()
    if key is not None and asked.idempotency_key not in {None, key}:
        raise InvalidInput("the Idempotency-Key header and the body's idempotency_key differ", "body.idempotency_key")
    if call.trigger is not None and call.trigger.id != trigger_id:
        raise NotAllowed("this token belongs to another trigger")
    request = asked.model_copy(update={"idempotency_key": asked.idempotency_key or key})
    by = BY_TOKEN if call.trigger is not None else call.who.actor
    run = fired(call, call.trigger or found_trigger(call, trigger_id), request, by)
    with call.services.runs.store.transaction(read_only=True) as tx:
        counts = tx.status_counts([run.id]).get(run.id, {})
    return answer(run_view(run, counts), 202, {"Location": f"/api/v1/runs/{run.id}"})


@routes.post("/triggers/{trigger_id}/token", Answer(TriggerToken, 201, (404, 409)), access=EDITOR)
def create_trigger_token(call: Call, trigger_id: ItemId) -> Response:
    """Make a new token and show it once; the one before, also one that triggers.yaml holds, starts nothing any more."""
    trigger = found_trigger(call, trigger_id)
    if trigger.kind != "api":
        raise Conflict("only an API trigger has a token")
    _forget_token_in_file(call, trigger, "trigger.token")
    token = set_new_token(call.services.runs, trigger.id)
    here = call.services.settings.public_url.rstrip("/")
    body = {
        "token": token,
        "address": f"{here}/api/v1/triggers/{trigger.id}/runs",
        "mage_address": f"{here}/api/pipeline_schedules/{trigger.id}/pipeline_runs/{token}",
    }
    return answer(body, 201)


@routes.delete("/triggers/{trigger_id}/token", Answer(status=204, errors=(404, 409)), access=EDITOR)
def delete_trigger_token(call: Call, trigger_id: ItemId) -> Response:
    """Take the token away: nobody starts the trigger with it any more."""
    trigger = found_trigger(call, trigger_id)
    _forget_token_in_file(call, trigger, "trigger.token.delete")
    remove_token(call.services.runs, trigger.id)
    return no_content()


def fired(call: Calling, trigger: TriggerRecord, request: FireRequest, by: str) -> RunRecord:
    """Make the run, tell this process's own streams, and return it."""
    run, created = fire(
        call.services.runs,
        trigger.id,
        variables=request.variables,
        idempotency_key=request.idempotency_key,
        created_by=by,
    )
    if created:
        call.services.hub.announce(Wakeup("run", run.id))
    return run


def _forget_token_in_file(call: Calling, trigger: TriggerRecord, action: str) -> None:
    change(call, trigger, lambda present: replace(present, token_digest=None), action)
