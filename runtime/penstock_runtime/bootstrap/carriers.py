"""What carries wake-ups to other machines, chosen by the settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from penstock_runtime.persistence.wakeup_link import Carrier

if TYPE_CHECKING:
    from penstock_runtime.bootstrap.components import Components
    from penstock_runtime.settings import Settings

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _redis(components: Components) -> Carrier:
    # Imported where it is chosen: it is a third of what a scheduler at rest has in memory.
    from penstock_runtime.persistence.redis_wakeups import RedisCarrier

    settings = components.settings
    return RedisCarrier(settings.redis_url or "", components.installation_name, settings.ca_file)


def _postgres(components: Components) -> Carrier:
    from penstock_runtime.persistence.postgres_wakeups import PostgresCarrier

    return PostgresCarrier(components.store.database)


CARRIERS: Mapping[str, Callable[[Components], Carrier]] = {"redis": _redis, "postgres": _postgres}


def carrier_name(settings: Settings) -> str | None:
    """Return which carrier the settings choose; None on SQLite, where every process is on this machine."""
    if settings.sqlite:
        return None
    return "redis" if settings.redis_url else "postgres"


def redis_trouble(settings: Settings) -> str | None:
    """Return why Redis does not answer, without its address; None when it does."""
    from penstock_runtime.persistence.redis_wakeups import RedisCarrier

    carrier = RedisCarrier(settings.redis_url or "", lambda: "doctor", settings.ca_file)
    try:
        carrier.send("doctor", "")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it is the answer
        return f"it does not answer: {type(error).__name__}: {error}"
    finally:
        carrier.stop_sending()
    return None


def machine_name(folder: Path) -> str:
    """Return what processes have in common that meet in this folder of sockets, and no others.

    A path is not enough: containers have the same ones. The folder's number and the kernel's start are theirs alone.
    """
    boot = ""
    with suppress(OSError):
        boot = BOOT_ID.read_text().strip()
    found = folder.parent.stat()
    text = f"{boot}:{found.st_dev}:{found.st_ino}:{folder.name}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
