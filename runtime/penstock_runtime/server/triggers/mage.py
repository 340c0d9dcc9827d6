"""Mage's addresses of API triggers, kept for those who call them: the token decides, whatever the number before it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from penstock_runtime.domain.runs import Run, RunStatus
from penstock_runtime.ports.authentication import NotSignedIn
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.runs.trigger_runs import trigger_of_token
from penstock_runtime.server.json_response import answer, rfc3339
from penstock_runtime.server.parameters import VISIBLE, JsonObject
from penstock_runtime.server.routing import Answer, Call, Calling, Routes, credentials_of, public
from penstock_runtime.server.triggers.firing import BY_TOKEN, fired
from penstock_runtime.server.triggers.schemas import FireRequest

routes = Routes("triggers", prefix="/api")

WORDS = {
    RunStatus.QUEUED: "initial",
    RunStatus.RUNNING: "running",
    RunStatus.SUCCEEDED: "completed",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "cancelled",
}
BY_ITS_TOKEN = public("the trigger's own token in the request decides, and no account")

Token = Annotated[str, Path(pattern=VISIBLE, max_length=255)]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", pattern=VISIBLE, max_length=255)]


class PipelineRunRequest(BaseModel):
    """The part of the body that is read; Mage's callers send more, and that is left aside."""

    model_config = ConfigDict(extra="ignore")

    variables: JsonObject | None = None


class MageRequest(BaseModel):
    """Mage's body: `{"pipeline_run": {"variables": {…}}}`, or none."""

    model_config = ConfigDict(extra="ignore")

    pipeline_run: PipelineRunRequest = Field(default_factory=PipelineRunRequest)


@routes.post("/pipeline_schedules/{schedule_id}/pipeline_runs/{token}", Answer(), access=BY_ITS_TOKEN)
def start_by_token_in_path(
    call: Call, token: Token, body: MageRequest | None = None, key: IdempotencyKey = None
) -> Response:
    """Start a run of the trigger whose token stands in the address."""
    return _started(call, trigger_of_token(call.services.runs, token), body, key)


@routes.post("/pipeline_schedules/{schedule_id}/api_trigger", Answer(), access=BY_ITS_TOKEN)
def start_by_bearer_token(
    call: Call, request: Request, body: MageRequest | None = None, key: IdempotencyKey = None
) -> Response:
    """Start a run of the trigger whose token is sent as `Authorization: Bearer …`."""
    token = credentials_of(request).bearer
    if not token:
        raise NotSignedIn("send the trigger's token as `Authorization: Bearer …`")
    return _started(call, trigger_of_token(call.services.runs, token), body, key)


def _started(call: Calling, trigger: Trigger, body: MageRequest | None, key: str | None) -> Response:
    variables = (body or MageRequest()).pipeline_run.variables or {}
    run = fired(call, trigger, FireRequest(variables=variables, idempotency_key=key), BY_TOKEN)
    return answer({"pipeline_run": _mage_view(run)})


def _mage_view(run: Run) -> dict[str, Any]:
    """Return a run in Mage's words. Ids are texts here; Mage's were numbers."""
    at = rfc3339(run.logical_at or run.created_at)
    return {
        "id": run.id,
        "pipeline_schedule_id": run.trigger_id,
        "pipeline_schedule_name": run.trigger_name,
        "pipeline_uuid": run.pipeline,
        "execution_date": at,
        "status": WORDS[run.status],
        "variables": dict(run.variables),
        "created_at": rfc3339(run.created_at),
        "started_at": rfc3339(run.started_at),
        "completed_at": rfc3339(run.ended_at),
        "passed_sla": run.sla_missed_at is not None,
    }
