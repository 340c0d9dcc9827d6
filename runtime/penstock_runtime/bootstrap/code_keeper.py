"""Publishing the project's code when it has changed, by one scheduler at a time.

* The lease: `code`, renewed by its holder at half its time; the others ask for it again when its time is over.
* The failure: a holder that dies is followed once its lease has passed. Two that publish at once, after a freeze, are
  harmless: a version is named by what is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from penstock_runtime.bootstrap.components import Components

LEASE = "code"


class CodeKeeper:
    """Looks at the project when told to, if it may. `alone` says that no other scheduler can be there."""

    def __init__(self, components: Components, member_id: str, published: Callable[[], object], *, alone: bool) -> None:
        """Nothing is asked yet. `published` is called after each new version."""
        self._components = components
        self._member_id = member_id
        self._published = published
        self._alone = alone
        self._holds = False
        self._until: datetime | None = None

    def look(self) -> None:
        """Publish what has changed, unless another scheduler looks after it."""
        if (self._alone or self._holds_lease()) and self._components.publish_code():
            self._published()

    def release(self) -> None:
        """Let another one look at once."""
        if self._holds:
            self._holds = False
            with self._components.store.transaction() as tx:
                tx.release_lease(LEASE, self._member_id)

    def _holds_lease(self) -> bool:
        now = self._components.clock.now()
        if self._until is None or now >= self._until:
            lasts = timedelta(seconds=self._components.settings.lease_seconds)
            with self._components.store.transaction() as tx:
                lease = tx.acquire_lease(LEASE, self._member_id, now, now + lasts)
            self._holds = lease.holder == self._member_id
            self._until = now + lasts / 2 if self._holds else lease.expires_at
        return self._holds
