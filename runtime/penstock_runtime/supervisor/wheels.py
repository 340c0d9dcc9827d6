"""Programs that come in wheels (the extra `local`), and the user that they run as."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock_runtime.domain.errors import InvalidInput

_PR_SET_PDEATHSIG = 1


def folder_of_wheel(package: str, what: str, setting: str) -> Path:
    """Return the folder of an installed package, without importing it. InvalidInput says what to install or to set."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InvalidInput(
            f"this topology needs {what}, and there is none here: install `penstock[local]`, which brings one, "
            f"or set {setting} to yours",
            setting,
        )
    return Path(spec.submodule_search_locations[0])


@dataclass(frozen=True, slots=True)
class RunsAs:
    """The user that a server runs as. Postgres refuses to run as root; then it is `nobody`."""

    user: int
    group: int

    @classmethod
    def for_postgres(cls) -> RunsAs:
        """Return this user; somebody else when this is root."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        found = pwd.getpwnam("nobody")
        return cls(found.pw_uid, found.pw_gid)

    @property
    def is_another(self) -> bool:
        """Whether it is not the user of this process."""
        return self.user != os.geteuid()

    def given(self) -> dict[str, Any]:
        """Return what `subprocess` needs for it."""
        return {"user": self.user, "group": self.group, "extra_groups": []} if self.is_another else {}

    def owns(self, path: Path) -> None:
        """Give a file or folder to it."""
        if self.is_another:
            shutil.chown(path, self.user, self.group)

    def check_reaches(self, folder: Path) -> None:
        """Raise InvalidInput when it may not pass through a folder and those above it."""
        closed = None if not self.is_another else closed_to_others(folder)
        if closed is not None:
            raise InvalidInput(
                f"Postgres does not run as root, and user `nobody` may not pass through {closed}: start penstock as "
                "another user, set PENSTOCK_DATA_DIR to a folder that all may pass through, or set DATABASE_URL",
                "PENSTOCK_DATA_DIR",
            )


def closed_to_others(folder: Path) -> Path | None:
    """Return the topmost of a folder and those above it that others may not pass through; None when they may."""
    parts = [folder, *folder.parents]
    return next((part for part in reversed(parts) if not part.stat().st_mode & stat.S_IXOTH), None)


def ending_with_us(number: signal.Signals) -> Callable[[], None] | None:
    """Return what makes the kernel send this signal to a child once this thread's process is gone; None elsewhere.

    To be called between fork and exec, and after the change of user, which would undo it.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)

    return ask
