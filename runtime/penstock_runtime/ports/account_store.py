"""Where users, sessions, API keys, secrets and the audit trail are kept.

Only digests of credentials are stored; comparing and hashing is the business of `auth`. Times are aware, in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from penstock_runtime.ports.run_store import Page


class Role(StrEnum):
    """What a user may do; each role may do all that those after it may."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class User:
    """A person. `name` is unique without regard to case; `password_hash` is argon2's own text, or None (OIDC)."""

    id: str
    name: str
    role: Role
    password_hash: str | None
    created_at: datetime
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: `token_digest` is SHA-256 of the cookie, `csrf_token` is what unsafe requests repeat."""

    token_digest: str
    user_id: str
    csrf_token: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key for programs: `digest` is SHA-256 of the secret, `prefix` its first characters, to recognise it by."""

    id: str
    name: str
    role: Role
    prefix: str
    digest: str
    created_at: datetime
    created_by: str | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what to what, when, from where."""

    id: str
    at: datetime
    actor: str
    action: str
    target: str
    address: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A code that signs one person in once (`sign_in`) or makes the first owner (`setup`). `digest` is SHA-256."""

    digest: str
    purpose: str
    expires_at: datetime
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret of the database store; `ciphertext` is encrypted before it reaches this port."""

    name: str
    ciphertext: bytes
    updated_at: datetime
    updated_by: str | None = None


class AccountStore(Protocol):
    """Each call is one transaction."""

    def add_user(self, user: User) -> bool:
        """Insert; False when the name is taken."""
        ...

    def user(self, user_id: str) -> User | None: ...
    def user_by_name(self, name: str) -> User | None: ...
    def users(self) -> Sequence[User]: ...
    def update_user(self, user: User) -> bool: ...
    def delete_user(self, user_id: str) -> bool:
        """Remove with sessions and codes; False when there was none. Keeping the last owner is the caller's."""
        ...

    def add_session(self, session: Session) -> None: ...
    def session(self, token_digest: str, now: datetime) -> tuple[Session, User] | None:
        """Return a session that has not expired with its user, if not disabled."""
        ...

    def end_session(self, token_digest: str) -> None: ...
    def end_sessions_of(self, user_id: str) -> None: ...
    def add_api_key(self, key: ApiKey) -> None: ...
    def api_key(self, digest: str, now: datetime) -> ApiKey | None:
        """Return the key if not revoked, and note its use (at most once a minute)."""
        ...

    def api_keys(self) -> Sequence[ApiKey]: ...
    def revoke_api_key(self, key_id: str, now: datetime) -> bool: ...
    def revoke_api_keys_by(self, created_by: str, now: datetime) -> int:
        """Revoke every key that this actor made and that still works; how many."""
        ...

    def add_code(self, code: OneTimeCode) -> None:
        """Insert; one with the same digest takes the place of the one before."""
        ...

    def use_code(self, digest: str, purpose: str, now: datetime) -> OneTimeCode | None:
        """Return and remove a code that has not expired: it works once, whoever races."""
        ...

    def drop_codes_of(self, user_id: str) -> None:
        """Remove every code that signs this user in; idempotent."""
        ...

    def record(self, event: AuditEvent) -> None: ...
    def audit_events(self, limit: int, cursor: str | None = None) -> Page[AuditEvent]: ...
    def put_secret(self, secret: StoredSecret) -> None: ...
    def secret(self, name: str) -> StoredSecret | None: ...
    def secrets(self) -> Sequence[StoredSecret]: ...
    def delete_secret(self, name: str) -> bool: ...
