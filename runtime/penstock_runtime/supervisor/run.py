"""The supervisor's life: what the topology needs is started in order, watched, and drained at the end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psutil

from penstock_platform.local import (
    LocalPlan,
    LocalService,
    Machine,
    Surroundings,
    Wish,
    local_plan,
    settings_of_process,
)
from penstock_platform.problems import BlueprintInvalid
from penstock_platform.vocabulary import ServiceRole
from penstock_runtime.bootstrap.burial import free_member
from penstock_runtime.bootstrap.components import Components, open_components, prepare_data_dir
from penstock_runtime.bootstrap.keys import encryption_keys, own_key
from penstock_runtime.bootstrap.logging_setup import set_up_logging
from penstock_runtime.bootstrap.opening import open_project_settings, upgrade_at_start
from penstock_runtime.bootstrap.up_file import remove_up_file, write_up_file
from penstock_runtime.bootstrap.web import first_owner_link
from penstock_runtime.bootstrap.worker_parts import end_leftovers_of
from penstock_runtime.domain.errors import InvalidInput, PenstockError
from penstock_runtime.settings import Settings, names_set
from penstock_runtime.supervisor import postgres, redis
from penstock_runtime.supervisor.control import ControlSocket
from penstock_runtime.supervisor.fleet import POSTGRES, REDIS, Details, Fleet
from penstock_runtime.supervisor.lives import SchedulerStarter, Starter, WebStarter, listen
from penstock_runtime.supervisor.logbook import BookHandler, LogBook
from penstock_runtime.supervisor.places import FolderLock, Places, places_of
from penstock_runtime.supervisor.snapshots import Event, UpOptions, Watcher
from penstock_runtime.supervisor.wheels import RunsAs

log = logging.getLogger("penstock.supervisor")

PICTURES_SECONDS = 0.5
DETAILS_SECONDS = 2.0
MIB = 1024 * 1024
ENDED_BY_SECONDS = 10.0
"""What a process gets beyond its own time to drain, before it is killed."""


def up(options: UpOptions, watcher: Watcher) -> int:
    """Run a topology until SIGTERM or Ctrl-C; return an exit code. PenstockError for what the person can mend."""
    settings = open_project_settings(options.folder, _asked(options))
    plan = plan_of(options, settings)
    make_data_dir(settings, plan)
    lock = FolderLock(settings.data_dir)
    try:
        public = listening(settings)
        with public:
            settings = settings.with_(port=int(public.getsockname()[1]))
            return asyncio.run(Supervisor(options, settings, plan, public, watcher).run(lock))
    finally:
        lock.release()


def _asked(options: UpOptions) -> Mapping[str, str]:
    asked = {"PENSTOCK_HOST": options.host, "PENSTOCK_PORT": options.port}
    return {name: str(value) for name, value in asked.items() if value is not None}


def plan_of(options: UpOptions, settings: Settings) -> LocalPlan:
    """Return the processes of the topology on this machine. InvalidInput for what it does not allow."""
    given = names_set()
    slots = settings.slots if "PENSTOCK_SLOTS" in given else None
    machine = Machine(os.cpu_count() or 1, psutil.virtual_memory().total // MIB)
    try:
        plan = local_plan(Wish(options.topology, options.web, options.schedulers, slots), machine)
    except BlueprintInvalid as error:
        raise InvalidInput("\n".join(problem.message for problem in error.problems)) from error
    if plan.postgres and settings.sqlite and "DATABASE_URL" in given:
        raise InvalidInput(
            f"topology {plan.topology} has several processes on one database, which SQLite is not for: set "
            "DATABASE_URL to a Postgres, or leave it out, and one is started here",
            "DATABASE_URL",
        )
    return plan


def make_data_dir(settings: Settings, plan: LocalPlan) -> None:
    """Make the data folder; one that another user's Postgres is to be in must let others pass."""
    if plan.postgres and settings.sqlite and RunsAs.for_postgres().is_another and not settings.data_dir.exists():
        settings.data_dir.mkdir(mode=0o711, parents=True)
    prepare_data_dir(settings)


def listening(settings: Settings) -> socket.socket:
    """Return the socket that all web servers share. InvalidInput when the address is taken."""
    try:
        return listen(settings.host, settings.port)
    except OSError as error:
        raise InvalidInput(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; choose another with --port or "
            "PENSTOCK_PORT"
        ) from error


@dataclass(slots=True)
class _Parts:
    """What there is once the database answers."""

    components: Components
    where: Surroundings


