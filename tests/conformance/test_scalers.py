"""The scalers, and what is particular to the one that asks `penstock up`."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.ports.scaler import ScalerUnavailable
from penstock_runtime.scaling import local_processes
from penstock_runtime.scaling.local_processes import LocalProcessScaler
from penstock_runtime.supervisor.control import ControlSocket, Scale
from penstock_runtime.testing.conformance.scaler import FIRST, SERVICE, Copies, ScalerConformance
from penstock_runtime.testing.memory_scaler import InMemoryScaler


class TestInMemory(ScalerConformance):
    @pytest.fixture
    def scaler(self) -> InMemoryScaler:
        return InMemoryScaler({SERVICE: FIRST})

    @pytest.fixture
    def copies(self, scaler: InMemoryScaler) -> Copies:
        return lambda: scaler.current(SERVICE)

    def test_nothing_answers_while_it_is_away(self, scaler: InMemoryScaler):
        scaler.away = True
        with pytest.raises(ScalerUnavailable):
            scaler.current(SERVICE)
        with pytest.raises(ScalerUnavailable):
            scaler.set(SERVICE, 1)


class Counts:
    """What stands behind the control socket: numbers of one service, within bounds."""

    def __init__(self, most: int = 100) -> None:
        self.count = FIRST
        self.most = most

    def scale(self, service: str, count: int | None) -> Scale:
        if service != SERVICE:
            raise InvalidInput(f"there is no service {service!r} here")
        if count is not None:
            self.count = min(count, self.most)
        return Scale(service, self.count, self.count, 0, self.most)


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def control(tmp_path: Path, counts: Counts) -> Iterator[Path]:
    """The supervisor's own control socket, in a loop of its own."""
    loop, path = asyncio.new_event_loop(), tmp_path / "control"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = ControlSocket(path, counts.scale)
    asyncio.run_coroutine_threadsafe(server.open(), loop).result(10)
    yield path
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


class TestLocalProcesses(ScalerConformance):
    @pytest.fixture
    def scaler(self, control: Path) -> LocalProcessScaler:
        return LocalProcessScaler(str(control))

    @pytest.fixture
    def copies(self, counts: Counts) -> Copies:
        return lambda: counts.count

    def test_another_number_than_was_asked_for_is_said(self, scaler: LocalProcessScaler, counts: Counts):
        counts.most = 3
        with pytest.raises(ScalerUnavailable, match="asked for 9"):
            scaler.set(SERVICE, 9)


def test_nobody_listens(tmp_path: Path):
    with pytest.raises(ScalerUnavailable, match="does not answer"):
        LocalProcessScaler(str(tmp_path / "nothing")).current(SERVICE)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "no answer"),
        (b"hello\n", "no answer"),
        (b"\xff\xfe\n", "no answer"),
        (b"[]\n", "refused"),
        (b'{"count": true}\n', "refused"),
        (b'{"count": "2"}\n', "refused"),
        (b'{"error": "it drains"}\n', "it drains"),
        (b'{"count": 2', "no answer"),
    ],
)
def test_an_answer_that_is_none_is_an_error(tmp_path: Path, answer: bytes, words: str):
    with answering(tmp_path / "control", answer) as path, pytest.raises(ScalerUnavailable, match=words):
        LocalProcessScaler(path).current(SERVICE)


def test_one_that_keeps_silent_is_not_waited_for_long(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(local_processes, "PATIENCE_SECONDS", 0.05)
    with answering(tmp_path / "control", None) as path, pytest.raises(ScalerUnavailable, match="does not answer"):
        LocalProcessScaler(path).current(SERVICE)


class answering:  # noqa: N801 - reads as what it does, in a with statement
    """A socket that gives every question the same answer, in pieces; None answers nothing until the end."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self._path, self._answer = str(path), answer
        self._over = threading.Event()
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> str:
        self._server.bind(self._path)
        self._server.listen()
        self._thread.start()
        return self._path

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)
        self._server.close()

    def _serve(self) -> None:
        connection, _ = self._server.accept()
        with connection:
            connection.recv(4096)
            if self._answer is None:
                self._over.wait(10)
                return
            for index in range(0, len(self._answer), 4):
                connection.sendall(self._answer[index : index + 4])
