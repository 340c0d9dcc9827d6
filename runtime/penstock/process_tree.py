"""Ending a process and everything that came from it, on Linux, with the standard library only.

A process group does not hold a tree together: a descendant may call setsid, or fork twice and let go. So the tree is
walked through /proc, stopped as it is walked (a stopped process forks no more), and killed when a walk finds nobody
new. Orphans come to the nearest subreaper, so whoever calls this on itself is one (see `become_subreaper`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, List, Optional, Set

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
WALL = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def set_parent_death_signal(number: int) -> None:
    """Ask the kernel for this signal when the thread that forked us ends. Reset by exec of a set-uid file only."""
    _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def become_subreaper() -> None:
    """Become the parent of every orphaned descendant, in place of init."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(pid: int) -> List[int]:
    """Return the direct children of a process, zombies included; empty when it is gone."""
    folder = f"/proc/{pid}/task"
    try:
        threads = os.listdir(folder)
    except OSError:
        return []
    found: List[int] = []
    for thread in threads:
        try:
            found.extend(map(int, _read(f"{folder}/{thread}/children").split()))
        except FileNotFoundError:
            if not _HAS_CHILDREN_FILE:
                return _children_by_scan(pid)
        except OSError:
            continue
    return found


def _read(path: str) -> bytes:
    """Read a small file of /proc, past the layers of a file object: this is on the path of every child."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts: List[bytes] = []
        while True:
            part = os.read(fd, 65536)
            if not part:
                return b"".join(parts)
            parts.append(part)
    finally:
        os.close(fd)


def has_children() -> bool:
    """Whether this process has any child, living or not yet reaped; one system call, nothing is reaped."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | WALL)
    except ChildProcessError:
        return False
    return True


def _children_by_scan(pid: int) -> List[int]:
    """Find children by reading every process's parent: for kernels built without the `children` file."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and parent_of(int(name)) == pid]


_HAS_CHILDREN_FILE = os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def parent_of(pid: int) -> Optional[int]:
    """Return the parent of a process, or None when it is gone."""
    fields = _stat_fields(pid)
    return int(fields[1]) if fields else None


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    fields = _stat_fields(pid)
    return bool(fields) and fields[0] not in {b"Z", b"X"}


def started_ticks(pid: int) -> Optional[int]:
    """Return when the process started, in clock ticks since boot: with the pid, an identity that is not reused."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else None


def _stat_fields(pid: int) -> List[bytes]:
    """Return the fields of /proc/<pid>/stat from the state on; empty when the process is gone."""
    try:
        # The second field is the command in brackets and may itself hold spaces and brackets.
        return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except OSError:
        return []


def send(pid: int, number: int) -> bool:
    """Signal one process; False when it is gone or not ours."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def tree_of(roots: Iterable[int]) -> Set[int]:
    """Return the roots and all their descendants as they are at this instant."""
    seen: Set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in seen:
            seen.add(pid)
            waiting.extend(children_of(pid))
    return seen


def kill_trees(roots: Iterable[int]) -> Set[int]:
    """SIGKILL the roots and every descendant; return whom it met. Never blocks; whoever reaps them must be another.

    Each walk stops those it meets. A process that was in the middle of a fork when it was stopped shows its child in
    the next walk, so walks go on until one meets nobody new.
    """
    roots = list(roots)
    met: Set[int] = set()
    while True:
        fresh = _stop_walk(roots, met)
        if not fresh:
            break
        met |= fresh
    for pid in met:
        send(pid, signal.SIGKILL)
    return met


def _stop_walk(roots: Iterable[int], met: Set[int]) -> Set[int]:
    """Stop everyone in the trees who is not yet in `met`; return those."""
    fresh: Set[int] = set()
    seen: Set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in seen:
            continue
        seen.add(pid)
        if pid not in met and is_running(pid):
            send(pid, signal.SIGSTOP)
            fresh.add(pid)
        waiting.extend(children_of(pid))
    return fresh


def end_descendants(deadline_seconds: float = 5.0) -> bool:
    """End and reap every descendant of this process, which must be a subreaper. True when none is left.

    A process in an uninterruptible sleep cannot be ended; then this gives up at the deadline and returns False.
    """
    if not has_children():
        return True
    own = os.getpid()
    give_up = time.monotonic() + deadline_seconds
    while True:
        children = children_of(own)
        if not children:
            return True
        kill_trees(children)
        if not _reap(give_up):
            return False


def _reap(give_up: float) -> bool:
    """Reap until no child is ready; wait for the first. False when the deadline passed with none."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid:
            return True
        if time.monotonic() > give_up:
            return False
        time.sleep(0.001)
