"""What is done for a member whose process is known to be dead: nobody needs to wait for its lease.

Its processes on this machine are ended first: once it has left, any scheduler may start what it ran anew.
"""

from __future__ import annotations

import logging

from penstock_runtime.bootstrap.components import Components
from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.scheduler.right import release_right

log = logging.getLogger("penstock")


def free_member(components: Components, member_id: str) -> None:
    """End a member whose process is known to be dead, and free its right. Idempotent."""
    # Imported here: who starts a scheduler has no other use for the executor.
    from penstock_runtime.executors.local_process.leftovers import end_leftovers, owner_of

    services = components.services(components.wakeups(listen=False))
    end_leftovers(owner_of(components.settings.data_dir))
    try:
        release_right(services, member_id)
        with components.store.transaction() as tx:
            tx.leave(member_id, components.clock.now())
    except PenstockError as error:
        log.warning("the dead scheduler's right could not be freed; its lease will pass: %s", error)
    finally:
        services.wakeups.close()
