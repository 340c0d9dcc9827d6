"""The scaler as people and programs see it: made from what the run store keeps, so that any web server can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from penstock_runtime.domain.runs import Lease
from penstock_runtime.domain.scaling import ScalingDecision
from penstock_runtime.server.json_response import rfc3339

LEASE = "scaler"
_OF_THE_SCALER = {
    "target": "target",
    "target_supported": "target_supported",
    "min": "least",
    "max": "most",
    "delay_seconds": "delay_seconds",
    "look_seconds": "look_seconds",
    "predicted_delay_seconds": "predicted_delay_seconds",
}
"""Fields of the scaler's present state, and the inputs that they are taken from."""


def decision_view(decision: ScalingDecision) -> dict[str, Any]:
    """Return a decision as the API shows it."""
    return {
        "id": decision.id,
        "at": rfc3339(decision.at),
        "service": decision.service,
        "before": decision.before,
        "wanted": decision.wanted,
        "applied": decision.applied,
        "dry_run": decision.dry_run,
        "reason": decision.reason,
        "inputs": dict(decision.inputs),
    }


def scaler_view(decisions: Sequence[ScalingDecision], lease: Lease | None, now: datetime) -> Mapping[str, Any] | None:
    """Return the present state: what the newest of the decisions says; None when none was ever made."""
    if not decisions:
        return None
    newest = decisions[0]
    return {
        "service": newest.service,
        "actual": newest.wanted if newest.applied else newest.before,
        "wanted": newest.wanted,
        "reason": newest.reason,
        "dry_run": newest.dry_run,
        "decided_at": rfc3339(newest.at),
        "deciding": lease is not None and lease.expires_at > now,
        **{name: newest.inputs.get(source) for name, source in _OF_THE_SCALER.items()},
    }
