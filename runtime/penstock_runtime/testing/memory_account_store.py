"""An account store in memory: complete, so that what is built on the port can be tested without a database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from penstock_runtime.domain.errors import InvalidInput
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

P = ParamSpec("P")
R = TypeVar("R")
NOTE_USE_EVERY = timedelta(minutes=1)


def _alone(
    method: Callable[Concatenate[InMemoryAccountStore, P], R],
) -> Callable[Concatenate[InMemoryAccountStore, P], R]:
    """Run one method at a time: each is a transaction."""

    @wraps(method)
    def locked(self: InMemoryAccountStore, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked


class InMemoryAccountStore:
    """See ports.account_store. Any thread."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.lock = threading.RLock()
        self._users: dict[str, User] = {}
        self._sessions: dict[str, Session] = {}
        self._keys: dict[str, ApiKey] = {}
        self._codes: dict[str, OneTimeCode] = {}
        self._events: list[AuditEvent] = []
        self._secrets: dict[str, StoredSecret] = {}

    @_alone
    def add_user(self, user: User) -> bool:
        """Insert; False when the name is taken."""
        if self.user_by_name(user.name) is not None:
            return False
        self._users[user.id] = user
        return True

    @_alone
    def user(self, user_id: str) -> User | None:
        return self._users.get(user_id)

    @_alone
    def user_by_name(self, name: str) -> User | None:
        return next((user for user in self._users.values() if user.name.casefold() == name.casefold()), None)

    @_alone
    def users(self) -> Sequence[User]:
        return tuple(self._users.values())

    @_alone
    def update_user(self, user: User) -> bool:
        namesake = self.user_by_name(user.name)
        if user.id not in self._users or (namesake is not None and namesake.id != user.id):
            return False
        self._users[user.id] = user
        return True

    @_alone
    def delete_user(self, user_id: str) -> bool:
        """Remove with the sessions and codes."""
        self.end_sessions_of(user_id)
        self.drop_codes_of(user_id)
        return self._users.pop(user_id, None) is not None

    @_alone
    def add_session(self, session: Session) -> None:
        self._sessions[session.token_digest] = session

    @_alone
    def session(self, token_digest: str, now: datetime) -> tuple[Session, User] | None:
        """Return a session that has not expired with its user, if not disabled."""
        session = self._sessions.get(token_digest)
        user = self._users.get(session.user_id) if session is not None and session.expires_at > now else None
        if session is None or user is None or user.disabled_at is not None:
            return None
        return session, user

    @_alone
    def end_session(self, token_digest: str) -> None:
        self._sessions.pop(token_digest, None)

    @_alone
    def end_sessions_of(self, user_id: str) -> None:
        self._sessions = {key: session for key, session in self._sessions.items() if session.user_id != user_id}

    @_alone
    def add_api_key(self, key: ApiKey) -> None:
        self._keys[key.id] = key

    @_alone
    def api_key(self, digest: str, now: datetime) -> ApiKey | None:
        """Return the key if not revoked, and note its use (at most once a minute)."""
        key = next((key for key in self._keys.values() if key.digest == digest and key.revoked_at is None), None)
        if key is not None and (key.last_used_at is None or now - key.last_used_at >= NOTE_USE_EVERY):
            key = self._keys[key.id] = replace(key, last_used_at=now)
        return key

    @_alone
    def api_keys(self) -> Sequence[ApiKey]:
        return tuple(self._keys.values())

    @_alone
    def revoke_api_key(self, key_id: str, now: datetime) -> bool:
        key = self._keys.get(key_id)
        if key is None or key.revoked_at is not None:
            return False
        self._keys[key_id] = replace(key, revoked_at=now)
        return True

    @_alone
    def revoke_api_keys_by(self, created_by: str, now: datetime) -> int:
        made = [key for key in self._keys.values() if key.created_by == created_by and key.revoked_at is None]
        for key in made:
            self._keys[key.id] = replace(key, revoked_at=now)
        return len(made)

    @_alone
    def add_code(self, code: OneTimeCode) -> None:
        self._codes[code.digest] = code

    @_alone
    def use_code(self, digest: str, purpose: str, now: datetime) -> OneTimeCode | None:
        """Return and remove a code that has not expired."""
        code = self._codes.get(digest)
        if code is None or code.purpose != purpose:
            return None
        del self._codes[digest]
        return code if code.expires_at > now else None

    @_alone
    def drop_codes_of(self, user_id: str) -> None:
        self._codes = {key: code for key, code in self._codes.items() if code.user_id != user_id}

    @_alone
    def record(self, event: AuditEvent) -> None:
        self._events.append(event)

    @_alone
    def audit_events(self, limit: int, cursor: str | None = None) -> Page[AuditEvent]:
        """Return events, newest first; the cursor is how many have been seen."""
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
            raise InvalidInput("the cursor is not one that a list gave", "cursor")
        start = int(cursor or 0)
        newest = self._events[::-1]
        more = start + limit < len(newest)
        return Page(newest[start : start + limit], str(start + limit) if more else None)

    @_alone
    def put_secret(self, secret: StoredSecret) -> None:
        self._secrets[secret.name] = secret

    @_alone
    def secret(self, name: str) -> StoredSecret | None:
        return self._secrets.get(name)

    @_alone
    def secrets(self) -> Sequence[StoredSecret]:
        return tuple(self._secrets.values())

    @_alone
    def delete_secret(self, name: str) -> bool:
        return self._secrets.pop(name, None) is not None

    def dump(self) -> str:
        """Return everything that is stored, as text: for tests that look for what must not be there."""
        parts: list[Any] = [self._users, self._sessions, self._keys, self._codes, self._events, self._secrets]
        return repr(parts)


def _fulfils_the_port(store: InMemoryAccountStore) -> AccountStore:
    """Let the type checker compare the two."""
    return store
