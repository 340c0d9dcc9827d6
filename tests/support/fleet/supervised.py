"""A process that is started again whenever it ends, as a platform does it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

RESTART_SECONDS = 0.3
"""Between an end and the next start; doubled for as long as it ends at once, up to LONGEST."""
LONGEST_SECONDS = 3.0
LOOK_SECONDS = 0.05
STOP_SECONDS = 40.0


class Supervised:
    """One place of a fleet, and the process that fills it now. `pids` are all that ever did."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        """Nothing runs before `start`."""
        self.name = name
        self.pids: list[int] = []
        self.frozen: set[int] = set()
        self.exits: list[int] = []
        self.process: subprocess.Popen[bytes] | None = None
        self._command, self._environ, self._log = list(command), dict(environ), log
        self._over = threading.Event()
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name=f"supervisor-{name}", daemon=True)

    @property
    def pid(self) -> int:
        """The process id now; 0 between two."""
        process = self.process
        return process.pid if process is not None and process.poll() is None else 0

    def start(self) -> None:
        """Start it, and watch it from now on."""
        self._launch()
        self._thread.start()

    def send(self, number: int) -> int:
        """Send a signal; the process id it went to, 0 when there is none now."""
        pid = self.pid
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid

    def family(self) -> list[psutil.Process]:
        """Return the process and all below it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            if self.pid:
                own = psutil.Process(self.pid)
                return [own, *own.children(recursive=True)]
        return []

    def stop(self) -> None:
        """Drain it, and start it no more; killed when it does not end."""
        self._over.set()
        self._thread.join(STOP_SECONDS)
        if self.process is None:
            return
        for number in (signal.SIGCONT, signal.SIGTERM):
            self.send(number)

    def wait(self, seconds: float = STOP_SECONDS) -> bool:
        """Wait for its end after `stop`; False when it had to be killed."""
        if self.process is None:
            return True
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True

    def _launch(self) -> None:
        with self._guard, self._log.open("ab") as log:
            if self._over.is_set():
                return
            self.process = subprocess.Popen(
                self._command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self._log.parent,
            )
            self.pids.append(self.process.pid)

    def _watch(self) -> None:
        pause = RESTART_SECONDS
        began = time.monotonic()
        while not self._over.wait(LOOK_SECONDS):
            assert self.process is not None
            code = self.process.poll()
            if code is None:
                continue
            self.exits.append(code)
            pause = min(pause * 2, LONGEST_SECONDS) if time.monotonic() - began < LONGEST_SECONDS else RESTART_SECONDS
            if self._over.wait(pause):
                return
            began = time.monotonic()
            self._launch()
