"""The fleet: processes, rights and load."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from penstock_runtime.domain.runs import Lease as LeaseRecord
from penstock_runtime.domain.runs import Member as MemberRecord
from penstock_runtime.server.cluster.schemas import Cluster
from penstock_runtime.server.json_response import answer, rfc3339
from penstock_runtime.server.routing import VIEWER, Answer, Call, Routes

routes = Routes("cluster")

COUNTS = ("runs_queued", "runs_running", "block_runs_ready", "attempts_running")


@routes.get("/cluster", Answer(Cluster), access=VIEWER)
def get_cluster(call: Call) -> Response:
    """Return the processes that live, who may schedule, and the load."""
    services = call.services
    with services.runs.store.transaction(read_only=True) as tx:
        members = tx.members(alive_only=True)
        lease = tx.lease(services.settings.scheduler_lease)
        totals = tx.totals(services.runs.clock.now())
    queue: dict[str, Any] = {name: int(totals.get(name, 0)) for name in COUNTS}
    queue["oldest_ready_age_seconds"] = float(totals.get("oldest_ready_age_seconds", 0.0))
    body = {
        "schedulers": [_member_view(member) for member in members if member.role == "scheduler"],
        "web_servers": [_member_view(member) for member in members if member.role == "web"],
        "leases": [_lease_view(lease)] if lease else [],
        "queue": queue,
        "executors": [dict(item) for item in services.executors()],
        "scaling": [dict(item) for item in services.scaling()],
    }
    return answer(body)


def _member_view(member: MemberRecord) -> dict[str, Any]:
    return {
        "id": member.id,
        "role": member.role,
        "host": member.host,
        "pid": member.pid,
        "started_at": rfc3339(member.started_at),
        "seen_at": rfc3339(member.seen_at),
        "term": member.term,
        "standby": member.standby or bool(member.detail.get("standby")),
        "detail": dict(member.detail),
    }


def _lease_view(lease: LeaseRecord) -> dict[str, Any]:
    return {
        "name": lease.name,
        "holder": lease.holder,
        "term": lease.term,
        "expires_at": rfc3339(lease.expires_at),
    }
