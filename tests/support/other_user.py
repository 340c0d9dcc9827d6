"""Running a command as somebody who is not root, also where this Python lies below a folder closed to others."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path

from support.installation import shared_environments
from support.sources import ROOT

OPENING = """
set -e
mkdir -p "{stash}"
mount --bind "{closed}" "{stash}"
mount -t tmpfs -o mode=755 tmpfs "{closed}"
{binds}
"""
BECOME_NOBODY = 'exec setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all -- "$@"'


def as_nobody(folder: Path) -> list[str]:
    """Return a command that starts another one as nobody, with `folder` theirs; nothing when we are not root.

    Where this Python lies below a folder that is closed to others (`/root`), it is opened in a mount namespace.
    """
    if os.geteuid() != 0:
        return []
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            shutil.chown(path, "nobody", "nogroup")
    needed = {Path(sys.base_prefix), Path(sys.prefix), ROOT, shared_environments().resolve()}
    script = ""
    for number, closed in enumerate(sorted({outer for path in needed if (outer := closed_above(path))})):
        stash = folder / f"stash{number}"
        inside = sorted(path for path in needed if path.is_relative_to(closed))
        binds = "\n".join(
            f'mkdir -p "{path}"; mount --bind "{stash / path.relative_to(closed)}" "{path}"' for path in inside
        )
        script += OPENING.format(stash=stash, closed=closed, binds=binds)
    return ["unshare", "--mount", "sh", "-c", script + BECOME_NOBODY, "sh"]


def closed_above(path: Path) -> Path | None:
    """Return the outermost folder above a path that others may not pass."""
    return next((one for one in reversed(path.parents) if not one.stat().st_mode & stat.S_IXOTH), None)
