"""What the API says of the scaler: its present state and its decisions, whichever web server is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock_runtime.domain.scaling import Load, Past, Rules, ScalingDecision, decide, inputs_of, need_of
from penstock_runtime.ports.account_store import Role
from penstock_runtime.server.cluster.schemas import Cluster

RULES = Rules(1, 6)


@pytest.fixture
def owner(api):
    with api.client(Role.OWNER) as client:
        yield client


def decision(stack, seconds: int, *, applied: bool, supported: bool = True, endless: bool = False) -> ScalingDecision:
    """Return what the scaler would have decided so many seconds ago about a queue of twelve."""
    at = stack.clock.now() - timedelta(seconds=seconds)
    load = Load(at, 12, 3.5, 4, 9.0 if endless else 0.1, 10.0, 1, 0, 4)
    need = need_of(load, 1, RULES)
    past = Past(at - timedelta(seconds=60), (need,) * 3)
    verdict = decide(load, 1, RULES, past)
    inputs = inputs_of(load, need, RULES, 1) | {"target": "local:/run/x", "target_supported": supported}
    return ScalingDecision(
        f"d{seconds:04}", at, "scheduler", 1, verdict.wanted, applied, not applied, verdict.reason, inputs
    )


def keep(stack, *decisions: ScalingDecision) -> None:
    with stack.services.runs.store.transaction() as tx:
        for one in decisions:
            tx.record_scaling(one)


def test_without_a_scaler_there_is_none(owner):
    body = owner.get("/api/v1/cluster").json()
    Cluster.model_validate(body)
    assert (body["scaler"], body["scaling"], body["leases"]) == (None, [], [])


def test_the_newest_decision_is_the_present_state(owner, stack):
    now = stack.clock.now()
    keep(stack, decision(stack, 20, applied=True), decision(stack, 40, applied=False))
    with stack.services.runs.store.transaction() as tx:
        tx.acquire_lease("scaler", "box:42:abcdef", now, now + timedelta(seconds=30))
    body = owner.get("/api/v1/cluster").json()
    Cluster.model_validate(body)
    scaler = body["scaler"]
    assert (scaler["actual"], scaler["wanted"], scaler["min"], scaler["max"]) == (3, 3, 1, 6)
    assert scaler["deciding"] is True
    assert scaler["target_supported"] is True
    assert scaler["dry_run"] is False
    assert [one["id"] for one in body["scaling"]] == ["d0020", "d0040"]
    assert body["scaling"][0]["inputs"]["ready"] == 12
    assert body["leases"] == [
        {"name": "scaler", "holder": "box:42:abcdef", "term": 1, "expires_at": body["leases"][0]["expires_at"]}
    ]
    stack.clock.advance(31)
    assert owner.get("/api/v1/cluster").json()["scaler"]["deciding"] is False


def test_a_target_that_this_release_cannot_set_is_said(owner, stack):
    keep(stack, decision(stack, 5, applied=False, supported=False))
    scaler = owner.get("/api/v1/cluster").json()["scaler"]
    assert (scaler["target_supported"], scaler["dry_run"], scaler["actual"], scaler["wanted"]) == (False, True, 1, 3)


def test_a_delay_without_end_is_null(owner, stack):
    keep(stack, decision(stack, 5, applied=True, endless=True))
    body = owner.get("/api/v1/cluster").json()
    assert body["scaler"]["predicted_delay_seconds"] is None
    assert body["scaling"][0]["inputs"]["predicted_delay_seconds"] is None


def test_as_many_decisions_as_were_asked_for(owner, stack):
    keep(stack, *(decision(stack, seconds, applied=True) for seconds in range(70)))
    assert len(owner.get("/api/v1/cluster").json()["scaling"]) == 60
    assert len(owner.get("/api/v1/cluster?decisions=3").json()["scaling"]) == 3
    none = owner.get("/api/v1/cluster?decisions=0").json()
    assert none["scaling"] == []
    assert none["scaler"]["wanted"] == 3
    assert owner.get("/api/v1/cluster?decisions=501").status_code == 422
