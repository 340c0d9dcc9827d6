"""Wake-ups between machines: one link a process, whatever carries them, shared by all of it who publish or listen.

A publisher only puts its hints down: a thread sends them, what is alike in one. Another thread hears, as long as
somebody listens. A carrier that fails is said once and tried again, longer and longer apart; meanwhile hints are lost,
which costs the time of a poll. Both threads end by themselves when there is nothing for them to do.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from penstock_runtime.ports.wakeups import FOR_WORKERS, Wakeup

log = logging.getLogger("penstock.wakeups")

WORK, NEWS = "work", "news"
"""The channels: what workers act on, and what tells of changes to those who look."""

LINGER_SECONDS = 0.02
"""News wait this long for more of their kind; what a worker acts on does not wait."""
IDLE_SECONDS = 10.0
SLICE_SECONDS = 2.0
FLUSH_SECONDS = 0.5
MOST_WAITING = 2000
MOST_BYTES = 7900
"""A message of Postgres has less than 8000 bytes."""


class CannotListen(Exception):
    """This carrier will never bring anything, whatever is tried; the text says why."""


class Carrier(Protocol):
    """What takes messages from process to process. Sending and listening are each done by one thread at a time."""

    name: str

    def send(self, channel: str, message: str) -> None:
        """Send to all who listen on the channel, connecting first when needed. Any exception means: not sent."""
        ...

    def stop_sending(self) -> None:
        """Let go of what sending needs; idempotent."""
        ...

    def listen(self, channels: Sequence[str]) -> None:
        """Listen on these channels, and on no others. CannotListen, or any exception that may pass."""
        ...

    def receive(self, seconds: float) -> Sequence[str]:
        """Return the messages that came, waiting so long for the first. Any exception means: listen anew."""
        ...

    def stop_listening(self) -> None:
        """Let go of what listening needs; idempotent."""
        ...

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row."""
        ...


class WakeupLink:
    """A process's hold on a carrier."""

    def __init__(self, carrier: Carrier) -> None:
        """Nothing is connected until somebody publishes or listens."""
        self._carrier = carrier
        self._changed = threading.Condition()
        self._waiting: dict[tuple[str, Wakeup], None] = {}
        self._urgent = self._sending = False
        self._listeners: tuple[LinkedWakeups, ...] = ()
        self._sender: threading.Thread | None = None
        self._reader: threading.Thread | None = None
        self._troubled: set[str] = set()

    def publish(self, origin: str, wakeups: Iterable[Wakeup]) -> None:
        """Put hints down to be sent soon."""
        with self._changed:
            for wakeup in wakeups:
                if len(self._waiting) >= MOST_WAITING:
                    break
                self._waiting[origin, wakeup] = None
                self._urgent |= wakeup.topic in FOR_WORKERS
            if self._sender is None and self._waiting:
                self._sender = self._start(self._send, "wakeups-out")
            self._changed.notify_all()

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Wait a moment until what was put down is sent, if the carrier carries."""
        with self._changed:
            self._changed.wait_for(
                lambda: not (self._waiting or self._sending) or bool(self._troubled) or self._sender is None, seconds
            )

    def join(self, listener: LinkedWakeups) -> None:
        """Let a listener hear what comes."""
        with self._changed:
            self._listeners = (*self._listeners, listener)
            if self._reader is None:
                self._reader = self._start(self._read, "wakeups-in")

    def leave(self, listener: LinkedWakeups) -> None:
        """Let it hear nothing more; idempotent."""
        with self._changed:
            self._listeners = tuple(one for one in self._listeners if one is not listener)
            self._changed.notify_all()

    @staticmethod
    def _start(loop: object, name: str) -> threading.Thread:
        thread = threading.Thread(target=loop, name=name, daemon=True)  # type: ignore[arg-type]
        thread.start()
        return thread

    # --- sending -------------------------------------------------------------------------------------------------
    def _send(self) -> None:
        failures = 0
        while (batch := self._next_batch()) is not None:
            try:
                for channel, message in messages_of(batch):
                    self._carrier.send(channel, message)
            except Exception as error:  # noqa: BLE001 - hints are never worth a failure, whatever the carrier's is
                failures += 1
                self._complain("out", error)
            else:
                failures = 0
                self._recover("out")
            with self._changed:
                self._sending = False
                self._changed.notify_all()
                if failures:
                    self._changed.wait_for(lambda: False, self._carrier.pause(failures))

    def _next_batch(self) -> Sequence[tuple[str, Wakeup]] | None:
        """Return what is to be sent next; None, and no sender any more, when there has been nothing for a while."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._waiting), IDLE_SECONDS):
                self._sender = None
                self._carrier.stop_sending()
                return None
            self._changed.wait_for(lambda: self._urgent, LINGER_SECONDS)
            batch = tuple(self._waiting)
            self._waiting.clear()
            self._urgent, self._sending = False, True
            return batch

    # --- hearing -------------------------------------------------------------------------------------------------
    def _read(self) -> None:
        failures = 0
        while channels := self._channels():
            try:
                self._carrier.listen(channels)
                self._recover("in")
                failures = 0
                while self._channels(ending=False) == channels:
                    for message in self._carrier.receive(SLICE_SECONDS):
                        self._hand_on(message)
            except CannotListen as error:
                log.warning("%s brings no wake-ups, and this process polls instead: %s", self._carrier.name, error)
                # It stays this link's reader, which has ended: nobody tries again.
                self._carrier.stop_listening()
                return
            except Exception as error:  # noqa: BLE001 - the thread's loop: whatever is wrong, it is tried again
                failures += 1
                self._complain("in", error)
                with self._changed:
                    self._changed.wait_for(lambda: not self._listeners, self._carrier.pause(failures))

    def _channels(self, *, ending: bool = True) -> tuple[str, ...]:
        """Return what the listeners want to hear of; when that is nothing, the reader has ended."""
        with self._changed:
            if not self._listeners:
                if ending:
                    self._reader = None
                    self._carrier.stop_listening()
                return ()
            return (WORK,) if all(one.only == FOR_WORKERS for one in self._listeners) else (WORK, NEWS)

    def _hand_on(self, message: str) -> None:
        origin, wakeups = read_message(message)
        for listener in self._listeners:
            if listener.echo or listener.origin != origin:
                listener.offer(wakeups)

    # --- trouble -------------------------------------------------------------------------------------------------
    def _complain(self, way: str, error: Exception) -> None:
        with self._changed:
            first, self._troubled = not self._troubled, {*self._troubled, way}
            # Nobody listens any more: its end was expected.
            first &= way == "out" or bool(self._listeners)
        if first:
            text = " ".join(str(error).split()) or type(error).__name__
            log.warning("%s carries no wake-ups, and everyone polls meanwhile: %s", self._carrier.name, text)

    def _recover(self, way: str) -> None:
        with self._changed:
            over = self._troubled == {way}
            self._troubled.discard(way)
        if over:
            log.warning("%s carries wake-ups again", self._carrier.name)


