"""A web server and several schedulers, each a process of its own, on one database: `penstock start --role …`."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from penstock import process_tree
from support.installation import PENSTOCK, STOP_SECONDS, Installation
from support.waiting import wait_until


@dataclass
class Several(Installation):
    """The web server as in `Installation`, with no scheduler of its own, and the schedulers that `add` starts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.environ.setdefault("INSTANCE_TYPE", "web_server")
        self.schedulers: list[subprocess.Popen[bytes]] = []

    def add(self, wrapper: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start one more scheduler, and wait until it works."""
        process = self.launch_scheduler(wrapper, environ)
        wait_until(
            lambda: process.pid in self.working() or process.poll() is not None,
            60,
            lambda: f"scheduler {process.pid} does not work:\n{self.said()}",
        )
        assert process.poll() is None, f"the scheduler ended with {process.returncode}:\n{self.said()}"
        return process

    def launch_scheduler(
        self, wrapper: Sequence[str] = (), environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start one more scheduler without waiting for it."""
        given = {**self.environment(), **(environ or {})}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*wrapper, PENSTOCK, "start", str(self.project), "--role", "scheduler"],
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.home,
            )
        self.schedulers.append(process)
        return process

    def working(self) -> set[int]:
        """Return the process ids of the schedulers that work, by what the cluster page says."""
        return {one["pid"] for one in self.get("/cluster")["schedulers"] if not one["standby"]}

    def scheduler_of(self, pid: int) -> int:
        """Return which scheduler a block's process belongs to."""
        ours = {one.pid for one in self.schedulers}
        while pid not in ours:
            pid = process_tree.parent_of(pid)
            assert pid > 1, "it belongs to no scheduler"
        return pid

    def everything(self) -> set[psutil.Process]:
        found = super().everything()
        for one in self.schedulers:
            with contextlib.suppress(psutil.NoSuchProcess):
                if one.poll() is None:
                    found |= {psutil.Process(one.pid), *psutil.Process(one.pid).children(recursive=True)}
        self.seen |= found
        return found

    def end(self) -> None:
        self.everything()
        for one in self.schedulers:
            if one.poll() is None:
                one.send_signal(signal.SIGCONT)
                one.send_signal(signal.SIGTERM)
        for one in self.schedulers:
            one.wait(STOP_SECONDS)
        super().end()

    def destroy(self) -> None:
        super().destroy()
        for one in self.schedulers:
            one.wait(10)


@contextlib.contextmanager
def several(home: Path, project: Path, count: int = 3, **given: Any) -> Iterator[Several]:
    """Give a web server with so many schedulers; afterwards end it, and fail if anything of it lives on."""
    made = Several(home, project, **given)
    try:
        made.start()
        for one in [made.launch_scheduler() for _ in range(count)]:
            wait_until(lambda: one.pid in made.working(), 60, lambda: f"{made.said()}")  # noqa: B023 - waited for here
        wait_until(lambda: made.get("/pipelines")["items"], 30, lambda: f"no code is published:\n{made.said()}")
        yield made
        made.stop()
    finally:
        made.destroy()
