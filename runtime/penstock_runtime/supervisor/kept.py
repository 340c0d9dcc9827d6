"""One process that is kept alive: started again with backoff, killed when it does not answer, stopped in steps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from penstock_runtime.bootstrap.backoff import Backoff
from penstock_runtime.bootstrap.scheduler_process import NOT_ALLOWED
from penstock_runtime.bootstrap.supervision import FIRST_BACKOFF_SECONDS, GOOD_LIFE_SECONDS, LAST_BACKOFF_SECONDS
from penstock_runtime.bootstrap.words import STILL_ALIVE
from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.supervisor.lives import Life, Starter, next_word
from penstock_runtime.supervisor.logbook import LogBook, Pump
from penstock_runtime.supervisor.snapshots import State

LOOK_SECONDS = 2.0
FIRST_LOOK_SECONDS = 0.1
"""Between probes; the second until the first good one."""
PROBES_FAILED = 4
"""So many in a row mean that it hangs: up to 16 s, with the time that a probe may take."""
STARTUP_SECONDS = 300.0
"""As on a cloud: how long a process may take to its first good probe."""
HOPELESS = 5
"""A process that has ended so often without ever having been well is not started again."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom a kept process tells. Each is called in the loop's thread.

    `happened` gets what happened and how to say it; `member_died` the member's id of a dead scheduler; `gave_up` the
    reason why this one cannot work, and the exit code that says so.
    """

    happened: Callable[[Kept, str, str], None]
    member_died: Callable[[str], None]
    gave_up: Callable[[Kept, str, int], None]


class Kept:
    """A process by its name, over all its lives."""

    def __init__(self, name: str, role: str, starter: Starter, book: LogBook, hooks: Hooks) -> None:
        """Nothing runs before `start`."""
        self.name, self.role = name, role
        self.state = State.STOPPED
        self.since = datetime.now(UTC)
        self.restarts = 0
        self.member: str | None = None
        self.ready = asyncio.Event()
        self._starter, self._book, self._hooks = starter, book, hooks
        self._life: Life | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._ended = asyncio.Event()
        self._failed = 0
        self._was_well = False
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        return self._life.process.pid if self._life is not None else None

    def start(self) -> None:
        """Begin to keep it."""
        self._task = asyncio.create_task(self._keep(), name=self.name)

    async def stop(self) -> None:
        """End it in its own steps, and wait; idempotent."""
        self._stopping.set()
        if self._life is not None:
            self._turn(State.DRAINING)
            self._hooks.happened(self, "stopping", "stopping")
        for number, patience in self._starter.endings:
            if self._hurry.is_set() or await self._gone(0):
                break
            self._send(number)
            if await self._gone(patience):
                break
        if not await self._gone(0):
            self._hooks.happened(self, "killing", "does not end; killing it")
            self._kill()
        if self._task is not None:
            await self._task

    def end_at_once(self) -> None:
        """Give it no more time; from within the loop."""
        self._stopping.set()
        self._hurry.set()
        self._kill()

    async def _gone(self, patience: float) -> bool:
        """Wait for the process to end, or for the word to hurry."""
        if self._life is None or self._task is None or self._task.done():
            return True
        waits = [asyncio.ensure_future(self._ended.wait()), asyncio.ensure_future(self._hurry.wait())]
        await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self._ended.is_set()

    def _send(self, number: int) -> None:
        if self._life is not None:
            with suppress(ProcessLookupError):
                self._life.process.send_signal(number)

    def _kill(self) -> None:
        if self._life is not None:
            with suppress(ProcessLookupError):
                self._life.process.kill()

    # --- its lives -----------------------------------------------------------------------------------------------
    async def _keep(self) -> None:
        backoff = Backoff(FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS, GOOD_LIFE_SECONDS)
        while not self._stopping.is_set():
            begun = time.monotonic()
            self._ended.clear()
            code, said = await self._one_life()
            lived = time.monotonic() - begun
            if self._stopping.is_set():
                break
            if self._is_hopeless(code, said):
                break
            wait = backoff.after(lived)
            self._turn(State.WAITING)
            self._hooks.happened(
                self, "ended", f"ended ({said or code}) after {lived:.0f} s; starting it again in {wait:.1f} s"
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)
            self.restarts += 1
        self._turn(State.STOPPED)
        self._hooks.happened(self, "stopped", "stopped")

    def _is_hopeless(self, code: int | None, said: str) -> bool:
        if code == NOT_ALLOWED:
            self._hooks.gave_up(self, said, NOT_ALLOWED)
            return True
        if self._was_well or self.restarts + 1 < HOPELESS:
            return False
        last = "\n".join(self._book.last(self.name, 5))
        self._hooks.gave_up(self, f"{self.name} does not start ({said or code}); its last lines:\n{last}", 1)
        return True

    async def _one_life(self) -> tuple[int | None, str]:
        """Return the exit code, or None where there was no process; and what there is to say of it."""
        self._turn(State.STARTING)
        pump = Pump(self._book, self.name)
        try:
            life = await self._starter.start(pump.theirs)
        except (OSError, PenstockError) as error:
            pump.finish()
            return None, str(error)
        finally:
            pump.close_theirs()
        self._life = life
        self._hooks.happened(self, "started", f"started, process {life.process.pid}")
        if self._stopping.is_set():
            self._kill()
        return await self._follow(life, pump)

    async def _follow(self, life: Life, pump: Pump) -> tuple[int | None, str]:
        looking = asyncio.create_task(self._look(life))
        hearing = asyncio.create_task(self._hear(life))
        code = await life.process.wait()
        looking.cancel()
        # Its last words are in the socket already; its death closed the other end.
        refusal = await hearing
        pump.finish()
        life.close()
        self._life = None
        self._ended.set()
        self.ready.clear()
        if self.member is not None and code != 0:
            # One that ended well has left by itself.
            self._hooks.member_died(self.member)
        self.member = None
        return code, refusal

    async def _hear(self, life: Life) -> str:
        """Hear a process of ours out; return why it refused to work, if it said so."""
        refusal = ""
        while life.words is not None and (word := await next_word(life.words)) is not None:
            if word == "ready":
                self._is_ready()
            elif word.startswith("error "):
                refusal = word.removeprefix("error ")
            elif word != STILL_ALIVE:
                self.member = word
        return refusal

    async def _look(self, life: Life) -> None:
        """Ask it whether it is well; kill it when it has not been for long."""
        self._failed, well, begun = 0, False, time.monotonic()
        while True:
            ask = life.probe if well or life.accepts is None else life.accepts
            if await ask():
                well, self._failed = True, 0
                self._is_well(life)
            else:
                self._failed += 1
                late = time.monotonic() - begun > STARTUP_SECONDS
                if (well and self._failed >= PROBES_FAILED) or (not well and late):
                    self._hooks.happened(self, "hung", "does not answer its probes; killing it")
                    self._kill()
                    return
                if well:
                    self._turn(State.UNWELL if self.state is not State.DRAINING else self.state)
            await asyncio.sleep(LOOK_SECONDS if well else FIRST_LOOK_SECONDS)

    def _is_well(self, life: Life) -> None:
        if life.words is None or self.ready.is_set():
            self._is_ready()
        elif self.state is State.STARTING and self.role == "scheduler":
            # It lives and waits: another one has the right to schedule.
            self._turn(State.STANDBY)

    def _is_ready(self) -> None:
        first = not self.ready.is_set()
        self._was_well = True
        self.ready.set()
        if not self._stopping.is_set():
            self._turn(State.RUNNING)
        if first:
            self._hooks.happened(self, "ready", "ready")

    def _turn(self, state: State) -> None:
        if state is not self.state:
            self.state, self.since = state, datetime.now(UTC)
