"""Wake-ups between the processes of one machine: datagrams on sockets in a private folder.

Each listener binds a socket of its own; a publisher sends to every one it finds. A datagram that does not fit into a
listener's buffer is dropped, and a socket whose process is gone is removed by whoever notices.
"""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from penstock_runtime.ports.wakeups import FOR_WORKERS, Wakeup

_counter = itertools.count()
_MAX_DATAGRAM = 8192
_WORKER = ".worker"
"""How the name of a socket ends that only wants what workers act on: nobody else's news wake it."""


class UnixWakeups:
    """One subscriber. With `listen=False` it only publishes; with `echo` it also hears itself.

    `only` narrows what is heard to the topics for workers. Publishing is safe from any thread.
    """

    def __init__(
        self, folder: Path, *, listen: bool = True, echo: bool = False, only: frozenset[str] | None = None
    ) -> None:
        """Make the folder, which only this user may enter, and bind."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        ending = _WORKER if only == FOR_WORKERS else ""
        self._name = f"{os.getpid()}-{next(_counter)}{ending}" if listen else None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self._passed_over = None if echo else self._name
        self._listeners: list[str] = []
        self._listed_at = -1
        if self._name:
            self._bind(folder / self._name)

    def publish(self, *wakeups: Wakeup) -> None:
        """Send to every listener (but this one, unless it wants its echo)."""
        everything = _datagram(wakeups)
        for_workers = _datagram([wakeup for wakeup in wakeups if wakeup.topic in FOR_WORKERS])
        for name in self._others():
            data = for_workers if name.endswith(_WORKER) else everything
            if not data:
                continue
            try:
                self._socket.sendto(data, str(self._folder / name))
            except (ConnectionRefusedError, FileNotFoundError):
                with suppress(OSError):
                    (self._folder / name).unlink()
            except OSError:
                # A full buffer: that listener has wake-ups waiting already, and polls besides.
                continue

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def drain(self) -> Sequence[Wakeup]:
        """Read every datagram that has come."""
        found: list[Wakeup] = []
        while True:
            try:
                data = self._socket.recv(_MAX_DATAGRAM)
            except OSError:
                return found
            for line in data.decode(errors="replace").split("\n"):
                topic, _, key = line.partition("\0")
                found.append(Wakeup(topic, key))

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        if self._name:
            with suppress(OSError):
                (self._folder / self._name).unlink()
                # The last one out takes the folder along; with others in it this fails, and is meant to.
                self._folder.rmdir()

    def _bind(self, path: Path) -> None:
        for last in (False, False, True):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                path.unlink()
            try:
                self._socket.bind(str(path))
            except FileNotFoundError:
                # Whoever left last removed the folder between our two steps.
                if last:
                    raise
            else:
                return

    def _others(self) -> Sequence[str]:
        # The folder's own time changes with every socket made or removed, so it is listed only then.
        try:
            changed = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return ()
        if changed != self._listed_at:
            self._listed_at = changed
            self._listeners = [entry.name for entry in os.scandir(self._folder) if entry.name != self._passed_over]
        return self._listeners


def _datagram(wakeups: Sequence[Wakeup]) -> bytes:
    return "\n".join(f"{wakeup.topic}\0{wakeup.key}" for wakeup in wakeups).encode()[:_MAX_DATAGRAM]
