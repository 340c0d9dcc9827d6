"""All processes of a topology: started in order, scaled between their bounds, drained in the reverse order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count

import psutil

from penstock_platform.local import LocalPlan, LocalService
from penstock_platform.vocabulary import ServiceRole
from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.supervisor.control import Scale
from penstock_runtime.supervisor.kept import Hooks, Kept
from penstock_runtime.supervisor.lives import Starter
from penstock_runtime.supervisor.logbook import LogBook
from penstock_runtime.supervisor.snapshots import Event, ProcessSnapshot, State, Watcher

POSTGRES, REDIS = "postgres", "redis"
ROLE_NAMES = {ServiceRole.EVERYTHING: "web + scheduler", ServiceRole.WEB: "web", ServiceRole.SCHEDULER: "scheduler"}
Details = Mapping[str, Mapping[str, object]]
"""What members say of themselves, by their id."""


class Fleet:
    """The processes by name. Everything here is called in the loop's thread."""

    def __init__(
        self,
        plan: LocalPlan,
        starters: Callable[[LocalService, str], Starter],
        book: LogBook,
        watcher: Watcher,
        member_died: Callable[[str], None],
    ) -> None:
        """Nothing runs yet. `starters` makes what starts a process of a service, from its name."""
        self.plan = plan
        self.gave_up = asyncio.Event()
        self.reason, self.exit_code = "", 0
        self._starters, self._book, self._watcher = starters, book, watcher
        self._hooks = Hooks(self._happened, member_died, self._gave_up)
        self._kept: dict[str, Kept] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._wanted = {service.name: service.minimum for service in plan.services}
        self._stopping = False

    async def start_server(self, name: str, starter: Starter) -> None:
        """Start Postgres or Redis, and wait until it answers."""
        kept = self._begin(name, name, starter)
        await kept.ready.wait()

    def start_services(self) -> None:
        """Start every service at its smallest number."""
        for service in reversed(self.plan.services):
            self._fit(service)

    async def page_answers(self) -> None:
        """Wait until the first web server is ready."""
        webs = [service for service in self.plan.services if service.role is not ServiceRole.SCHEDULER]
        waits = [asyncio.ensure_future(one.ready.wait()) for service in webs for one in self._of(service)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    # --- numbers -------------------------------------------------------------------------------------------------
    def scale(self, name: str, number: int | None) -> Scale:
        """Say how many processes a service is to have, within its bounds; None only asks. Raises InvalidInput."""
        service = self.plan.service(name)
        if service is None:
            known = ", ".join(one.name for one in self.plan.services)
            raise InvalidInput(f"there is no service {name!r} here; there are: {known}")
        if number is not None and not self._stopping:
            self._wanted[name] = min(max(number, service.minimum), service.maximum)
            self._fit(service)
        there = len(self._of(service))
        return Scale(name, there, self._wanted[name], service.minimum, service.maximum)

    def _fit(self, service: LocalService) -> None:
        """Start what is missing; drain the youngest of what is too much."""
        there = self._of(service)
        for _ in range(self._wanted[service.name] - len(there)):
            name = self._free_name(service)
            self._begin(name, ROLE_NAMES[service.role], self._starters(service, name))
        for kept in there[self._wanted[service.name] :]:
            self._leaving[kept.name] = asyncio.create_task(self._leave(kept))

    def _of(self, service: LocalService) -> list[Kept]:
        """Return the processes of a service that are to stay, oldest first."""
        return [
            one for one in self._kept.values() if one.name not in self._leaving and one.role == ROLE_NAMES[service.role]
        ]

    def _free_name(self, service: LocalService) -> str:
        if service.role is ServiceRole.EVERYTHING:
            return service.name
        return next(name for name in (f"{service.name}-{n}" for n in count(1)) if name not in self._kept)

    async def _leave(self, kept: Kept) -> None:
        await kept.stop()
        del self._kept[kept.name], self._leaving[kept.name]

    def _begin(self, name: str, role: str, starter: Starter) -> Kept:
        kept = Kept(name, role, starter, self._book, self._hooks)
        self._kept[name] = kept
        kept.start()
        return kept

    # --- the end -------------------------------------------------------------------------------------------------
    async def drain(self) -> None:
        """Schedulers first, while the page stays; then web servers; then Redis, and Postgres last."""
        self._stopping = True
        for role in (ServiceRole.SCHEDULER, ServiceRole.WEB, ServiceRole.EVERYTHING):
            await self._stop([ROLE_NAMES[role]])
        await self._stop([REDIS])
        await self._stop([POSTGRES])

    async def _stop(self, roles: list[str]) -> None:
        chosen = [one for one in self._kept.values() if one.role in roles]
        await asyncio.gather(*(one.stop() for one in chosen))

    def end_at_once(self) -> None:
        """Kill every process of ours; Postgres and Redis are still told in their order, which takes a moment."""
        self._stopping = True
        for one in self._kept.values():
            if one.role not in (POSTGRES, REDIS):
                one.end_at_once()

    # --- what is told --------------------------------------------------------------------------------------------
    def pictures(self, details: Details) -> list[ProcessSnapshot]:
        """Return how every process stands; `details` are what members say of themselves."""
        return [_picture(one, details.get(one.member or "", {})) for one in self._kept.values()]

    def members(self) -> bool:
        """Whether there is a scheduler to ask the run store about."""
        return any(one.member is not None for one in self._kept.values())

    def _happened(self, kept: Kept, kind: str, text: str) -> None:
        self._watcher.event(Event(datetime.now(UTC), kind, kept.name, text, kept.pid))

    def _gave_up(self, kept: Kept, reason: str, code: int) -> None:
        self.reason, self.exit_code = reason, code
        self._watcher.event(Event(datetime.now(UTC), "gave_up", kept.name, reason))
        self.gave_up.set()


def _picture(kept: Kept, detail: Mapping[str, object]) -> ProcessSnapshot:
    active, slots = detail.get("active"), detail.get("slots")
    return ProcessSnapshot(
        name=kept.name,
        role=kept.role,
        state=kept.state,
        pid=kept.pid,
        since=kept.since,
        restarts=kept.restarts,
        active=active if isinstance(active, int) and kept.state is not State.WAITING else None,
        slots=slots if isinstance(slots, int) else None,
        memory_bytes=_memory(kept.pid),
    )


def _memory(pid: int | None) -> int | None:
    try:
        return None if pid is None else int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
