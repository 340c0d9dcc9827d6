"""The sender's threads: one that looks at the outbox, and one for each destination that has something to send."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock_runtime.domain.blocks import RetryPolicy
from penstock_runtime.domain.errors import StoreContention, StoreUnavailable
from penstock_runtime.ports.clock import Clock
from penstock_runtime.ports.notifier import Letter, Notifier, NotifierRefused, NotifierUnavailable
from penstock_runtime.ports.outbox import OutboxMessage
from penstock_runtime.ports.run_store import RunStore

log = logging.getLogger("penstock.notifications")

LEASE_SECONDS = 60.0
"""How long a claim hides a message: longer than a send may take (see addresses.Timeouts)."""

AGAIN = RetryPolicy(delay_seconds=5.0, max_delay_seconds=1800.0)
"""How far apart the tries are: 5 s, doubled each time, half an hour at most."""

GIVE_UP_AFTER = timedelta(hours=24)
DESTINATIONS_AT_ONCE = 8
LAST_LOOK_SECONDS = 1.0
LOOK_SECONDS = 0.05
SHOWN_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class SenderParts:
    """What a sender works with. `compose` writes the letter of a message: NotifierRefused when that is impossible."""

    store: RunStore
    clock: Clock
    notifier: Notifier
    compose: Callable[[OutboxMessage], Letter]
    poll_seconds: float = 5.0


class Sender:
    """Sends what is in the outbox until it is closed. Several senders, in several processes, share one outbox."""

    def __init__(self, parts: SenderParts) -> None:
        """Nothing runs before `start`."""
        self._parts = parts
        self._nudged = threading.Event()
        self._closing = threading.Event()
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
        self._said = ""

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def nudge(self) -> None:
        """Look soon: a message was recorded. From any thread."""
        self._nudged.set()

    def close(self, grace_seconds: float = 0.0) -> None:
        """Send what is due for at most the grace, then stop; what is left stays in the outbox, for the next sender."""
        self.nudge()
        for _ in range(int(grace_seconds / LOOK_SECONDS)):
            if not self._anything_due():
                break
            self._closing.wait(LOOK_SECONDS)
        self._closing.set()
        self.nudge()
        if self._thread.is_alive():
            # A send under way is not waited for: its message is due again after its lease, under the same id.
            self._thread.join(LAST_LOOK_SECONDS)

    def _anything_due(self) -> bool:
        try:
            with self._parts.store.transaction(read_only=True) as tx:
                waiting = tx.waiting_messages()
        except (StoreUnavailable, StoreContention):
            return False
        now = self._parts.clock.now()
        if any(due_at <= now for due_at in waiting.values()):
            return True
        # Asked last: what was claimed meanwhile is due no more, and its thread is busy until it is sent.
        with self._lock:
            return bool(self._busy)

    # --- looking -------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        while not self._closing.is_set():
            self._nudged.clear()
            try:
                wait = self._look()
            except Exception as error:  # noqa: BLE001 - the thread survives anything: nobody else tells people
                wait = self._parts.poll_seconds
                self._complain(error)
            self._nudged.wait(wait)

    def _look(self) -> float:
        """Put every destination that has something due to work; return the seconds until the next look."""
        now = self._parts.clock.now()
        with self._parts.store.transaction(read_only=True) as tx:
            waiting = tx.waiting_messages()
        self._said = ""
        later: list[datetime] = []
        for destination, due_at in waiting.items():
            if due_at > now:
                later.append(due_at)
            elif self._take(destination):
                # A daemon, so that no destination that hangs keeps the process from ending.
                name = f"notice-{destination}"
                threading.Thread(target=self._work, args=(destination,), name=name, daemon=True).start()
        until_due = min(((due_at - now).total_seconds() for due_at in later), default=self._parts.poll_seconds)
        return min(until_due, self._parts.poll_seconds)

    def _take(self, destination: str) -> bool:
        with self._lock:
            if destination in self._busy or len(self._busy) >= DESTINATIONS_AT_ONCE:
                return False
            self._busy.add(destination)
            return True

    def _complain(self, error: Exception) -> None:
        """Log a trouble once, not at every look, until it changes or is over."""
        text = str(error) if isinstance(error, StoreUnavailable | StoreContention) else repr(error)
        if text != self._said:
            self._said = text
            log.warning("messages to people wait: %s", text)

    # --- sending -------------------------------------------------------------------------------------------------
    def _work(self, destination: str) -> None:
        """Send everything that is due for one destination."""
        try:
            while not self._closing.is_set():
                now = self._parts.clock.now()
                with self._parts.store.transaction() as tx:
                    message = tx.claim_message(destination, now, now + timedelta(seconds=LEASE_SECONDS))
                if message is None:
                    return
                self._send(message)
        except Exception as error:  # noqa: BLE001 - what was not written down is due again after its lease
            self._complain(error)
        finally:
            with self._lock:
                self._busy.discard(destination)

    def _send(self, message: OutboxMessage) -> None:
        try:
            self._parts.notifier.send(self._parts.compose(message))
        except NotifierRefused as error:
            self._give_up(message, str(error))
        except NotifierUnavailable as error:
            self._put_off(message, str(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours or of a library: told by type, since its text may hold a secret
            log.error("message %s to %s could not be sent: %s", message.id, message.destination, type(error).__name__)  # noqa: TRY400 - the same
            self._put_off(message, f"sending broke: {type(error).__name__}")
        else:
            with self._parts.store.transaction() as tx:
                tx.message_sent(message.id, self._parts.clock.now())
            log.info("told %s of %s, message %s", message.destination, message.occasion, message.id)

    def _put_off(self, message: OutboxMessage, reason: str) -> None:
        now = self._parts.clock.now()
        again_at = now + timedelta(seconds=AGAIN.delay(message.tries))
        if again_at - message.created_at > GIVE_UP_AFTER:
            self._give_up(message, f"given up after {message.tries} tries: {reason}")
            return
        with self._parts.store.transaction() as tx:
            tx.put_off_message(message.id, message.tries, again_at, _cut(reason))

    def _give_up(self, message: OutboxMessage, reason: str) -> None:
        with self._parts.store.transaction() as tx:
            tx.give_up_message(message.id, message.tries, self._parts.clock.now(), _cut(reason))
        log.warning("%s is not told of %s: %s", message.destination, message.occasion, _cut(reason))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
