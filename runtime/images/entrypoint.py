"""What a container does before `penstock`: makes the folders that are missing, and a starter project on an empty share.

The rest of the command line is `penstock`'s; without one it is `start`. For `start` this process stays as the first of
the container: it hands signals on, buries orphans, and ends as `penstock` does. It keeps the environment with the
stack's secrets for as long as the container lives, so it closes itself to other processes of its user, which blocks
are; an init of somebody else's would not. Any other command is short, and this process becomes it by exec.
"""

# ruff: noqa: INP001 - a script of the image, in no package

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def main() -> None:
    """Prepare, and become `penstock`."""
    words = sys.argv[1:] or ["start"]
    if words[0] == "start":
        stay_as_first_process()
    Path(os.environ.get("HOME", "/tmp")).mkdir(parents=True, exist_ok=True)  # noqa: S108 - every container has it
    if words[0] == "start":
        project = Path(os.environ.get("PENSTOCK_PROJECT", ".")).resolve()
        try:
            if make_starter(project):
                print(f"the share was empty: a starter project is in {project}", flush=True)  # noqa: T201 - the log
        except OSError as error:
            sys.exit(refusal(project, error))
    penstock = Path(sys.executable).with_name("penstock")
    os.execv(penstock, [str(penstock), *words])  # noqa: S606 - no shell, on purpose


def stay_as_first_process() -> None:
    """Return in a child that goes on; the parent watches over it and ends with its exit code."""
    from penstock_runtime.hardening import make_non_dumpable

    make_non_dumpable()
    # Held back until there is somebody to hand them to: a first process without a handler never sees a signal again.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDED_ON)
    child = os.fork()
    if child == 0:
        # A group of its own: Ctrl-C at a terminal reaches it once, from here.
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDED_ON)
        return
    for number in HANDED_ON:
        signal.signal(number, lambda received, _: os.kill(child, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDED_ON)
    os._exit(outlived(child))


def outlived(child: int) -> int:
    """Bury whatever dies until it is this child; return its exit code, 128 and the number for a signal."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def make_starter(project: Path) -> bool:
    """Make the starter project in a folder that is missing or empty; whether this process did.

    It is made beside and renamed, so that of several containers that start together one wins, on NFS too, and nobody
    ever sees half a project.
    """
    from penstock_runtime.project.starter import create_project

    if project.is_dir() and any(project.iterdir()):
        return False
    if os.path.ismount(project):
        raise OSError(errno.EBUSY, "it is an empty mount point: name a folder below it, or put a project there")
    project.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{project.name}-", dir=project.parent))
    try:
        made.chmod(0o750)
        create_project(made)
        made.rename(project)
    except OSError as error:
        if error.errno not in TAKEN:
            raise
        return False
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return True


def refusal(project: Path, error: OSError) -> str:
    """Return what to tell the operator."""
    said = f"penstock: no project can be made in {project}: {error.strerror}"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        said += f"; the share must be writable for {os.getuid()}:{os.getgid()} (once, as root: chown it to that owner)"
    return said


if __name__ == "__main__":
    main()
