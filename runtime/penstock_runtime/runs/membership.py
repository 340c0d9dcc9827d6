"""A process's place in the fleet: joined under a term, kept by heartbeats, lost when it is silent for too long.

The lease is `lease_seconds`; the term comes from the store and only grows. A process that was frozen or cut off learns
from its next heartbeat that it has been ended, and must stop all it owns before it joins anew. It does not wait for
that word: `lost` is also true once its own lease has passed without a heartbeat, since by then others may act.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import Member
from penstock_runtime.runs.services import Owner, RunServices

PLACE = "place"
"""In a member's detail: where its process id means something."""


def this_place() -> str:
    """Return what only processes that see each other's ids have in common: host names may be given twice."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        text = f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Membership:
    """One life of one process. Thread-safe: its fields are replaced whole."""

    def __init__(self, services: RunServices, role: str, lease_seconds: float) -> None:
        """Join at once."""
        self._services = services
        self._lease_seconds = lease_seconds
        self._ended = False
        self._detail = {PLACE: this_place()}
        now = services.clock.now()
        self._renewed = services.clock.monotonic()
        member = Member(
            id=new_id(),
            role=role,
            term=0,
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=now,
            seen_at=now,
            expires_at=now + timedelta(seconds=lease_seconds),
            detail=self._detail,
        )
        with services.store.transaction() as tx:
            term = tx.join(member)
        self.owner = Owner(member.id, term, member.host)

    @property
    def lost(self) -> bool:
        """Whether others may have taken over what this process owns."""
        return self._ended or self._services.clock.monotonic() - self._renewed > self._lease_seconds

    def heartbeat(self, detail: Mapping[str, Any] | None = None) -> bool:
        """Renew the lease; False, and `lost` for good, when the store says that this member has ended."""
        begun = self._services.clock.monotonic()
        now = self._services.clock.now()
        until = now + timedelta(seconds=self._lease_seconds)
        with self._services.store.transaction() as tx:
            alive = tx.heartbeat(self.owner.member_id, self.owner.term, now, until, {**self._detail, **(detail or {})})
        if alive:
            self._renewed = begun
        else:
            self._ended = True
        return alive

    def leave(self) -> None:
        """End this member, so that nobody waits for its lease."""
        self._ended = True
        with self._services.store.transaction() as tx:
            tx.leave(self.owner.member_id, self._services.clock.now())
