"""What keeps the engine's own secrets out of the processes that run blocks. Hygiene, not a boundary.

A process of the same user reads /proc/<pid>/environ and /proc/<pid>/mem of any other that is dumpable, and every child
inherits its parent's environment unless it is given another.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Mapping

_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def make_non_dumpable() -> None:
    """Close this process to others of its user: no ptrace, no /proc/<pid>/environ or mem, no core file.

    To be called before the process holds a secret; exec undoes it. Does nothing where the kernel is not Linux.
    Raises OSError when a Linux kernel refuses.
    """
    if not sys.platform.startswith("linux"):
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refused to make this process non-dumpable")


def is_dumpable() -> bool:
    """Whether another process of this user may read this one."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)


def clean_environment(plain: Mapping[str, str], granted: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a process that runs user code: a few plain names, and what was granted by name."""
    return {"PATH": DEFAULT_PATH, **plain, **granted}
