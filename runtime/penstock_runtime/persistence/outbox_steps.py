"""Messages to people: recorded once with what they tell, sent at least once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, func, literal_column, null, select, tuple_, update

from penstock_runtime.domain.runs import BlockRunKind, BlockRunStatus
from penstock_runtime.persistence.columns import UtcTime
from penstock_runtime.persistence.cursors import read_cursor, write_cursor
from penstock_runtime.persistence.steps import Steps, any_of, field_values, insert_free, record_columns
from penstock_runtime.persistence.tables import block_runs, outbox, outbox_waiting
from penstock_runtime.ports.outbox import FailedBlock, OutboxMessage
from penstock_runtime.ports.run_store import Page

_MESSAGE = record_columns(outbox, OutboxMessage)
_c = outbox.c
_now = bindparam("now", type_=UtcTime())
_until = bindparam("until", type_=UtcTime())
_error: BindParameter[str] = bindparam("error")
_one = _c.id == bindparam("message_id")
_RECORD = insert_free(outbox, _MESSAGE)
_WAITING = select(_c.destination, func.min(_c.due_at, type_=UtcTime())).where(outbox_waiting).group_by(_c.destination)
_next = (
    select(_c.id)
    .where(outbox_waiting, _c.destination == bindparam("to"), _c.due_at <= _now)
    .order_by(_c.due_at, _c.id)
    .limit(literal_column("1"))
    .with_for_update(skip_locked=True)
)
_CLAIM = update(outbox).where(_c.id.in_(_next)).values(due_at=_until, tries=_c.tries + 1).returning(*_MESSAGE)
_SENT = update(outbox).where(_one, _c.sent_at.is_(None)).values(sent_at=_now, due_at=null(), given_up_at=null())
# The try is the fence: whoever claimed it after this one knows better.
_last_try = (_c.tries == bindparam("of_try")) & outbox_waiting
_PUT_OFF = update(outbox).where(_one, _last_try).values(due_at=_until, last_error=_error)
_GIVE_UP = update(outbox).where(_one, _last_try).values(due_at=null(), given_up_at=_now, last_error=_error)
# Its occasions are `run id/epoch/event`, and 0 is the character after the stroke: a range of the unique key's index.
_OF_RUN = (
    select(*_MESSAGE)
    .where(_c.occasion >= bindparam("first"), _c.occasion < bindparam("after"))
    .order_by(_c.created_at, _c.id)
)
_b = block_runs.c
_FAILED = (
    select(_b.block, _b.map_index, _b.error)
    .where(
        _b.run_id == bindparam("run_id"),
        _b.status == BlockRunStatus.FAILED,
        any_of(_b.kind, (BlockRunKind.BLOCK, BlockRunKind.INSTANCE, BlockRunKind.PIPELINE)),
    )
    .order_by(_b.kind == BlockRunKind.PIPELINE, _b.ended_at, _b.id)
    .limit(bindparam("count"))
)


@cache
def _page(*, after: bool) -> Select[Any]:
    statement = select(*_MESSAGE).order_by(_c.created_at.desc(), _c.id.desc()).limit(bindparam("count"))
    if after:
        here = tuple_(bindparam("after_at", type_=UtcTime()), bindparam("after_id"))
        statement = statement.where(tuple_(_c.created_at, _c.id) < here)
    return statement


class OutboxSteps(Steps):
    """See ports.outbox."""

    def record_messages(self, messages: Sequence[OutboxMessage]) -> int:
        """See the port."""
        return sum(self._session.change(_RECORD, **field_values(message)) for message in messages)

    def waiting_messages(self) -> Mapping[str, datetime]:
        """See the port."""
        return {row[0]: row[1] for row in self._session.rows(_WAITING)}

    def claim_message(self, destination: str, now: datetime, until: datetime) -> OutboxMessage | None:
        """See the port."""
        row = self._session.first(_CLAIM, to=destination, now=now, until=until)
        return None if row is None else OutboxMessage(*row)

    def message_sent(self, message_id: str, now: datetime) -> bool:
        """See the port."""
        return self._session.change(_SENT, message_id=message_id, now=now) == 1

    def put_off_message(self, message_id: str, tries: int, due_at: datetime, error: str) -> bool:
        """See the port."""
        return self._session.change(_PUT_OFF, message_id=message_id, of_try=tries, until=due_at, error=error) == 1

    def give_up_message(self, message_id: str, tries: int, now: datetime, error: str) -> bool:
        """See the port."""
        return self._session.change(_GIVE_UP, message_id=message_id, of_try=tries, now=now, error=error) == 1

    def messages(self, limit: int, cursor: str | None = None) -> Page[OutboxMessage]:
        """See the port."""
        values: dict[str, Any] = {"count": limit + 1}
        if cursor is not None:
            values["after_at"], values["after_id"] = read_cursor(cursor)
        rows = [OutboxMessage(*row) for row in self._session.rows(_page(after=cursor is not None), **values)]
        items = rows[:limit]
        return Page(items, write_cursor(items[-1].created_at, items[-1].id) if len(rows) > limit else None)

    def messages_of_run(self, run_id: str) -> Sequence[OutboxMessage]:
        """See the port."""
        return [OutboxMessage(*row) for row in self._session.rows(_OF_RUN, first=f"{run_id}/", after=f"{run_id}0")]

    def failed_blocks(self, run_id: str, limit: int) -> Sequence[FailedBlock]:
        """See the port."""
        return [FailedBlock(*row) for row in self._session.rows(_FAILED, run_id=run_id, count=limit)]
