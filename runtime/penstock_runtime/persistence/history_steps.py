"""Letting finished history go by policy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Delete, Table, and_, bindparam, delete, exists, func, literal_column, not_, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from penstock_runtime.persistence.columns import UtcTime, among
from penstock_runtime.persistence.steps import Steps, record_columns
from penstock_runtime.persistence.tables import (
    attempt_running,
    attempts,
    backfills,
    code_versions,
    idempotency_keys,
    lost_ticks,
    members,
    outbox,
    run_over,
    runs,
    scaling_decisions,
)
from penstock_runtime.ports.history import EndedRun

_before = bindparam("before", type_=UtcTime())
_ENDED = record_columns(runs, EndedRun)
_of_open_backfill = exists().where(
    backfills.c.id == runs.c.trigger_id,
    backfills.c.status.in_([literal_column("'running'"), literal_column("'paused'")]),
)
_oldest = (
    select(*_ENDED)
    .where(run_over, runs.c.ended_at < _before, not_(_of_open_backfill))
    .order_by(runs.c.ended_at, runs.c.id)
    .limit(bindparam("count"))
)
_OLDEST = _oldest
_OLDEST_AFTER = _oldest.where(
    tuple_(runs.c.ended_at, runs.c.id)
    > tuple_(bindparam("after_at", type_=UtcTime()), bindparam("after_id", type_=runs.c.id.type))
)
_NTH_NEWEST = (
    select(runs.c.created_at)
    .where(runs.c.pipeline == bindparam("pipeline"))
    .order_by(runs.c.created_at.desc(), runs.c.id.desc())
    .limit(1)
    .offset(bindparam("passed"))
)
_free = select(runs.c.id).where(among(runs.c.id, "run_ids"), run_over).with_for_update(skip_locked=True)
_DELETE_RUNS = delete(runs).where(runs.c.id.in_(_free)).returning(runs.c.id)
_newest = select(func.max(code_versions.c.number)).scalar_subquery()
_digest_of_newest = select(code_versions.c.digest).where(code_versions.c.number == _newest).scalar_subquery()
_UNUSED = (
    select(code_versions.c.digest)
    .where(
        code_versions.c.published_at < _before,
        code_versions.c.digest != _digest_of_newest,
        not_(exists().where(runs.c.bundle == code_versions.c.digest)),
    )
    .distinct()
    .order_by(code_versions.c.digest)
)
_FORGET = delete(code_versions).where(among(code_versions.c.digest, "digests"), code_versions.c.number != _newest)
_KNOWN = select(runs.c.id).where(among(runs.c.id, "run_ids"))


def _some(table: Table, over: ColumnElement[bool]) -> Delete:
    return delete(table).where(table.c.id.in_(select(table.c.id).where(over).limit(bindparam("count"))))


_told = and_(outbox.c.due_at.is_(None), outbox.c.created_at < _before)
_dead = and_(
    members.c.ended_at < _before,
    # Its attempts are still to be rescued: whoever does that looks at the member.
    not_(exists().where(attempts.c.member_id == members.c.id, attempt_running)),
)
_empty = and_(backfills.c.ended_at < _before, not_(exists().where(runs.c.trigger_id == backfills.c.id)))
_RECORDS = {
    "lost_ticks": _some(lost_ticks, lost_ticks.c.recorded_at < _before),
    "messages": _some(outbox, _told),
    "scaling_decisions": _some(scaling_decisions, scaling_decisions.c.at < _before),
    "backfills": _some(backfills, _empty),
    "members": _some(members, _dead),
}
# The key has two columns; expired keys are few at a time, and their index finds them.
_EXPIRED_KEYS = delete(idempotency_keys).where(idempotency_keys.c.expires_at <= bindparam("now", type_=UtcTime()))


class HistorySteps(Steps):
    """See ports.history."""

    def ended_runs(self, before: datetime, after: tuple[datetime, str] | None, limit: int) -> Sequence[EndedRun]:
        """See the port."""
        if after is None:
            rows = self._session.rows(_OLDEST, before=before, count=limit)
        else:
            rows = self._session.rows(_OLDEST_AFTER, before=before, after_at=after[0], after_id=after[1], count=limit)
        return [EndedRun(*row) for row in rows]

    def newest_runs_since(self, pipeline: str, count: int) -> datetime | None:
        """See the port."""
        row = self._session.first(_NTH_NEWEST, pipeline=pipeline, passed=count - 1)
        return None if row is None else row[0]

    def delete_runs(self, run_ids: Sequence[str]) -> Sequence[str]:
        """See the port. Block runs and attempts go by their foreign keys."""
        return [row[0] for row in self._session.rows(_DELETE_RUNS, run_ids=list(run_ids))] if run_ids else []

    def delete_records(self, before: datetime, now: datetime, limit: int) -> Mapping[str, int]:
        """See the port."""
        counts = {
            kind: self._session.change(statement, before=before, count=limit) for kind, statement in _RECORDS.items()
        }
        return {**counts, "idempotency_keys": self._session.change(_EXPIRED_KEYS, now=now)}

    def unused_bundles(self, before: datetime) -> Sequence[str]:
        """See the port."""
        return [row[0] for row in self._session.rows(_UNUSED, before=before)]

    def forget_code_versions(self, digests: Sequence[str]) -> None:
        """See the port."""
        if digests:
            self._session.change(_FORGET, digests=list(digests))

    def runs_that_are(self, run_ids: Collection[str]) -> frozenset[str]:
        """See the port."""
        return (
            frozenset(row[0] for row in self._session.rows(_KNOWN, run_ids=list(run_ids))) if run_ids else frozenset()
        )
