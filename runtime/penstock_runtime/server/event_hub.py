"""Wake-ups, handed to every open event stream of this process.

One reader on the event loop drains the wake-up port; each stream has a listener that keeps at most `CAPACITY` distinct
changes. Nothing here is truth: a listener that is slow loses detail (its topics collapse to "something changed"),
never memory, and everybody who must not miss a change looks again slowly by himself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from penstock_runtime.ports.wakeups import Wakeup, Wakeups

CAPACITY = 500

Change = tuple[str, str]
"""(topic, key): topics are `runs`, `run:<id>`, `backfills`, `pipelines`, `cluster` and `log:<run id>`."""


def changes_of(wakeup: Wakeup) -> Sequence[Change]:
    """Return what a wake-up means to those who look at the product."""
    if wakeup.topic in {"run", "cancel"}:
        return ("runs", wakeup.key), (f"run:{wakeup.key}", wakeup.key)
    if wakeup.topic == "log":
        return ((f"log:{wakeup.key.split('/', 1)[0]}", wakeup.key),)
    if wakeup.topic == "code":
        return (("pipelines", wakeup.key),)
    if wakeup.topic == "backfill":
        return (("backfills", wakeup.key),)
    if wakeup.topic == "member":
        return (("cluster", wakeup.key),)
    return ()


class Listener:
    """One stream's view: the changes of its topics since it last asked. Used on the event loop only."""

    def __init__(self, topics: Iterable[str], owner: str | None = None) -> None:
        """Begin with nothing seen. `owner` is who the stream is counted for."""
        self.topics: set[str] = set(topics)
        self.owner = owner
        self.closed = False
        self._changes: dict[Change, None] = {}
        self._woken = asyncio.Event()

    def offer(self, change: Change) -> None:
        """Keep a change if it is of one of the topics."""
        if change[0] not in self.topics:
            return
        if len(self._changes) >= CAPACITY:
            self._changes = dict.fromkeys((topic, "") for topic, _ in self._changes)
        self._changes[change] = None
        self._woken.set()

    def close(self) -> None:
        """Wake whoever waits, to say goodbye."""
        self.closed = True
        self._woken.set()

    async def wait(self, seconds: float) -> Sequence[Change]:
        """Return what changed, as soon as something has; nothing after `seconds`, or when the hub closed."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return ()
        changes = tuple(self._changes)
        self._changes.clear()
        if not self.closed:
            self._woken.clear()
        return changes


class EventHub:
    """Hands wake-ups on. `start` and `close` are called on the event loop; `announce` from any thread."""

    def __init__(self) -> None:
        """Begin idle."""
        self._listeners: set[Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wakeups: Wakeups | None = None
        self.closed = False

    def start(self, wakeups: Wakeups) -> None:
        """Read wake-ups as they come, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._wakeups = wakeups
        self.closed = False
        self._loop.add_reader(wakeups.fileno(), self._read)

    def close(self) -> None:
        """Stop reading and end every stream; idempotent. The wake-ups themselves belong to who made them."""
        if self._loop is not None and self._wakeups is not None:
            self._loop.remove_reader(self._wakeups.fileno())
            self._wakeups = None
        self.closed = True
        for listener in tuple(self._listeners):
            listener.close()

    def close_soon(self) -> None:
        """End every stream, from a signal handler or another thread."""
        self._soon(self.close)

    def announce(self, *wakeups: Wakeup) -> None:
        """Tell this process's own streams of a change made here: a publisher does not hear itself."""
        self._soon(lambda: self._hand_on(wakeups))

    def listen(self, topics: Iterable[str], owner: str | None = None) -> Listener:
        """Return a listener; give it back to `forget`."""
        listener = Listener(topics, owner)
        if self.closed:
            listener.close()
        self._listeners.add(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """Stop handing changes to a listener; idempotent."""
        self._listeners.discard(listener)

    def open_streams(self, owner: str) -> int:
        """Return how many listeners are counted for somebody now."""
        return sum(listener.owner == owner for listener in self._listeners)

    def _soon(self, call: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def _read(self) -> None:
        if self._wakeups is not None:
            self._hand_on(self._wakeups.drain())

    def _hand_on(self, wakeups: Sequence[Wakeup]) -> None:
        changes = dict.fromkeys(change for wakeup in wakeups for change in changes_of(wakeup))
        for listener in self._listeners:
            for change in changes:
                listener.offer(change)
