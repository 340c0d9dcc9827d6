"""The fleet: processes, rights and load."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Response

from penstock_runtime.domain.runs import Lease as LeaseRecord
from penstock_runtime.domain.runs import Member as MemberRecord
from penstock_runtime.server.cluster.scaling import LEASE, decision_view, scaler_view
from penstock_runtime.server.cluster.schemas import Cluster
from penstock_runtime.server.json_response import answer, rfc3339
from penstock_runtime.server.routing import VIEWER, Answer, Call, Routes

routes = Routes("cluster")

Decisions = Annotated[int, Query(ge=0, le=500, description="Decisions of the scaler, at most.")]
COUNTS = ("runs_queued", "runs_running", "block_runs_ready", "attempts_running")


@routes.get("/cluster", Answer(Cluster), access=VIEWER)
def get_cluster(call: Call, decisions: Decisions = 60) -> Response:
    """Return the processes that live, who may schedule, the load, and what the scaler decided."""
    services = call.services
    now = services.runs.clock.now()
    with services.runs.store.transaction(read_only=True) as tx:
        members = tx.members(alive_only=True)
        leases = [tx.lease(name) for name in (services.settings.scheduler_lease, LEASE)]
        totals = tx.totals(now)
        made = tx.scaling_decisions(max(decisions, 1))
    queue: dict[str, Any] = {name: int(totals.get(name, 0)) for name in COUNTS}
    queue["oldest_ready_age_seconds"] = float(totals.get("oldest_ready_age_seconds", 0.0))
    body = {
        "schedulers": [_member_view(member) for member in members if member.role == "scheduler"],
        "web_servers": [_member_view(member) for member in members if member.role == "web"],
        "leases": [_lease_view(lease) for lease in leases if lease is not None],
        "queue": queue,
        "executors": [dict(item) for item in services.executors()],
        "scaler": scaler_view(made, leases[1], now),
        "scaling": [decision_view(decision) for decision in made[:decisions]],
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
