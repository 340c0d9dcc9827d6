"""Unit, stateful and architecture tests open no network socket: one that tries fails where it tries."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest

from support.lanes import lane_of

CLOSED_LANES = frozenset({"unit", "stateful", "architecture", "golden"})


class NetworkUsed(AssertionError):
    """A test of a closed lane reached for the network."""


@pytest.fixture(autouse=True)
def closed_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connect and bind of internet sockets; Unix sockets, which stay on this machine's files, are free."""
    if lane_of(request.node.nodeid) in CLOSED_LANES:
        for name in ("connect", "connect_ex", "bind"):
            monkeypatch.setattr(socket.socket, name, refuse_internet(getattr(socket.socket, name)))


def refuse_internet(method: Any) -> Any:
    """Return the method of socket.socket, refusing the internet families."""

    def guarded(self: socket.socket, *args: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            refuse(args)
        return method(self, *args)

    return guarded


def refuse(args: tuple[Any, ...]) -> NoReturn:
    raise NetworkUsed(f"a test of this lane opens no network socket, and reached for {args[0] if args else 'one'}")
