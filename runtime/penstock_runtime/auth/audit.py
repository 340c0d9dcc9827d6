"""Writing the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock_runtime.domain.ids import new_id
from penstock_runtime.ports.account_store import AccountStore, AuditEvent
from penstock_runtime.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Act:
    """What was done to what, by whom, from where. `detail` never holds a credential."""

    actor: str
    action: str
    target: str
    address: str | None = None
    detail: Mapping[str, Any] | None = None


def record(store: AccountStore, clock: Clock, act: Act) -> None:
    """Write one line of the trail."""
    event = AuditEvent(
        id=new_id(),
        at=clock.now(),
        actor=act.actor,
        action=act.action,
        target=act.target,
        address=act.address,
        detail=dict(act.detail or {}),
    )
    store.record(event)
