"""The web server's place in the fleet: shown in `/cluster`, kept by heartbeats, and nothing hangs on it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from penstock_runtime.bootstrap.components import Components
from penstock_runtime.domain.errors import StoreContention, StoreUnavailable
from penstock_runtime.runs.membership import Membership

log = logging.getLogger("penstock.web")


BEATS_A_SAMPLE = 10
"""The web server owns nothing that hangs on the clock: now and then is often enough."""


class WebMember:
    """Joins, renews and leaves in a thread of its own; after it was declared dead, joins anew."""

    def __init__(self, components: Components, joined: Callable[[str], None] = lambda _member: None) -> None:
        """Nothing happens before `start`; `joined` is told the member's id, each time that it is a new one."""
        self._components = components
        self._joined = joined
        self._stop = threading.Event()
        self._beats = 0
        self._thread = threading.Thread(target=self._keep, name="web-member", daemon=True)

    def start(self) -> None:
        """Join, and go on in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Leave."""
        self._stop.set()
        self._thread.join(self._components.settings.statement_timeout_seconds)

    def _keep(self) -> None:
        membership: Membership | None = None
        settings = self._components.settings
        while True:
            try:
                membership = self._beat(membership)
            except (StoreUnavailable, StoreContention) as error:
                log.warning("no heartbeat: %s", error)
            if self._stop.wait(settings.heartbeat_seconds):
                break
        try:
            if membership is not None:
                membership.leave()
        except (StoreUnavailable, StoreContention):
            # Its lease will pass.
            return

    def _beat(self, membership: Membership | None) -> Membership:
        if membership is not None and membership.heartbeat():
            self._beats += 1
            if self._beats % BEATS_A_SAMPLE == 0:
                self._components.clock.resample()
            return membership
        services = self._components.services(self._components.wakeups(listen=False))
        made = Membership(services, "web", self._components.settings.lease_seconds)
        self._joined(made.owner.member_id)
        return made
