"""Where the supervisor keeps things, and the lock that one of them holds on a data folder."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from penstock_runtime.bootstrap.components import wakeups_folder
from penstock_runtime.bootstrap.up_file import LOCK_NAME
from penstock_runtime.domain.errors import Conflict, InvalidInput
from penstock_runtime.settings import Settings

PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one supervisor. `sockets` has a short path, since a socket's may have 107 bytes."""

    data: Path
    sockets: Path

    @property
    def postgres(self) -> Path:
        """The embedded Postgres: kept from start to start."""
        return self.data / "postgres"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.data / "process-logs"

    @property
    def control(self) -> Path:
        """The socket where the number of processes is asked for."""
        return self.sockets / "control"


def places_of(settings: Settings) -> Places:
    """Make the private folder of this installation's sockets, for this user alone."""
    shared = wakeups_folder(settings)
    sockets = shared.with_name(f"{shared.name}-up")
    with suppress(FileExistsError):
        sockets.mkdir(mode=PRIVATE)
    return Places(settings.data_dir, sockets)


def owned_folder(name: str, user: int, group: int) -> Path:
    """Return a short private folder that this user, which may be another's, owns. InvalidInput when it is not so."""
    path = Path(tempfile.gettempdir()) / name
    with suppress(FileExistsError):
        path.mkdir(mode=PRIVATE)
        if user != os.geteuid():
            os.chown(path, user, group)
    # Not followed: anyone may have made this name, or a link, in a shared folder before us.
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or stat.S_IMODE(found.st_mode) != PRIVATE:
        raise InvalidInput(f"{path} is not a folder of user {user} alone (mode 0700); remove it, or set TMPDIR")
    return path


class FolderLock:
    """The right to supervise a data folder: gone with the process that holds it, however that ends."""

    def __init__(self, data: Path) -> None:
        """Take it. Raises Conflict, which says who holds it."""
        self._file: IO[str] = (data / LOCK_NAME).open("a+", encoding="utf-8")
        os.fchmod(self._file.fileno(), 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = _described(self._file.read())
            self._file.close()
            raise Conflict(f"`penstock up` runs in {data} already: {holder}; stop it first") from None

    def describe(self, topology: str, address: str) -> None:
        """Write down who we are, for the one that comes second."""
        self._file.seek(0)
        self._file.truncate()
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        json.dump({"pid": os.getpid(), "topology": topology, "address": address, "since": now}, self._file)
        self._file.flush()

    def release(self) -> None:
        """Give it up."""
        self._file.close()


def _described(text: str) -> str:
    try:
        found = json.loads(text)
        return f"process {found['pid']} ({found['topology']}, {found['address']}), since {found['since']}"
    except (ValueError, KeyError, TypeError):
        return "a process that has only just begun"