class LinkedWakeups:
    """One subscriber, or with `listen=False` a mere publisher, of a link.

    What comes from the same `origin` is not heard, unless `echo`. `only` narrows what is heard to some topics.
    """

    def __init__(
        self,
        link: WakeupLink,
        origin: str,
        *,
        listen: bool = True,
        echo: bool = False,
        only: frozenset[str] | None = None,
    ) -> None:
        """Listen at once, in the background."""
        self.origin, self.echo, self.only = origin, echo, only
        self._link = link
        self._lock = threading.Lock()
        self._heard: dict[Wakeup, None] = {}
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) if listen else -1
        if listen:
            link.join(self)

    def publish(self, *wakeups: Wakeup) -> None:
        """See the port."""
        self._link.publish(self.origin, wakeups)

    def fileno(self) -> int:
        """See the port; -1 for a mere publisher."""
        return self._descriptor

    def offer(self, wakeups: Sequence[Wakeup]) -> None:
        """Keep what is wanted until it is drained; detail goes before memory does."""
        wanted = [one for one in wakeups if self.only is None or one.topic in self.only]
        with self._lock:
            if not wanted or self._descriptor < 0:
                return
            if len(self._heard) + len(wanted) > MOST_WAITING:
                self._heard = dict.fromkeys(Wakeup(one.topic) for one in (*self._heard, *wanted))
            self._heard.update(dict.fromkeys(wanted))
            os.eventfd_write(self._descriptor, 1)

    def drain(self) -> Sequence[Wakeup]:
        """See the port."""
        with self._lock:
            if self._descriptor < 0:
                return ()
            with suppress(BlockingIOError):
                os.eventfd_read(self._descriptor)
            heard, self._heard = tuple(self._heard), {}
            return heard

    def close(self) -> None:
        """See the port. What was published goes out first, if it can."""
        self._link.flush()
        self._link.leave(self)
        with self._lock:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)


def messages_of(batch: Iterable[tuple[str, Wakeup]]) -> Iterator[tuple[str, str]]:
    """Yield (channel, message): hints of one origin and channel together, as many as a message may hold."""
    groups: dict[tuple[str, str], list[Wakeup]] = {}
    for origin, wakeup in batch:
        channel = WORK if wakeup.topic in FOR_WORKERS else NEWS
        groups.setdefault((channel, origin), []).append(wakeup)
    for (channel, origin), wakeups in groups.items():
        part: list[list[str]] = []
        size = 0
        for wakeup in wakeups:
            line = [wakeup.topic, wakeup.key]
            cost = len(json.dumps(line)) + 2
            if cost > MOST_BYTES // 2:
                line, cost = [wakeup.topic, ""], len(wakeup.topic) + 10
            if part and size + cost > MOST_BYTES - len(origin) - 10:
                yield channel, json.dumps([origin, part])
                part, size = [], 0
            part.append(line)
            size += cost
        yield channel, json.dumps([origin, part])


def read_message(message: str) -> tuple[str, Sequence[Wakeup]]:
    """Return a message's origin and hints; nothing for what is not one of ours."""
    try:
        origin, lines = json.loads(message)
        return str(origin), [Wakeup(str(topic), str(key)) for topic, key in lines]
    except (ValueError, TypeError):
        return "", ()
