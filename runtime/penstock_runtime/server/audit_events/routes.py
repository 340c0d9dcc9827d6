"""The audit trail: read only, from here and from anywhere."""

from __future__ import annotations

from fastapi import Response

from penstock_runtime.server.audit_events.schemas import AuditEventPage
from penstock_runtime.server.json_response import page, rfc3339
from penstock_runtime.server.parameters import Cursor, Limit
from penstock_runtime.server.routing import ADMIN, Answer, Call, Routes

routes = Routes("audit-events")


@routes.get("/audit-events", Answer(AuditEventPage), access=ADMIN)
def list_audit_events(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Return the trail, newest first."""
    found = call.services.accounts.audit_events(limit, cursor)
    items = [
        {
            "id": event.id,
            "at": rfc3339(event.at),
            "actor": event.actor,
            "action": event.action,
            "target": event.target,
            "address": event.address,
            "detail": dict(event.detail),
        }
        for event in found.items
    ]
    return page(items, found.next_cursor)
