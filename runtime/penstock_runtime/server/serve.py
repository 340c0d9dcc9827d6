"""Running the app: uvicorn without reload, which ends open streams at once when it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

import uvicorn
from fastapi import FastAPI

TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where to listen, and how long requests that are going may take once the server stops.

    Port 0 takes a free one. `trusted_proxies` are addresses whose X-Forwarded-* headers are believed (`*`: all); none
    unless named: anyone who reaches us directly could say to be anyone.
    `on_started` is told the port once connections are accepted. `sockets` are listened on already, the first of them
    where people come: then host and port say only where that is.
    """

    host: str = "127.0.0.1"
    port: int = 6789
    drain_seconds: int = 10
    trusted_proxies: tuple[str, ...] = ()
    on_started: Callable[[int], None] | None = None
    sockets: tuple[socket.socket, ...] = ()


class WebServer(uvicorn.Server):
    """uvicorn, with the streams' end told before it waits for connections to close."""

    def __init__(self, app: FastAPI, options: ServeOptions) -> None:
        """Prepare; nothing listens yet."""
        self.app = app
        self.options = options
        config = uvicorn.Config(
            app,
            host=options.host,
            port=options.port,
            loop="asyncio",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=64 * 1024,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(options.trusted_proxies),
            forwarded_allow_ips=list(options.trusted_proxies),
            timeout_graceful_shutdown=options.drain_seconds,
            backlog=2048,
        )
        super().__init__(config)
        self._told: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Tick once a second, for the date header, or when told to stop: uvicorn's own ten a second are idle work."""
        self._told, self._loop = asyncio.Event(), asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), TICK_SECONDS)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started and self.options.on_started is not None:
            self.options.on_started(self.port)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        bound = [found.getsockname()[1] for server in self.servers[:1] for found in server.sockets]
        return int(bound[0]) if bound else self.options.port

    def work(self) -> None:
        """Serve until told to stop; returns once all is closed."""
        self.run(sockets=list(self.options.sockets) or None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal; a second Ctrl-C waits for no request.

        uvicorn would raise it again once it has closed, and SIGTERM would then end this process before whoever called
        `run` has drained the scheduler and left the cluster.
        """
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.stop()

    def stop(self) -> None:
        """End every stream and stop; from any thread or signal handler, any number of times."""
        self.app.state.services.hub.close_soon()
        self.should_exit = True
        if self._loop is not None and self._told is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._told.set)


def serve(app: FastAPI, options: ServeOptions) -> None:
    """Serve until SIGTERM or SIGINT, which is taken here when this is the main thread. Returns once all is closed."""
    WebServer(app, options).work()
