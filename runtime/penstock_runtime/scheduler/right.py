"""The right to schedule, where only one process may."""

from __future__ import annotations

from datetime import timedelta

from penstock_runtime.domain.runs import Lease
from penstock_runtime.runs.services import RunServices

NAME = "scheduler"


def acquire_right(services: RunServices, holder: str, lease_seconds: float) -> Lease:
    """Take or renew the right; return the lease as it is, whose holder may be another."""
    now = services.clock.now()
    with services.store.transaction() as tx:
        return tx.acquire_lease(NAME, holder, now, now + timedelta(seconds=lease_seconds))


def release_right(services: RunServices, holder: str) -> None:
    """Give the right up; or take it from a process that is known to be dead. Idempotent."""
    with services.store.transaction() as tx:
        tx.release_lease(NAME, holder)


def describe_holder(services: RunServices, lease: Lease) -> str:
    """Return who holds the right, for people."""
    with services.store.transaction(read_only=True) as tx:
        for member in tx.members():
            if member.id == lease.holder:
                return f"process {member.pid} on {member.host}, since {member.started_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"member {lease.holder}, until {lease.expires_at:%H:%M:%S} UTC"
