"""Published versions of the project's code, and the idempotency keys of requests for runs."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects import postgresql

from penstock_runtime.domain.errors import StoreContention
from penstock_runtime.persistence.columns import UtcTime
from penstock_runtime.persistence.steps import CODE_VERSION, Steps, parameters
from penstock_runtime.persistence.tables import code_versions, idempotency_keys, runs
from penstock_runtime.ports.run_store import CodeVersion

_NEWEST = select(*CODE_VERSION).order_by(code_versions.c.number.desc()).limit(1)
_PUBLISH = (
    postgresql.insert(code_versions).values(parameters(CODE_VERSION)).on_conflict_do_nothing().returning(*CODE_VERSION)
)

# A loose index scan: one step for each bundle, however many runs name it.
_used = select(func.min(runs.c.bundle).label("bundle")).cte("used", recursive=True)
_used = _used.union_all(
    select(select(func.min(runs.c.bundle)).where(runs.c.bundle > _used.c.bundle).scalar_subquery()).where(
        _used.c.bundle.is_not(None)
    )
)
_BUNDLES = select(_used.c.bundle).where(_used.c.bundle.is_not(None))

_keys = idempotency_keys.c
_insert_key = postgresql.insert(idempotency_keys).values(parameters(idempotency_keys.c))
_CLAIM_KEY = _insert_key.on_conflict_do_update(
    index_elements=[_keys.scope, _keys.key],
    set_={name: _insert_key.excluded[name] for name in ("body_hash", "run_id", "expires_at")},
    where=_keys.expires_at <= bindparam("now", type_=UtcTime()),
).returning(_keys.run_id)
_KEY = select(_keys.run_id, _keys.body_hash).where(_keys.scope == bindparam("scope"), _keys.key == bindparam("key"))
_NEVER = datetime.min.replace(tzinfo=UTC)


class CodeSteps(Steps):
    """Code versions and idempotency keys."""

    def publish_code_version(self, digest: str, now: datetime, by: str | None = None) -> CodeVersion:
        """See the port. Two publishers at once: the second waits for the first, then takes the next number."""
        for _ in range(8):
            newest = self.newest_code_version()
            if newest is not None and newest.digest == digest:
                return newest
            number = 1 if newest is None else newest.number + 1
            row = self._session.first(_PUBLISH, number=number, digest=digest, published_at=now, published_by=by)
            if row is not None:
                return CodeVersion(*row)
        raise StoreContention("other versions of the code were published all the while")

    def newest_code_version(self) -> CodeVersion | None:
        """See the port."""
        row = self._session.first(_NEWEST)
        return None if row is None else CodeVersion(*row)

    def bundles_in_use(self) -> frozenset[str]:
        """See the port."""
        used = {row[0] for row in self._session.rows(_BUNDLES)}
        newest = self.newest_code_version()
        return frozenset(used if newest is None else used | {newest.digest})

    def claim_idempotency_key(
        self, scope: str, key: str, body_hash: str, run_id: str, expires_at: datetime, *, now: datetime | None = None
    ) -> tuple[str, str] | None:
        """See the port."""
        taken = self._session.first(
            _CLAIM_KEY,
            scope=scope,
            key=key,
            body_hash=body_hash,
            run_id=run_id,
            expires_at=expires_at,
            now=now or _NEVER,
        )
        if taken is not None:
            return None
        row = self._session.first(_KEY, scope=scope, key=key)
        if row is None:
            raise StoreContention("the idempotency key was given up while it was asked for")
        return row[0], row[1]
