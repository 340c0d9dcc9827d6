"""Members of the fleet and the rights they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, case, or_, select, update
from sqlalchemy.dialects import postgresql

from penstock_runtime.domain.runs import Lease, Member
from penstock_runtime.persistence.columns import UtcTime
from penstock_runtime.persistence.steps import LEASE, MEMBER, Steps, field_values, insert_free, parameters
from penstock_runtime.persistence.tables import counters, leases, member_alive, members

_now = bindparam("now", type_=UtcTime())
_one = members.c.id == bindparam("member_id")

_first_term = postgresql.insert(counters).values(name="term", value=1)
_NEXT_TERM = _first_term.on_conflict_do_update(
    index_elements=[counters.c.name], set_={"value": counters.c.value + 1}
).returning(counters.c.value)
_JOIN = insert_free(members, MEMBER)
_HEARTBEAT = (
    update(members)
    .where(_one, members.c.term == bindparam("at_term"), member_alive)
    .values(
        seen_at=_now,
        expires_at=bindparam("new_expires_at", type_=UtcTime()),
        detail=bindparam("new_detail", type_=members.c.detail.type),
    )
)
_LEAVE = update(members).where(_one, member_alive).values(ended_at=_now)
_END_EXPIRED = (
    update(members).where(member_alive, members.c.expires_at <= _now).values(ended_at=_now).returning(*MEMBER)
)
_ALL = select(*MEMBER).order_by(members.c.started_at, members.c.term)
_ALIVE = _ALL.where(member_alive)

_take = postgresql.insert(leases).values(parameters(LEASE))
_ACQUIRE = _take.on_conflict_do_update(
    index_elements=[leases.c.name],
    set_={
        "holder": _take.excluded.holder,
        "expires_at": _take.excluded.expires_at,
        "term": case((leases.c.holder == _take.excluded.holder, leases.c.term), else_=leases.c.term + 1),
    },
    where=or_(leases.c.holder == _take.excluded.holder, leases.c.holder == "", leases.c.expires_at <= _now),
).returning(*LEASE)
_RELEASE = (
    update(leases)
    .where(leases.c.name == bindparam("of_name"), leases.c.holder == bindparam("of_holder"))
    .values(holder="", expires_at=datetime.min.replace(tzinfo=UTC))
)
_LEASE = select(*LEASE).where(leases.c.name == bindparam("of_name"), leases.c.holder != "")


class MemberSteps(Steps):
    """Members and rights."""

    def join(self, member: Member) -> int:
        """See the port."""
        term = int(self._session.rows(_NEXT_TERM)[0][0])
        self._session.change(_JOIN, **field_values(replace(member, term=term)))
        return term

    def heartbeat(
        self, member_id: str, term: int, now: datetime, expires_at: datetime, detail: Mapping[str, Any]
    ) -> bool:
        """See the port."""
        return self._session.change(
            _HEARTBEAT, member_id=member_id, at_term=term, now=now, new_expires_at=expires_at, new_detail=detail
        ) == 1  # fmt: skip

    def leave(self, member_id: str, now: datetime) -> None:
        """See the port."""
        self._session.change(_LEAVE, member_id=member_id, now=now)

    def end_expired_members(self, now: datetime) -> Sequence[Member]:
        """See the port."""
        ended = [Member(*row) for row in self._session.rows(_END_EXPIRED, now=now)]
        return sorted(ended, key=lambda member: member.term)

    def members(self, *, alive_only: bool = True) -> Sequence[Member]:
        """See the port."""
        return [Member(*row) for row in self._session.rows(_ALIVE if alive_only else _ALL)]

    def acquire_lease(self, name: str, holder: str, now: datetime, expires_at: datetime) -> Lease:
        """See the port."""
        row = self._session.first(_ACQUIRE, name=name, holder=holder, term=1, expires_at=expires_at, now=now)
        if row is None:
            row = self._session.first(_LEASE, of_name=name)
        if row is None:
            # Given up between the two statements: the next call gets it.
            return self.acquire_lease(name, holder, now, expires_at)
        return Lease(*row)

    def release_lease(self, name: str, holder: str) -> None:
        """See the port."""
        self._session.change(_RELEASE, of_name=name, of_holder=holder)

    def lease(self, name: str) -> Lease | None:
        """See the port; None when nobody holds it."""
        row = self._session.first(_LEASE, of_name=name)
        return None if row is None else Lease(*row)
