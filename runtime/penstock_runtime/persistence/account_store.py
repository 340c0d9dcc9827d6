"""The account store on SQLite and Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Select, bindparam, delete, exists, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql

from penstock_runtime.persistence.account_tables import (
    api_keys,
    audit_events,
    one_time_codes,
    secrets,
    sessions,
    users,
)
from penstock_runtime.persistence.columns import UtcTime
from penstock_runtime.persistence.cursors import read_cursor, write_cursor
from penstock_runtime.persistence.database import Database
from penstock_runtime.persistence.statements import Row
from penstock_runtime.persistence.steps import field_values, insert_free, parameters, record_columns
from penstock_runtime.ports.account_store import (
    AccountStore,
    ApiKey,
    AuditEvent,
    OneTimeCode,
    Session,
    StoredSecret,
    User,
)
from penstock_runtime.ports.run_store import Page

USE_NOTED_EVERY = timedelta(minutes=1)
"""How often the last use of an API key is written, so that reading does not turn into writing."""

_USER = record_columns(users, User)
_SESSION = record_columns(sessions, Session)
_API_KEY = record_columns(api_keys, ApiKey)
_EVENT = record_columns(audit_events, AuditEvent)
_CODE = record_columns(one_time_codes, OneTimeCode)
_SECRET = record_columns(secrets, StoredSecret)
_now = bindparam("now", type_=UtcTime())


def _is(column: Column[Any], name: str) -> Any:
    return column == bindparam(name, type_=column.type)


_name_key = _is(users.c.name_key, "folded")
_other = users.alias("other")
_ADD_USER = insert_free(users, [*_USER, users.c.name_key])
_USER_BY_ID = select(*_USER).where(_is(users.c.id, "user_id"))
_USER_BY_NAME = select(*_USER).where(_name_key)
_USERS = select(*_USER).order_by(users.c.created_at, users.c.id)
_UPDATE_USER = (
    update(users)
    .where(
        _is(users.c.id, "user_id"),
        ~exists().where(_other.c.name_key == bindparam("new_name_key"), _other.c.id != bindparam("user_id")),
    )
    .values(
        {
            name: bindparam(f"new_{name}", type_=users.c[name].type)
            for name in ("name", "name_key", "role", "password_hash", "disabled_at")
        }
    )
)
_DELETE_USER = delete(users).where(_is(users.c.id, "user_id"))

_ADD_SESSION = postgresql.insert(sessions).values(parameters(_SESSION))
_READ_SESSION = (
    select(*_SESSION, *_USER)
    .join_from(sessions, users, users.c.id == sessions.c.user_id)
    .where(_is(sessions.c.token_digest, "digest"), sessions.c.expires_at > _now, users.c.disabled_at.is_(None))
)
_END_SESSION = delete(sessions).where(_is(sessions.c.token_digest, "digest"))
_END_EXPIRED = delete(sessions).where(sessions.c.expires_at <= _now)
_END_SESSIONS = delete(sessions).where(_is(sessions.c.user_id, "of_user"))

_ADD_KEY = postgresql.insert(api_keys).values(parameters(_API_KEY))
_KEYS = select(*_API_KEY).order_by(api_keys.c.created_at, api_keys.c.id)
_KEY = select(*_API_KEY).where(_is(api_keys.c.digest, "of_digest"), api_keys.c.revoked_at.is_(None))
_NOTE_USE = (
    update(api_keys)
    .where(
        _is(api_keys.c.digest, "of_digest"),
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= bindparam("before", type_=UtcTime())),
    )
    .values(last_used_at=_now)
    .returning(*_API_KEY)
)
_REVOKE = update(api_keys).where(_is(api_keys.c.id, "key_id"), api_keys.c.revoked_at.is_(None)).values(revoked_at=_now)
_REVOKE_BY = (
    update(api_keys).where(_is(api_keys.c.created_by, "maker"), api_keys.c.revoked_at.is_(None)).values(revoked_at=_now)
)

_add_code = postgresql.insert(one_time_codes).values(parameters(_CODE))
_ADD_CODE = _add_code.on_conflict_do_update(
    index_elements=[one_time_codes.c.digest],
    set_={name: _add_code.excluded[name] for name in ("purpose", "expires_at", "user_id")},
)
_USE_CODE = (
    delete(one_time_codes)
    .where(_is(one_time_codes.c.digest, "digest"), _is(one_time_codes.c.purpose, "purpose"))
    .returning(*_CODE)
)
_DROP_CODES = delete(one_time_codes).where(_is(one_time_codes.c.user_id, "of_user"))

_RECORD = postgresql.insert(audit_events).values(parameters(_EVENT))
_events = select(*_EVENT).order_by(audit_events.c.at.desc(), audit_events.c.id.desc()).limit(bindparam("count"))
_EVENTS: Select[Any] = _events
_EVENTS_AFTER: Select[Any] = _events.where(
    tuple_(audit_events.c.at, audit_events.c.id) < tuple_(bindparam("after_at", type_=UtcTime()), bindparam("after_id"))
)

_put_secret = postgresql.insert(secrets).values(parameters(_SECRET))
_PUT_SECRET = _put_secret.on_conflict_do_update(
    index_elements=[secrets.c.name],
    set_={name: _put_secret.excluded[name] for name in ("ciphertext", "updated_at", "updated_by")},
)
_SECRETS = select(*_SECRET).order_by(secrets.c.name)
_READ_SECRET = select(*_SECRET).where(_is(secrets.c.name, "of_name"))
_DELETE_SECRET = delete(secrets).where(_is(secrets.c.name, "of_name"))


class SqlAccountStore:
    """See the port. Shares its database with the run store."""

    def __init__(self, database: Database) -> None:
        """Share the database; whoever opened it closes it."""
        self._database = database

    # --- users -------------------------------------------------------------------------------------------------------
    def add_user(self, user: User) -> bool:
        """See the port."""
        return self._change(_ADD_USER, **field_values(user), name_key=user.name.casefold()) == 1

    def user(self, user_id: str) -> User | None:
        """Return the user of that id."""
        row = self._first(_USER_BY_ID, user_id=user_id)
        return None if row is None else User(*row)

    def user_by_name(self, name: str) -> User | None:
        """Return the user of that name, whatever its case."""
        row = self._first(_USER_BY_NAME, folded=name.casefold())
        return None if row is None else User(*row)

    def users(self) -> Sequence[User]:
        """Return everyone, in order of creation."""
        return [User(*row) for row in self._rows(_USERS)]

    def update_user(self, user: User) -> bool:
        """Write name, role, password and whether disabled; False when there is none, or the name is another's."""
        return (
            self._change(
                _UPDATE_USER,
                user_id=user.id,
                new_name=user.name,
                new_name_key=user.name.casefold(),
                new_role=user.role,
                new_password_hash=user.password_hash,
                new_disabled_at=user.disabled_at,
            )
            == 1
        )

    def delete_user(self, user_id: str) -> bool:
        """See the port. Sessions and codes go by their foreign keys."""
        return self._change(_DELETE_USER, user_id=user_id) == 1

    # --- sessions ----------------------------------------------------------------------------------------------------
    def add_session(self, session: Session) -> None:
        """Insert, and clear away those that have expired: sign-ins are rare, and nobody else would."""
        with self._database.transaction() as open_session:
            open_session.change(_END_EXPIRED, now=session.created_at)
            open_session.change(_ADD_SESSION, **field_values(session))

    def session(self, token_digest: str, now: datetime) -> tuple[Session, User] | None:
        """See the port."""
        row = self._first(_READ_SESSION, digest=token_digest, now=now)
        return None if row is None else (Session(*row[: len(_SESSION)]), User(*row[len(_SESSION) :]))

    def end_session(self, token_digest: str) -> None:
        """Remove it; idempotent."""
        self._change(_END_SESSION, digest=token_digest)

    def end_sessions_of(self, user_id: str) -> None:
        """Remove every session of a user; idempotent."""
        self._change(_END_SESSIONS, of_user=user_id)

    # --- API keys ----------------------------------------------------------------------------------------------------
    def add_api_key(self, key: ApiKey) -> None:
        """Insert."""
        self._change(_ADD_KEY, **field_values(key))

    def api_key(self, digest: str, now: datetime) -> ApiKey | None:
        """See the port."""
        row = self._first(_KEY, of_digest=digest)
        if row is None:
            return None
        key = ApiKey(*row)
        if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY:
            with self._database.transaction() as session:
                row = session.first(_NOTE_USE, of_digest=digest, now=now, before=now - USE_NOTED_EVERY)
            # None when another process noted its use in between.
            return key if row is None else ApiKey(*row)
        return key

    def api_keys(self) -> Sequence[ApiKey]:
        """Return every key, revoked ones too, in order of creation."""
        return [ApiKey(*row) for row in self._rows(_KEYS)]

    def revoke_api_key(self, key_id: str, now: datetime) -> bool:
        """Revoke; False when there was none to revoke."""
        return self._change(_REVOKE, key_id=key_id, now=now) == 1

    def revoke_api_keys_by(self, created_by: str, now: datetime) -> int:
        """See the port."""
        return self._change(_REVOKE_BY, maker=created_by, now=now)

    # --- one-time codes ----------------------------------------------------------------------------------------------
    def add_code(self, code: OneTimeCode) -> None:
        """See the port."""
        self._change(_ADD_CODE, **field_values(code))

    def use_code(self, digest: str, purpose: str, now: datetime) -> OneTimeCode | None:
        """See the port."""
        with self._database.transaction() as session:
            row = session.first(_USE_CODE, digest=digest, purpose=purpose)
        code = None if row is None else OneTimeCode(*row)
        return code if code is not None and code.expires_at > now else None

    def drop_codes_of(self, user_id: str) -> None:
        """See the port."""
        self._change(_DROP_CODES, of_user=user_id)

    # --- the audit trail ---------------------------------------------------------------------------------------------
    def record(self, event: AuditEvent) -> None:
        """Append."""
        self._change(_RECORD, **field_values(event))

    def audit_events(self, limit: int, cursor: str | None = None) -> Page[AuditEvent]:
        """Return events, newest first; InvalidInput for a cursor that is not ours."""
        if cursor is None:
            rows = self._rows(_EVENTS, count=limit + 1)
        else:
            at, id_ = read_cursor(cursor)
            rows = self._rows(_EVENTS_AFTER, count=limit + 1, after_at=at, after_id=id_)
        items = [AuditEvent(*row) for row in rows[:limit]]
        more = len(rows) > limit and bool(items)
        return Page(items, write_cursor(items[-1].at, items[-1].id) if more else None)

    # --- secrets -----------------------------------------------------------------------------------------------------
    def put_secret(self, secret: StoredSecret) -> None:
        """Insert or replace."""
        self._change(_PUT_SECRET, **field_values(secret))

    def secret(self, name: str) -> StoredSecret | None:
        """Return one."""
        row = self._first(_READ_SECRET, of_name=name)
        return None if row is None else StoredSecret(*row)

    def secrets(self) -> Sequence[StoredSecret]:
        """Return all, by name."""
        return [StoredSecret(*row) for row in self._rows(_SECRETS)]

    def delete_secret(self, name: str) -> bool:
        """Remove; False when there was none."""
        return self._change(_DELETE_SECRET, of_name=name) == 1

    # --- statements --------------------------------------------------------------------------------------------------
    def _rows(self, statement: Any, **values: Any) -> Sequence[Row]:
        with self._database.transaction(read_only=True) as session:
            return session.rows(statement, **values)

    def _first(self, statement: Any, **values: Any) -> Row | None:
        rows = self._rows(statement, **values)
        return rows[0] if rows else None

    def _change(self, statement: Any, **values: Any) -> int:
        with self._database.transaction() as session:
            return session.change(statement, **values)


def _fulfils_the_port(store: SqlAccountStore) -> AccountStore:
    """Let the type checker compare the two."""
    return store
