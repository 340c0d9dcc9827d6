"""`penstock start`: the web server in this process, the scheduler in another, as the settings say."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import TYPE_CHECKING

from penstock_runtime.bootstrap.accounts import public_url
from penstock_runtime.bootstrap.burial import free_member
from penstock_runtime.bootstrap.components import Components, open_components
from penstock_runtime.bootstrap.logging_setup import set_up_logging
from penstock_runtime.bootstrap.opening import open_project_settings, upgrade_at_start
from penstock_runtime.bootstrap.scaler import ScalerThread
from penstock_runtime.bootstrap.scheduler_process import NOT_ALLOWED, RightHeld, SchedulerProcess
from penstock_runtime.bootstrap.snapshots import ServeOptions
from penstock_runtime.bootstrap.supervision import SchedulerChild
from penstock_runtime.bootstrap.web_member import WebMember
from penstock_runtime.domain.errors import InvalidInput, PenstockError
from penstock_runtime.hardening import make_non_dumpable
from penstock_runtime.settings import Settings

if TYPE_CHECKING:
    from penstock_runtime.bootstrap.web import WebParts
    from penstock_runtime.server.services import Services

log = logging.getLogger("penstock")


def serve(options: ServeOptions) -> int:
    """Start what the options and settings ask for and work until SIGTERM or Ctrl-C; return an exit code."""
    make_non_dumpable()
    set_up_logging()
    settings = open_project_settings(options.folder)
    settings = settings.with_(host=options.host, port=options.port, instance_type=options.instance_type)
    for warning in settings.warnings:
        log.warning("%s", warning)
    if settings.instance_type == "scheduler":
        return _serve_scheduler(settings)
    return Server(settings).run()


def _serve_scheduler(settings: Settings) -> int:
    components = open_components(settings)
    upgrade_at_start(components)
    process = SchedulerProcess(settings, components)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    scaler = ScalerThread(components)
    scaler.start()
    try:
        return process.run()
    except RightHeld as error:
        # An answer to the operator, not a fault of ours: no traceback.
        log.error("%s", error)  # noqa: TRY400
        return NOT_ALLOWED
    finally:
        scaler.stop()


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a web server gets from the process that started it: sockets that are listened on, the one for people first.

    `announce` is told the member's id, and `ready` once connections are accepted: then that process says how to sign
    in, not this one.
    """

    sockets: tuple[socket.socket, ...]
    announce: Callable[[str], None]


class Server:
    """The web server's life, and its hold on the scheduler."""

    def __init__(self, settings: Settings, inherited: Inherited | None = None) -> None:
        """Nothing happens before `run`."""
        self._settings = settings
        self._inherited = inherited
        self._refusal = ""
        self._stopped = False
        self._stop_web: Callable[[], None] = lambda: None

    def stop(self) -> None:
        """Stop serving, and drain; from any thread, any number of times."""
        self._stopped = True
        self._stop_web()

    def run(self) -> int:
        """Serve until stopped; return an exit code."""
        settings = self._settings
        if self._inherited is None:
            check_port_free(settings.host, settings.port)
        components = open_components(settings)
        upgrade_at_start(components)
        child = None
        if settings.instance_type == "server_and_scheduler":
            child = SchedulerChild(settings, lambda member: free_member(components, member), self._refused)
            # Before the web framework is imported: the two start side by side.
            child.start()
            publish_at_start(components)
        member = WebMember(components) if self._inherited is None else WebMember(components, self._inherited.announce)
        member.start()
        scaler = ScalerThread(components)
        scaler.start()
        try:
            self._serve(components)
        finally:
            scaler.stop()
            member.stop()
            if child is not None:
                child.stop(settings.drain_seconds + settings.lease_seconds)
        if self._refusal:
            print(self._refusal, file=sys.stderr)  # noqa: T201 - the command's last word
            if self._inherited is not None:
                self._inherited.announce(f"error {self._refusal}")
            return NOT_ALLOWED
        return 0

    def _serve(self, components: Components) -> None:
        # The web framework is imported while the scheduler's own process starts.
        from penstock_runtime.bootstrap.web import accept_owner_code, build_web_parts, first_owner_link
        from penstock_runtime.server.app import create_app
        from penstock_runtime.server.serve import ServeOptions as WebOptions
        from penstock_runtime.server.serve import WebServer

        services = build_services(components.settings, build_web_parts(components))
        accept_owner_code(components)

        inherited = self._inherited

        def started(port: int) -> None:
            if inherited is not None:
                inherited.announce("ready")
                return
            for line in first_owner_link(components, port):
                print(line, flush=True)  # noqa: T201 - what the person who started it is waiting for

        settings = self._settings
        options = WebOptions(
            settings.host,
            settings.port,
            trusted_proxies=settings.trusted_proxies,
            on_started=started,
            sockets=inherited.sockets if inherited is not None else (),
        )
        server = WebServer(create_app(services), options)
        self._stop_web = server.stop
        if self._stopped:
            return
        server.work()

    def _refused(self, reason: str) -> None:
        self._refusal = reason
        self.stop()


def publish_at_start(components: Components) -> None:
    """Publish the folder as it is, so that the first request of all meets this code."""
    try:
        components.publish_code("penstock start")
    except (PenstockError, OSError) as error:
        log.warning("the project's code could not be published, the scheduler will try again: %s", error)


def build_services(settings: Settings, parts: WebParts) -> Services:
    """Return what the routes work with."""
    from penstock_runtime.server.services import ServerSettings, Services

    return Services(
        **{field.name: getattr(parts, field.name) for field in fields(parts)},
        settings=ServerSettings(
            public_url=public_url(settings),
            version=version("penstock"),
            thread_count=settings.pool_size,
            poll_seconds=settings.poll_seconds,
        ),
    )


def check_port_free(host: str, port: int) -> None:
    """Raise InvalidInput when something listens there already, before anything is started."""
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InvalidInput(
                f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port or PENSTOCK_PORT"
            ) from error
