"""Triggers: list and read."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from penstock_runtime.domain.errors import NotFound
from penstock_runtime.ports.run_store import Trigger as TriggerRecord
from penstock_runtime.server.json_response import answer, page, rfc3339
from penstock_runtime.server.parameters import ItemId, SlugFilter
from penstock_runtime.server.routing import VIEWER, Answer, Call, Routes
from penstock_runtime.server.triggers.schemas import Trigger, TriggerList

routes = Routes("triggers")


@routes.get("/triggers", Answer(TriggerList), access=VIEWER)
def list_triggers(call: Call, pipeline: SlugFilter = None) -> Response:
    """Return triggers, by pipeline and name."""
    with call.services.runs.store.transaction(read_only=True) as tx:
        found = tx.triggers(pipeline)
    return page([_view(trigger) for trigger in found], None)


@routes.get("/triggers/{trigger_id}", Answer(Trigger, errors=(404,)), access=VIEWER)
def get_trigger(call: Call, trigger_id: ItemId) -> Response:
    """Return one trigger."""
    with call.services.runs.store.transaction(read_only=True) as tx:
        found = tx.trigger(trigger_id)
    if found is None or found.deleted_at is not None:
        raise NotFound(f"there is no trigger {trigger_id}")
    return answer(_view(found))


def _view(trigger: TriggerRecord) -> dict[str, Any]:
    # A trigger's own token lets its holder start runs: no read shows it.
    settings = {key: value for key, value in trigger.settings.items() if key != "token"}
    return {
        "id": trigger.id,
        "pipeline": trigger.pipeline,
        "name": trigger.name,
        "kind": trigger.kind,
        "active": trigger.active,
        "settings": settings,
        "variables": dict(trigger.variables),
        "next_due_at": rfc3339(trigger.next_due_at),
        "in_code": trigger.in_code,
        "created_at": rfc3339(trigger.created_at),
        "updated_at": rfc3339(trigger.updated_at),
    }
