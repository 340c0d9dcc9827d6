"""Finding and ending what a dead worker, or a dead runner, left running.

Every process below a runner carries two marks in its environment: the attempt, and the owner — a hash of the data
folder, then the worker's pid and start time. So one installation never touches another's, and of its own it touches
only those whose worker is dead.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from penstock import process_tree
from penstock.process_marks import ATTEMPT_VARIABLE, OWNER_VARIABLE, PLACEHOLDER

LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Marks:
    """A marked process. `attempt_id` is None for a runner and for a child without work."""

    pid: int
    owner: str
    worker_pid: int
    worker_started_ticks: int
    attempt_id: str | None


def owner_of(data_dir: Path) -> str:
    """Return the name of the installation that keeps its data there."""
    return hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]


def owner_mark(owner: str) -> str:
    """Return the value that processes of this worker carry."""
    pid = os.getpid()
    return f"{owner}.{pid}.{process_tree.started_ticks(pid) or 0}"


def marked_processes(owner: str) -> list[Marks]:
    """Return every living process that carries a mark of this owner and may be read."""
    own = os.getpid()
    pids = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
    marks = (_marks_of(pid, owner) for pid in pids if pid != own)
    return [found for found in marks if found is not None and process_tree.is_running(found.pid)]


def _marks_of(pid: int, owner: str) -> Marks | None:
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    if f"{OWNER_VARIABLE}={owner}.".encode() not in data or not _is_of_this_namespace(pid):
        return None
    values = dict(entry.partition(b"=")[::2] for entry in data.split(b"\0"))
    try:
        _, worker, ticks = values[OWNER_VARIABLE.encode()].decode().split(".")
        attempt = values.get(ATTEMPT_VARIABLE.encode(), b"").decode()
        return Marks(pid, owner, int(worker), int(ticks), attempt if attempt not in {"", PLACEHOLDER} else None)
    except (ValueError, KeyError):
        return None


def _is_of_this_namespace(pid: int) -> bool:
    """Whether the worker's process id in its mark means here what it means there: not so for what a container runs."""
    try:
        return Path(f"/proc/{pid}/ns/pid").stat().st_ino == Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return False


def kill_marked(owner: str, chosen: Callable[[Marks], bool]) -> list[Marks]:
    """SIGKILL the chosen marked processes and all below them, once; return whom it met. Never blocks."""
    met = [marks for marks in marked_processes(owner) if chosen(marks)]
    process_tree.kill_trees(marks.pid for marks in met)
    return met


def end_leftovers(owner: str, deadline_seconds: float = 5.0) -> list[Marks]:
    """End every process of this owner whose worker is dead; return whom it ended. To be called at a worker's start.

    Waits until none is left or the deadline passes (a process stuck in the kernel cannot be ended).
    """
    ended: dict[int, Marks] = {}
    give_up = time.monotonic() + deadline_seconds
    while True:
        met = kill_marked(owner, lambda marks: not _worker_lives(marks))
        ended.update((marks.pid, marks) for marks in met)
        if not met or time.monotonic() > give_up:
            return list(ended.values())
        # Runners end themselves when their worker dies; the same look sees both.
        time.sleep(LOOK_SECONDS)


def _worker_lives(marks: Marks) -> bool:
    running = process_tree.is_running(marks.worker_pid)
    return running and process_tree.started_ticks(marks.worker_pid) == marks.worker_started_ticks
