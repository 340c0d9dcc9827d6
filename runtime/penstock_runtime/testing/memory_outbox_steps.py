"""Messages to people: recorded once with what they tell, sent at least once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from penstock_runtime.domain.runs import BlockRunKind, BlockRunStatus
from penstock_runtime.ports.outbox import FailedBlock, OutboxMessage
from penstock_runtime.ports.run_store import Page
from penstock_runtime.testing.memory_state import StateSteps, plain, stored

_SHOWN_KINDS = (BlockRunKind.BLOCK, BlockRunKind.INSTANCE, BlockRunKind.PIPELINE)


class MemoryOutboxSteps(StateSteps):
    """See ports.outbox."""

    def record_messages(self, messages: Sequence[OutboxMessage]) -> int:
        """See the port."""
        taken = {(one.occasion, one.destination) for one in self._messages()}
        new = 0
        for message in messages:
            place = (message.occasion, message.destination)
            if place not in taken:
                taken.add(place)
                self._state.messages[message.id] = stored(message)
                new += 1
        return new

    def waiting_messages(self) -> Mapping[str, datetime]:
        """See the port."""
        found: dict[str, datetime] = {}
        for one in self._messages():
            if one.due_at is not None:
                found[one.destination] = min(one.due_at, found.get(one.destination, one.due_at))
        return found

    def claim_message(self, destination: str, now: datetime, until: datetime) -> OutboxMessage | None:
        """See the port."""
        at = plain(now)
        due = [
            (one.due_at, one.id, one)
            for one in self._messages()
            if one.destination == destination and one.due_at is not None and one.due_at <= at
        ]
        if not due:
            return None
        message = min(due, key=lambda found: found[:2])[2]
        return self._keep(replace(message, due_at=plain(until), tries=message.tries + 1))

    def message_sent(self, message_id: str, now: datetime) -> bool:
        """See the port."""
        message = self._state.messages.get(message_id)
        if message is None or message.sent_at is not None:
            return False
        self._keep(replace(message, sent_at=plain(now), due_at=None, given_up_at=None))
        return True

    def put_off_message(self, message_id: str, tries: int, due_at: datetime, error: str) -> bool:
        """See the port."""
        message = self._of_try(message_id, tries)
        if message is not None:
            self._keep(replace(message, due_at=plain(due_at), last_error=error))
        return message is not None

    def give_up_message(self, message_id: str, tries: int, now: datetime, error: str) -> bool:
        """See the port."""
        message = self._of_try(message_id, tries)
        if message is not None:
            self._keep(replace(message, due_at=None, given_up_at=plain(now), last_error=error))
        return message is not None

    def messages(self, limit: int, cursor: str | None = None) -> Page[OutboxMessage]:
        """See the port; the cursor is the id of the last one given."""
        rows = sorted(self._messages(), key=lambda one: (one.created_at, one.id), reverse=True)
        if cursor is not None:
            last = self._state.messages[cursor]
            rows = [one for one in rows if (one.created_at, one.id) < (last.created_at, last.id)]
        items = rows[:limit]
        return Page(items, items[-1].id if len(rows) > limit else None)

    def messages_of_run(self, run_id: str) -> Sequence[OutboxMessage]:
        """See the port."""
        found = [one for one in self._messages() if one.run_id == run_id]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def failed_blocks(self, run_id: str, limit: int) -> Sequence[FailedBlock]:
        """See the port."""
        late = datetime.max.replace(tzinfo=UTC)
        rows = [
            row
            for row in self._state.block_runs.values()
            if row.run_id == run_id and row.status is BlockRunStatus.FAILED and row.kind in _SHOWN_KINDS
        ]
        rows.sort(key=lambda row: (row.kind is BlockRunKind.PIPELINE, row.ended_at or late, row.id))
        return [FailedBlock(row.block, row.map_index, row.error) for row in rows[:limit]]

    def _messages(self) -> Sequence[OutboxMessage]:
        return list(self._state.messages.values())

    def _of_try(self, message_id: str, tries: int) -> OutboxMessage | None:
        message: OutboxMessage | None = self._state.messages.get(message_id)
        held = message is not None and message.tries == tries and message.due_at is not None
        return message if held else None

    def _keep(self, message: OutboxMessage) -> OutboxMessage:
        self._state.messages[message.id] = message
        return message
