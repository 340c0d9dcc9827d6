"""A scheduler's probes, over a socket."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from penstock_runtime.bootstrap import probes
from penstock_runtime.bootstrap.probes import ProbeServer, Vitals


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(probes, "PATIENCE_SECONDS", 0.2)
    made = ProbeServer("127.0.0.1", 0, Vitals(lambda: True, lambda: True, lambda: {"runs_running": 2.0}))
    yield made
    made.close()


def test_it_answers_at_its_own_address_only(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as found:
        assert b"penstock_runs_running 2.0" in found.read()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=5)


def test_who_connects_and_says_nothing_is_let_go(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as silent:
        assert silent.recv(1) == b""
