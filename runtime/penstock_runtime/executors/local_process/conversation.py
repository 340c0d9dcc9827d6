"""The talk with running children: their work goes out, what they say is noted, what they ask is answered."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from penstock_runtime.executors.local_process.attempt import Attempt
from penstock_runtime.executors.local_process.frames import BrokenFrame, Channel
from penstock_runtime.executors.local_process.messages import block_event, checked_ask, checked_result
from penstock_runtime.executors.local_process.reactor import Reactor
from penstock_runtime.ports.executor import Broker, BrokerRefusal, ObservedState


class Conversation:
    """`on_talk(attempt, event)` is called after each event of a child.

    The event `broken` stands for a breach of protocol; what it was is in the attempt's `breach`.
    """

    def __init__(
        self,
        reactor: Reactor,
        broker: Broker,
        now: Callable[[], datetime],
        on_talk: Callable[[Attempt, str], None],
    ) -> None:
        """Keep whom to tell."""
        self._reactor = reactor
        self._broker = broker
        self._now = now
        self._on_talk = on_talk

    def open(self, attempt: Attempt, control: socket.socket) -> None:
        """Send the work and listen."""
        channel = attempt.channel = Channel(control)
        limits = {"memory_bytes": attempt.work.memory_bytes, "cpu_seconds": attempt.work.cpu_seconds}
        payload = {**attempt.work.payload, "attempt_id": attempt.work.attempt_id}
        payload["limits"] = {**payload.get("limits", {}), **{k: v for k, v in limits.items() if v is not None}}
        channel.send({"op": "run", "work": payload})
        fd = control.fileno()
        self._reactor.add(fd, lambda mask: self._on_ready(attempt, mask))
        if channel.blocked:
            self._reactor.want_write(fd, wanted=True)

    def _on_ready(self, attempt: Attempt, mask: int) -> None:
        channel = attempt.channel
        if channel is None:
            return
        if mask & select.EPOLLOUT:
            channel.flush()
        if mask & ~select.EPOLLOUT:
            self._listen(attempt, channel)
        if attempt.channel is not None:
            self._reactor.want_write(channel.socket.fileno(), wanted=channel.blocked)

    def _listen(self, attempt: Attempt, channel: Channel) -> None:
        """Take what has come. A closed socket says nothing by itself: the child's end is told by its runner."""
        try:
            messages, still_open = channel.receive()
            for message in messages:
                self._hear(attempt, message)
        except BrokenFrame as broken:
            # User code can write to this socket; what it writes ends its own attempt and no other.
            attempt.breach = str(broken)
            self.close(attempt)
            self._on_talk(attempt, "broken")
            return
        if not still_open:
            self.close(attempt)

    def _hear(self, attempt: Attempt, message: Mapping[str, Any]) -> None:
        event = message.get("event")
        if not isinstance(event, str):
            raise BrokenFrame("a message that names no event")
        if event == "ask":
            self._answer(attempt, message)
            return
        if event == "started" and attempt.state is ObservedState.PENDING:
            attempt.state = ObservedState.RUNNING
            attempt.started_at = self._now()
        elif event in {"block_started", "block_finished"}:
            attempt.events.append(block_event(message, attempt.work.payload.get("blocks") or ()))
        elif event == "finished":
            attempt.result = attempt.result or checked_result(message.get("result"))
        elif event != "started":
            # A newer SDK may say more than we know of.
            return
        self._on_talk(attempt, event)

    def _answer(self, attempt: Attempt, message: Mapping[str, Any]) -> None:
        number, what, args = checked_ask(message)
        reply: dict[str, object] = {"op": "reply", "id": number}
        try:
            reply["value"] = self._broker.answer(attempt.work.attempt_id, what, args)
        except BrokerRefusal as refusal:
            reply["error"] = str(refusal)
        except Exception as error:  # noqa: BLE001 - the edge to a foreign object: one block's ask must not end the loop
            reply["error"] = f"the engine could not answer: {type(error).__name__}"
        if attempt.channel is not None:
            try:
                attempt.channel.send(reply)
            except (TypeError, ValueError, RecursionError) as error:
                attempt.channel.send({"op": "reply", "id": number, "error": f"no JSON value: {error}"})

    def finish(self, attempt: Attempt) -> None:
        """Take all that a dead child still said, then close."""
        while attempt.channel is not None:
            try:
                self._listen(attempt, attempt.channel)
            finally:
                self._close_if_dry(attempt)

    def _close_if_dry(self, attempt: Attempt) -> None:
        """Close when there is nothing more to read without waiting."""
        if attempt.channel is not None:
            try:
                attempt.channel.socket.recv(1, socket.MSG_PEEK)
            except OSError:
                self.close(attempt)

    def close(self, attempt: Attempt) -> None:
        """Stop listening. Idempotent."""
        if attempt.channel is not None:
            self._reactor.remove(attempt.channel.socket.fileno())
            attempt.channel.close()
            attempt.channel = None
