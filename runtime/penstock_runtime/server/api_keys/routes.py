"""API keys: list, make, revoke."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from penstock_runtime.ports.account_store import ApiKey as KeyRecord
from penstock_runtime.server.api_keys.schemas import ApiKeyList, ApiKeyRequest, CreatedApiKey
from penstock_runtime.server.json_response import answer, no_content, page, rfc3339
from penstock_runtime.server.parameters import ItemId
from penstock_runtime.server.routing import ADMIN, Answer, Call, Routes

routes = Routes("api-keys")


@routes.get("/api-keys", Answer(ApiKeyList), access=ADMIN)
def list_api_keys(call: Call) -> Response:
    """Return every key, revoked ones too."""
    return page([_view(key) for key in call.services.accounts.api_keys()], None)


@routes.post("/api-keys", Answer(CreatedApiKey, 201), access=ADMIN)
def create_api_key(call: Call, body: ApiKeyRequest) -> Response:
    """Make a key, of one's own role at most. Its secret is in this answer and nowhere else."""
    key, secret = call.services.accounts.create_api_key(call.who, body.name, body.role)
    return answer({**_view(key), "key": secret}, 201, {"Cache-Control": "no-store"})


@routes.delete("/api-keys/{key_id}", Answer(status=204, errors=(404,)), access=ADMIN)
def revoke_api_key(call: Call, key_id: ItemId) -> Response:
    """Make a key worthless from now on."""
    call.services.accounts.revoke_api_key(call.who, key_id)
    return no_content()


def _view(key: KeyRecord) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.value,
        "prefix": key.prefix,
        "created_at": rfc3339(key.created_at),
        "created_by": key.created_by,
        "last_used_at": rfc3339(key.last_used_at),
        "revoked_at": rfc3339(key.revoked_at),
    }
