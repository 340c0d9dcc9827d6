"""The entry point of a web server that the supervisor started, on sockets that it inherits.

Its settings come through an inherited socket, as a scheduler's do (`bootstrap.scheduler_main`): an environment can be
read by others of the same user before the process has closed itself to them. Several such processes accept from one
listening socket, so the address answers while any of them lives. The end of the first socket tells that the supervisor
is gone: then this process drains and ends.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

from penstock_runtime.bootstrap.words import receive_word, send_word
from penstock_runtime.hardening import make_non_dumpable

ALONE = 72
"""Exit code: who started this process was gone before it had said what to do."""


def main() -> int:
    """Read the settings from the first descriptor of the command line, and serve on the others."""
    make_non_dumpable()
    supervisor, *listening = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    for inherited in (supervisor, *listening):
        inherited.set_inheritable(False)
    text = receive_word(supervisor)
    if text is None:
        return ALONE

    from penstock_runtime.bootstrap.logging_setup import set_up_logging
    from penstock_runtime.server.main import Inherited, Server
    from penstock_runtime.settings import Settings, restore_platform_env

    def say(word: str) -> None:
        try:
            send_word(supervisor, word)
        except OSError:
            # The supervisor is gone; `_until_alone` notices and stops.
            return

    set_up_logging()
    settings = Settings.from_json(text)
    restore_platform_env(settings)
    server = Server(settings, Inherited(tuple(listening), say))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    threading.Thread(target=_until_alone, args=(supervisor, server.stop), name="supervisor", daemon=True).start()
    return server.run()


def _until_alone(supervisor: socket.socket, stop: Callable[[], None]) -> None:
    while receive_word(supervisor) is not None:
        continue
    stop()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Daemon threads may be inside the database driver; there is nothing left to tidy.
    os._exit(code)
