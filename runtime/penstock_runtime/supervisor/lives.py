"""One life of a process: started, told its settings, asked whether it is well."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from penstock_runtime.bootstrap.words import HEADER, packed
from penstock_runtime.hardening import clean_environment
from penstock_runtime.settings import Settings

PROBE_SECONDS = 2.0
"""How long a probe may take."""
WEB_MODULE = "penstock_runtime.server.inherited_main"
SCHEDULER_MODULE = "penstock_runtime.bootstrap.scheduler_main"
BACKLOG = 2048


@dataclass(slots=True)
class Life:
    """A process that runs. `probe` says whether it lives.

    `words` come from one of ours, `ready` among them; where there are none, it is ready once `accepts`, or else its
    probe, has said yes.
    """

    process: asyncio.subprocess.Process
    probe: Callable[[], Awaitable[bool]]
    accepts: Callable[[], Awaitable[bool]] | None = None
    words: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = field(default=None, repr=False)

    def close(self) -> None:
        """Close what we hold of it, once it is over."""
        if self.writer is not None:
            self.writer.close()


class Starter(Protocol):
    """How a kind of process is started, asked and stopped."""

    @property
    def endings(self) -> Sequence[tuple[signal.Signals, float]]:
        """The signals that end it, mildest first, each with the seconds it is given; after the last it is killed."""

    async def start(self, output: int) -> Life:
        """Begin a life whose output goes to this descriptor. Raises OSError or PenstockError when there is none."""


@dataclass(frozen=True, slots=True)
class WebStarter:
    """A web server that accepts from the shared socket, and from a private one where only it is asked if it is well."""

    settings: Settings
    public: socket.socket
    private: Path
    endings: Sequence[tuple[signal.Signals, float]]

    async def start(self, output: int) -> Life:
        """Begin a life."""
        self.private.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as private:
            private.bind(str(self.private))
            private.listen(BACKLOG)
            life = await start_own(WEB_MODULE, self.settings, output, (self.public.fileno(), private.fileno()))
        life.probe = self._is_well
        return life

    async def _is_well(self) -> bool:
        return await says_ok(lambda: asyncio.open_unix_connection(self.private))


@dataclass(frozen=True, slots=True)
class SchedulerStarter:
    """A scheduler, asked at its own health port: a new one for each life, since another may have taken the last."""

    settings: Settings
    endings: Sequence[tuple[signal.Signals, float]]

    async def start(self, output: int) -> Life:
        """Begin a life."""
        port = self.settings.health_port or free_port()
        life = await start_own(SCHEDULER_MODULE, self.settings.with_(health_port=port), output)
        life.probe = lambda: says_ok(lambda: asyncio.open_connection("127.0.0.1", port))
        return life


async def start_own(module: str, settings: Settings, output: int, handed: Sequence[int] = ()) -> Life:
    """Start a module of ours; its settings go through a socket, and its words come back on it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs:
        passed = (theirs.fileno(), *handed)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *map(str, passed),
                pass_fds=passed,
                env=clean_environment(settings.plain_env, {}),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the supervisor, which tells the others in order
            )
        except BaseException:
            ours.close()
            raise
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    writer.write(packed(settings.to_json()))
    return Life(process, _never, words=reader, writer=writer)


async def _never() -> bool:
    return False


async def next_word(reader: asyncio.StreamReader) -> str | None:
    """Return a process's next word; None once the process has closed its end."""
    try:
        header = await reader.readexactly(HEADER.size)
        return (await reader.readexactly(HEADER.unpack(header)[0])).decode()
    except (asyncio.IncompleteReadError, OSError):
        return None


async def says_ok(
    connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]],
) -> bool:
    """Whether /healthz answers 200 in time."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await connect()
            try:
                writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    return False


def free_port() -> int:
    """Return a port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listen(host: str, port: int) -> socket.socket:
    """Return the one socket that web servers share. OSError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
        os.set_blocking(made.fileno(), False)
    except BaseException:
        made.close()
        raise
    return made
