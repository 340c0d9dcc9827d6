"""The entry point of a scheduler process that the web process started.

Its settings come through an inherited socket, never through the environment: between exec and the call that makes it
non-dumpable, a process of the same user could read the environment. The same socket carries its word back (the member's
id, `ready`, and every few seconds that it is alive), and its end tells that the web process is gone.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

from penstock_runtime.bootstrap.words import STILL_ALIVE, receive_word, send_word
from penstock_runtime.hardening import make_non_dumpable

BEAT_SECONDS = 2.0
ALONE = 72
"""Exit code: who started this process was gone before it had said what to do."""


def main() -> int:
    """Read the settings from the descriptor named on the command line, and work."""
    make_non_dumpable()
    supervisor = socket.socket(fileno=int(sys.argv[1]))
    supervisor.set_inheritable(False)
    text = receive_word(supervisor)
    if text is None:
        return ALONE

    from penstock_runtime.bootstrap.components import open_components
    from penstock_runtime.bootstrap.logging_setup import set_up_logging
    from penstock_runtime.bootstrap.scheduler_process import NOT_ALLOWED, Duty, RightHeld, SchedulerProcess
    from penstock_runtime.settings import Settings, restore_platform_env

    set_up_logging()
    settings = Settings.from_json(text)
    restore_platform_env(settings)
    process = SchedulerProcess(settings, open_components(settings), Duty(announce=lambda word: _say(supervisor, word)))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    threading.Thread(target=_until_alone, args=(supervisor, process), name="supervisor", daemon=True).start()
    beats = threading.Thread(target=_say_that_it_lives, args=(supervisor, process.alive), name="beats", daemon=True)
    beats.start()
    try:
        return process.run()
    except RightHeld as error:
        _say(supervisor, f"error {error}")
        logging.getLogger("penstock.scheduler").error("%s", error)  # noqa: TRY400 - an answer to the operator
        return NOT_ALLOWED


_saying = threading.Lock()


def _say_that_it_lives(supervisor: socket.socket, alive: Callable[[], bool]) -> None:
    """Beat for as long as the loops turn: a process that is frozen, or hung in whatever way, falls silent."""
    pause = threading.Event()
    while not pause.wait(BEAT_SECONDS):
        if alive():
            _say(supervisor, STILL_ALIVE)


def _say(supervisor: socket.socket, word: str) -> None:
    try:
        with _saying:
            send_word(supervisor, word)
    except OSError:
        # The web process is gone; `_until_alone` notices and drains.
        return


def _until_alone(supervisor: socket.socket, process: object) -> None:
    """Drain when the web process has gone: nobody would restart this one, and a new start waits for its right."""
    try:
        while receive_word(supervisor) is not None:
            continue
    except OSError:
        pass
    process.abandon()  # type: ignore[attr-defined]


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Daemon threads may be inside the database driver; there is nothing left to tidy.
    sys.stdout.flush()
    os._exit(code)
