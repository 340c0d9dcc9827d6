"""Messages to people: recorded once with what they tell, sent at least once.

* Recorded in the transaction that makes them true, once for each (occasion, destination): a repeat changes nothing.
* A claim is a try: it counts it, and puts the message's next try to the end of a lease. A sender that dies in between
  leaves a message that is due again when the lease passes; its id is the same, so whoever receives it can tell a
  repeat (at least once, never twice under two ids).
* Two senders never claim one message at once: a claim skips what another transaction has locked, and its lease hides
  the message from the next claim.
* A word about an older try is refused, but for `message_sent`: what was sent was sent, whoever sent it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from penstock_runtime.ports.run_store import Page


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A message. `occasion` is what happened, `destination` the name of whom it is for; unique together.

    `payload` holds the facts it tells (JSON), no address and no secret. `due_at` is when to try (again), None once it
    was sent or given up. `tries` counts claims. `last_error` is why the last try failed, in words for people.
    """

    id: str
    event: str
    run_id: str | None
    destination: str
    occasion: str
    created_at: datetime
    due_at: datetime | None
    payload: Mapping[str, Any] = field(default_factory=dict)
    tries: int = 0
    sent_at: datetime | None = None
    given_up_at: datetime | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class FailedBlock:
    """A block run that failed, as a message tells of it."""

    block: str
    map_index: int
    error: Mapping[str, Any] | None


class OutboxSteps(Protocol):
    """Part of a run transaction: see ports.run_store."""

    def record_messages(self, messages: Sequence[OutboxMessage]) -> int:
        """Insert those whose (occasion, destination) is free; how many. Idempotent."""
        ...

    def waiting_messages(self) -> Mapping[str, datetime]:
        """Return, by destination, when its next message is due. What was sent or given up is not looked at."""
        ...

    def claim_message(self, destination: str, now: datetime, until: datetime) -> OutboxMessage | None:
        """Take the destination's longest due message for a try that may last `until`; None when none is due and free.

        It is returned with its new number of tries, and is due again at `until`.
        """
        ...

    def message_sent(self, message_id: str, now: datetime) -> bool:
        """Note that it was sent; False when that is known already, or there is no such message. Idempotent."""
        ...

    def put_off_message(self, message_id: str, tries: int, due_at: datetime, error: str) -> bool:
        """Note why the `tries`-th try failed, and when the next is due; False when that try is not the last."""
        ...

    def give_up_message(self, message_id: str, tries: int, now: datetime, error: str) -> bool:
        """Note why it is never sent; False when the `tries`-th try is not the last. Idempotent."""
        ...

    def messages(self, limit: int, cursor: str | None = None) -> Page[OutboxMessage]:
        """Return messages, newest first."""
        ...

    def messages_of_run(self, run_id: str) -> Sequence[OutboxMessage]:
        """Return the messages about one run, oldest first."""
        ...

    def failed_blocks(self, run_id: str, limit: int) -> Sequence[FailedBlock]:
        """Return what failed by itself in a run: blocks and instances by the order of their ends, then a whole unit."""
        ...
