"""Wake-ups inside one process: what tests use, and the plainest thing that keeps the port."""

from __future__ import annotations

import os
from collections.abc import Sequence

from penstock_runtime.ports.wakeups import Wakeup


class Board:
    """Where the subscribers of one installation meet."""

    def __init__(self) -> None:
        self.listeners: list[InMemoryWakeups] = []


class InMemoryWakeups:
    """One subscriber; with `listen=False` it only publishes, with `echo` it also hears itself."""

    def __init__(
        self, board: Board, *, listen: bool = True, echo: bool = False, only: frozenset[str] | None = None
    ) -> None:
        self._board, self._echo, self._only = board, echo, only
        self._heard: list[Wakeup] = []
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK) if listen else -1
        if listen:
            board.listeners.append(self)

    def publish(self, *wakeups: Wakeup) -> None:
        for listener in self._board.listeners:
            if listener is not self or self._echo:
                listener.take(wakeups)

    def take(self, wakeups: Sequence[Wakeup]) -> None:
        wanted = [one for one in wakeups if self._only is None or one.topic in self._only]
        if wanted:
            self._heard += wanted
            os.eventfd_write(self._descriptor, 1)

    def fileno(self) -> int:
        return self._descriptor

    def drain(self) -> Sequence[Wakeup]:
        if not self._heard:
            return ()
        os.eventfd_read(self._descriptor)
        heard, self._heard = self._heard, []
        return heard

    def close(self) -> None:
        if self in self._board.listeners:
            self._board.listeners.remove(self)
            os.close(self._descriptor)
