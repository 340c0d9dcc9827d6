"""A wire that can be hurt: a TCP port of the loopback interface in front of a database or a Redis.

Every process of a fleet has its own, so that one can be cut off while the others work. `cut` ends every connection,
`refuse` every new one too, `stall` lets bytes lie without a word (as a network that drops packets does), `slow` delays.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

CHUNK = 1 << 16
START_SECONDS = 10.0


class Wire:
    """One listening port. Its state may be set from any thread."""

    def __init__(self, name: str, upstream: Path | int) -> None:
        """Lead to a Unix socket or a port of this machine; nothing listens before `Wires.add` has returned."""
        self.name = name
        self.upstream = upstream
        self.port = 0
        self.refusing = False
        self.delay = 0.0
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection, both ways, until either side ends."""
        if self.refusing:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        self.open |= {writer, far_writer}
        try:
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for one in (writer, far_writer):
                self.open.discard(one)
                one.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.upstream, Path):
            return await asyncio.open_unix_connection(str(self.upstream))
        return await asyncio.open_connection("127.0.0.1", self.upstream)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self.delay:
                await after(self.delay)
            await self.flowing.wait()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()

    def cut(self) -> None:
        """End every connection that is open; to be called on the loop's thread."""
        for writer in list(self.open):
            writer.transport.abort()


async def after(seconds: float) -> None:
    """Return so much later: what a slow link does to every chunk."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    loop.call_later(seconds, lambda: None if over.done() else over.set_result(None))
    await over


class Wires:
    """All wires of a fleet, on one thread."""

    def __init__(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)
        self._thread.start()

    def add(self, name: str, upstream: Path | int) -> Wire:
        """Return a new wire, listening."""
        wire = Wire(name, upstream)

        async def listen() -> None:
            server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
            wire.port = server.sockets[0].getsockname()[1]
            self._servers.append(server)

        asyncio.run_coroutine_threadsafe(listen(), self._loop).result(START_SECONDS)
        return wire

    def cut(self, wire: Wire) -> None:
        """End every connection of a wire."""
        self._call(wire.cut)

    def stall(self, wires: Iterable[Wire], stalled: bool) -> None:  # noqa: FBT001 - the state that it sets
        """Let bytes lie, or flow again."""
        for wire in wires:
            self._call(wire.flowing.clear if stalled else wire.flowing.set)

    def _call(self, function: Callable[[], Any]) -> None:
        async def act() -> None:
            function()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(START_SECONDS)

    def close(self) -> None:
        """End every connection and the thread."""

        async def end() -> None:
            for server in self._servers:
                server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(end(), self._loop).result(START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()
