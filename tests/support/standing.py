"""A `penstock up` of a topology: its processes by name, and an eye on the page that never blinks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from penstock import process_tree
from support.installation import PENSTOCK, START_SECONDS, Installation
from support.waiting import wait_until


@dataclass
class Standing(Installation):
    """One project and, between `start` and `stop`, its topology. Events are read from what `up --json` prints."""

    topology: str = "single"
    options: tuple[str, ...] = ()

    def start(self) -> Standing:
        """Start, wait until the page answers, and make an API key in the database that this topology has."""
        self.launch()
        wait_until(self.answers, START_SECONDS, lambda: f"the page does not answer:\n{self.said()}")
        if not self.key:
            made = self.cli("api-key", "create", "test", "--role", "owner", "--project", str(self.project))
            assert made.code == 0, made.err
            self.key = made.out.strip()
            self.client.headers["Authorization"] = f"Bearer {self.key}"
        return self

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the supervisor without waiting for it."""
        words = ["up", str(self.project), "--topology", self.topology, "--port", str(self.port), "--json"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, PENSTOCK, *words, *self.options],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.home,
            )
        return self.process

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what the supervisor printed, leaving out what processes wrote."""
        for line in self.log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if event["event"] != "log":
                    yield event

    def pids(self) -> dict[str, int]:
        """Return the living processes by name."""
        found: dict[str, int] = {}
        for event in self.events():
            if event["event"] == "started":
                found[event["process"]] = event["pid"]
        return {name: pid for name, pid in found.items() if process_tree.is_running(pid)}

    def ready(self) -> set[str]:
        """Return the names of the processes whose present life is ready."""
        lives: dict[str, str] = {}
        for event in self.events():
            if event["process"] and event["event"] in {"started", "ready", "ended", "stopped"}:
                lives[event["process"]] = event["event"]
        return {name for name, last in lives.items() if last == "ready"}

    def all_ready(self, *names: str) -> None:
        """Wait until processes of these names, and no others, are ready."""
        wait_until(lambda: self.ready() == set(names), 60, lambda: f"ready: {self.ready()}\n{self.said()}", look=0.1)

    def hurt(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to one process; return its process id."""
        pid = self.pids()[name]
        self.kill(pid, number)
        return pid

    def replaced(self, name: str, pid: int) -> int:
        """Wait until another process of the name is ready; return its process id."""

        def other() -> int | None:
            now = self.pids().get(name)
            return now if now not in {None, pid} and name in self.ready() else None

        return wait_until(other, 60, lambda: f"{name} did not come back:\n{self.said()}", look=0.1) or 0


@dataclass
class Eye:
    """Asks the page on new connections, one after the other, from `with` to its end."""

    url: str
    asked: int = 0
    refused: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Cut while being answered: by the very process that was killed."""

    def __enter__(self) -> Self:
        """Begin."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.asked += 1
            at = f"{time.monotonic():.2f}"
            try:
                found = httpx.get(self.url, timeout=40)
                if found.status_code != httpx.codes.OK:
                    self.refused.append(f"{at} {found.status_code}")
            except (httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError) as error:
                self.broken.append(f"{at} {error!r}")
            except httpx.HTTPError as error:
                self.refused.append(f"{at} {error!r}")


def secrets_seen(pids: dict[str, int], secrets: list[str]) -> list[str]:
    """Return where a secret stands in the arguments or environment of a process that root may read."""
    found = []
    for name, pid in pids.items():
        for part in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                data = Path(f"/proc/{pid}/{part}").read_bytes()
                found += [f"{name} {part}" for secret in secrets if secret.encode() in data]
    return found


def can_read_environments() -> bool:
    """Whether this user may read the environment of processes that closed themselves."""
    return os.geteuid() == 0