class Supervisor:
    """One `penstock up`."""

    def __init__(
        self, options: UpOptions, settings: Settings, plan: LocalPlan, public: socket.socket, watcher: Watcher
    ) -> None:
        """Nothing starts before `run`."""
        self._options, self._settings, self._plan = options, settings, plan
        self._public, self._watcher = public, watcher
        self._places: Places = places_of(settings)
        self._stop = asyncio.Event()
        self._signals = 0
        self._parts: _Parts | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self._book = LogBook(self._places.logs, watcher.line)
        self._fleet = Fleet(plan, self._starter, self._book, watcher, self._member_died)
        self._control = ControlSocket(self._places.control, self._fleet.scale)

    async def run(self, lock: FolderLock) -> int:
        """Start, wait for the word to stop, drain; return an exit code."""
        loop = asyncio.get_running_loop()
        set_up_logging()
        logging.basicConfig(handlers=[BookHandler(self._book, loop)], level=logging.INFO, force=True)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_stop, number)
        lock.describe(self._plan.topology, f"{self._settings.host}:{self._settings.port}")
        working = asyncio.create_task(self._work())
        try:
            await self._until_over(working)
        finally:
            await self._end(working)
        if self._fleet.gave_up.is_set() and self._fleet.exit_code == 1:
            raise PenstockError(self._fleet.reason)
        return self._fleet.exit_code

    async def _until_over(self, working: asyncio.Task[None]) -> None:
        waits = [working, *(asyncio.create_task(event.wait()) for event in (self._stop, self._fleet.gave_up))]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits[1:]:
            wait.cancel()
        if working.done():
            working.result()

    def _told_to_stop(self, number: signal.Signals) -> None:
        self._signals += 1
        self._stop.set()
        if self._signals == 1:
            self._say("draining", "draining; Ctrl-C again ends at once")
        elif number == signal.SIGINT:
            self._fleet.end_at_once()

    # --- its work ------------------------------------------------------------------------------------------------
    async def _work(self) -> None:
        where = await self._start_servers()
        components = await asyncio.to_thread(self._open, where)
        write_up_file(self._settings, settings_of_process(self._plan, self._plan.services[0], where))
        self._parts = _Parts(components, where)
        await self._control.open()
        self._fleet.start_services()
        if self._watcher.pictures:
            self._in_background(self._draw())
        await self._fleet.page_answers()
        lines = await asyncio.to_thread(first_owner_link, components, self._settings.port)
        self._watcher.address(lines)
        await asyncio.Event().wait()

    async def _start_servers(self) -> Surroundings:
        """Start Postgres and Redis where the topology needs them and no others are named."""
        settings, plan = self._settings, self._plan
        where = Surroundings(settings.host, settings.port, scaler_target=f"local:{self._places.control}")
        server = cache = None
        if plan.postgres and settings.sqlite:
            connections = plan.processes * (settings.pool_size + 5)
            secret = settings.state_dir / "keys" / f"{self._places.sockets.name}.postgres"
            server = await asyncio.to_thread(postgres.prepare, self._places.postgres, secret, connections)
            keys = settings.encryption_keys or (await asyncio.to_thread(own_key, settings),)
            where = replace(where, database_url=server.url, encryption_key=",".join(keys))
        if plan.redis and settings.redis_url is None:
            cache = redis.prepare(self._places.sockets / "redis")
            where = replace(where, redis_url=cache.url)
        starting: list[Coroutine[Any, Any, None]] = []
        if server is not None:
            starting.append(self._fleet.start_server(POSTGRES, server))
        if cache is not None:
            starting.append(self._fleet.start_server(REDIS, cache))
        await asyncio.gather(*starting)
        return where

    def _open(self, where: Surroundings) -> Components:
        """Bring the database up to date, and publish the project's code, before anybody works with them."""
        settings = self._settings_of(self._plan.services[0], where)
        encryption_keys(settings)
        for warning in settings.warnings:
            log.warning("%s", warning)
        components = open_components(settings)
        upgrade_at_start(components)
        try:
            components.publish_code("penstock up")
        except (PenstockError, OSError) as error:
            log.warning("the project's code could not be published, a scheduler will: %s", error)
        return components

    def _settings_of(self, service: LocalService, where: Surroundings) -> Settings:
        return open_project_settings(self._options.folder, settings_of_process(self._plan, service, where))

    def _starter(self, service: LocalService, name: str) -> Starter:
        if self._parts is None:
            raise AssertionError("a service is started before its database answers")
        settings = self._settings_of(service, self._parts.where)
        patience = settings.drain_seconds + settings.lease_seconds + ENDED_BY_SECONDS
        endings = ((signal.SIGTERM, patience),)
        if service.role is ServiceRole.SCHEDULER:
            return SchedulerStarter(settings, endings)
        return WebStarter(settings, self._public, self._places.sockets / name, endings)

    def _member_died(self, member: str) -> None:
        if self._parts is not None:
            self._in_background(asyncio.to_thread(free_member, self._parts.components, member))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # --- pictures ------------------------------------------------------------------------------------------------
    async def _draw(self) -> None:
        """Draw until the end; what schedulers say of themselves is asked for more seldom."""
        loop = asyncio.get_running_loop()
        details: Details = {}
        asked = 0.0
        while True:
            if loop.time() - asked > DETAILS_SECONDS and self._fleet.members() and not self._stop.is_set():
                details, asked = await asyncio.to_thread(self._details), loop.time()
            self._watcher.picture(self._fleet.pictures(details))
            await asyncio.sleep(PICTURES_SECONDS)

    def _details(self) -> Details:
        if self._parts is None:
            return {}
        try:
            with self._parts.components.store.transaction(read_only=True) as tx:
                return {member.id: member.detail for member in tx.members()}
        except PenstockError:
            return {}

    # --- the end -------------------------------------------------------------------------------------------------
    async def _end(self, working: asyncio.Task[None]) -> None:
        working.cancel()
        await asyncio.wait([working])
        await self._control.close()
        await self._fleet.drain()
        for task in list(self._background):
            task.cancel()
        remove_up_file(self._settings)
        await asyncio.to_thread(end_leftovers_of, self._settings)
        if self._parts is not None:
            self._parts.components.store.close()
        self._watcher.picture(self._fleet.pictures({}))
        self._say("stopped", "all is stopped")
        self._book.close()

    def _say(self, kind: str, text: str) -> None:
        self._watcher.event(Event(datetime.now(UTC), kind, "", text))
