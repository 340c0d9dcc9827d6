"""How other commands find the database of a `penstock up` that runs in the same data folder.

An embedded Postgres has its address and password in no environment. The supervisor writes the settings that it hands
to its processes into the user's state folder (mode 0600), beside the key; they count while it holds the data folder.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path

from penstock_runtime.bootstrap.keys import key_file
from penstock_runtime.settings import Settings, names_set

LOCK_NAME = "up.lock"
"""In the data folder; held for the life of a supervisor."""
_OWN_DATABASE = frozenset({"DATABASE_URL", "PENSTOCK_DB_HOST"})


def write_up_file(settings: Settings, given: Mapping[str, str]) -> None:
    """Write down what the supervisor of this data folder gives to its processes."""
    path = _file(settings)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(dict(given), file)
    making.rename(path)


def remove_up_file(settings: Settings) -> None:
    """Forget it. Idempotent."""
    _file(settings).unlink(missing_ok=True)


def settings_of_up(settings: Settings) -> Mapping[str, str]:
    """Return what the supervisor of this data folder gives to its processes; nothing when there is none.

    Nor when the environment names a database: then that one is meant.
    """
    if names_set() & _OWN_DATABASE or not _is_held(settings.data_dir / LOCK_NAME):
        return {}
    try:
        found: dict[str, str] = json.loads(_file(settings).read_text())
    except (OSError, ValueError):
        return {}
    return found


def _file(settings: Settings) -> Path:
    return key_file(settings).with_suffix(".up")


def _is_held(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
