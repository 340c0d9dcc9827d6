"""The web process's hold on its scheduler: started, watched, restarted with backoff, drained."""

from __future__ import annotations

import logging
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from penstock_runtime.bootstrap.backoff import Backoff
from penstock_runtime.bootstrap.scheduler_process import NOT_ALLOWED, hang_seconds
from penstock_runtime.bootstrap.words import STILL_ALIVE, receive_word, send_word
from penstock_runtime.hardening import clean_environment
from penstock_runtime.settings import Settings

log = logging.getLogger("penstock.supervisor")

FIRST_BACKOFF_SECONDS = 0.2
LAST_BACKOFF_SECONDS = 30.0
FAILED = -1
"""In place of an exit code, when there was no process to have one."""
GOOD_LIFE_SECONDS = 60.0
"""A scheduler that lived this long starts the backoff anew."""


class SchedulerChild:
    """Keeps one scheduler process alive until told to stop.

    `on_death` is called with the member's id once a process is known to be dead, so that its right and its attempts are
    freed at once; `on_refusal` with the reason when the scheduler says that another one holds the right.
    """

    def __init__(self, settings: Settings, on_death: Callable[[str], None], on_refusal: Callable[[str], None]) -> None:
        """Nothing starts before `start`."""
        self._settings = settings
        self._on_death = on_death
        self._on_refusal = on_refusal
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="scheduler-child", daemon=True)
        self.ready = threading.Event()

    def start(self) -> None:
        """Start the process; its thread keeps it."""
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        return self._process.pid if self._process else None

    def stop(self, patience_seconds: float) -> None:
        """Ask it to drain, wait, and kill it when it does not end."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                log.warning("the scheduler did not end within %.0f s; killing it", patience_seconds)
                process.kill()
        self._thread.join(patience_seconds)

    def _keep(self) -> None:
        backoff = Backoff(FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS, GOOD_LIFE_SECONDS)
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                code, refusal = self._one_life_or_failure()
            except OSError as error:
                # No process or no memory to be had just now: that life was a short one.
                log.warning("the scheduler could not be started: %s", error)
                code, refusal = -1, ""
            if self._stopping.is_set():
                return
            if code == NOT_ALLOWED:
                self._on_refusal(refusal)
                return
            lived = time.monotonic() - begun
            wait = backoff.after(lived)
            log.warning("the scheduler ended (%s) after %.0f s; starting it again in %.1f s", code, lived, wait)
            self._stopping.wait(wait)

    def _one_life_or_failure(self) -> tuple[int, str]:
        try:
            return self._one_life()
        except Exception:  # the thread's loop: without it nobody would start a scheduler again
            log.exception("the scheduler could not be started or followed")
            return FAILED, ""

    def _one_life(self) -> tuple[int, str]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "penstock_runtime.bootstrap.scheduler_main", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                env=clean_environment(self._settings.plain_env, {}),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            theirs.close()
            # One that dies before it has read them all is seen by its silence.
            with suppress(OSError):
                send_word(ours, self._settings.to_json())
            member, refusal = self._listen(ours)
        code = self._process.wait()
        self.ready.clear()
        if member:
            self._on_death(member)
        return code, refusal

    def _listen(self, ours: socket.socket) -> tuple[str | None, str]:
        """Hear the child out until its end of the socket closes, which its death does; its silence is its death."""
        member, refusal = None, ""
        patience = hang_seconds(self._settings)
        while True:
            if not select.select([ours], [], [], patience)[0] and self._process is not None:
                log.critical("the scheduler has said nothing for %.0f s; killing it", patience)
                self._process.kill()
            word = receive_word(ours)
            if word is None:
                return member, refusal
            if word == STILL_ALIVE:
                continue
            if word == "ready":
                self.ready.set()
            elif word.startswith("error "):
                refusal = word.removeprefix("error ")
            else:
                member = word
