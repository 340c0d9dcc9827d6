"""Secrets: list, write, remove. Values go in and never come back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Response

from penstock_runtime.ports.secret_store import SecretInfo
from penstock_runtime.server.json_response import answer, no_content, rfc3339
from penstock_runtime.server.routing import EDITOR, Answer, Call, Routes
from penstock_runtime.server.stored_secrets.schemas import Secret, SecretList, SecretWrite

routes = Routes("secrets")

SecretName = Annotated[str, Path(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=128)]


@routes.get("/secrets", Answer(SecretList), access=EDITOR)
def list_secrets(call: Call) -> Response:
    """Return every secret's name."""
    store = call.services.secrets
    items = [_view(info) for info in store.list()]
    return answer({"items": items, "next_cursor": None, "writable": store.writable})


@routes.get("/secrets/{name}", Answer(Secret, errors=(404,)), access=EDITOR)
def get_secret(call: Call, name: SecretName) -> Response:
    """Return when and by whom a secret was written."""
    return answer(_view(call.services.secrets.info(name)))


@routes.put("/secrets/{name}", Answer(Secret, errors=(409,)), access=EDITOR)
def put_secret(call: Call, name: SecretName, body: SecretWrite) -> Response:
    """Create or replace a secret."""
    info = call.services.secrets.put(name, body.value, call.who.actor)
    call.services.accounts.record(call.who, "secret.write", name)
    return answer(_view(info))


@routes.delete("/secrets/{name}", Answer(status=204, errors=(404, 409)), access=EDITOR)
def delete_secret(call: Call, name: SecretName) -> Response:
    """Remove a secret."""
    call.services.secrets.delete(name)
    call.services.accounts.record(call.who, "secret.delete", name)
    return no_content()


def _view(info: SecretInfo) -> dict[str, Any]:
    return {"name": info.name, "updated_at": rfc3339(info.updated_at), "updated_by": info.updated_by}
