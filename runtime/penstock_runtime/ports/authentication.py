"""Who is asking, and what they may do.

Credentials are compared and hashed behind this port; callers see identities. Every method that changes an account
records an audit event. Times come from the clock of the implementation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.ports.account_store import ApiKey, AuditEvent, Role, User
from penstock_runtime.ports.run_store import Page

RANK: Mapping[Role, int] = {Role.VIEWER: 0, Role.EDITOR: 1, Role.ADMIN: 2, Role.OWNER: 3}
"""Roles in order: each may do all that a lower one may."""


class NotSignedIn(PenstockError):
    """No credential, or one that is unknown, expired or revoked."""


class WrongCredentials(NotSignedIn):
    """The name and password, or the one-time code, do not fit. Says no more, on purpose."""


class NotAllowed(PenstockError):
    """The identity is known and its role does not suffice."""


class TooManyFailures(PenstockError):
    """Too many failed sign-ins from that address or for that name; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        """Say how long to wait."""
        super().__init__(f"too many failed sign-ins; try again in {retry_after} seconds")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request carried: a session cookie's value, a bearer token, or neither."""

    session_token: str | None = None
    bearer: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking. `actor` names them in the audit trail (`user:ada`, `api-key:ci`, `local`).

    `csrf_token` is set for a browser's session alone: its unsafe requests must repeat it.
    """

    actor: str
    name: str
    role: Role
    user_id: str | None = None
    csrf_token: str | None = None
    address: str | None = None

    def may(self, role: Role) -> bool:
        """Whether this identity's role is `role` or above it."""
        return RANK[self.role] >= RANK[role]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: the cookie's value, how long it lives in seconds, and whose it is."""

    token: str
    seconds: int
    identity: Identity


@dataclass(frozen=True, slots=True)
class UserChange:
    """What to change of a user; None leaves as it is."""

    role: Role | None = None
    password: str | None = field(default=None, repr=False)
    disabled: bool | None = None


class Authentication(Protocol):
    """Signing in and being recognised."""

    @property
    def open_to_all(self) -> bool:
        """Whether nobody signs in (`PENSTOCK_AUTH_MODE=none`): every request on this machine is the owner's."""
        ...

    def identify(self, credentials: Credentials, address: str | None) -> Identity | None:
        """Return whose the credentials are; None when there are none or they are not valid (any more)."""
        ...

    def sign_in(self, name: str, password: str, address: str | None) -> SignedIn:
        """Open a session. WrongCredentials; TooManyFailures, before the password is even looked at."""
        ...

    def sign_in_with_code(self, code: str, address: str | None) -> SignedIn:
        """Open a session with a one-time code, which then is used up. WrongCredentials, TooManyFailures."""
        ...

    def sign_out(self, session_token: str) -> None:
        """End a session; idempotent."""
        ...

    def change_own_password(self, identity: Identity, current: str, new: str) -> None:
        """Set it and end the user's every session and sign-in link. WrongCredentials, InvalidInput, TooManyFailures."""
        ...

    def setup_needed(self) -> bool:
        """Whether there is no user yet."""
        ...

    def set_up(self, code: str, name: str, password: str, address: str | None) -> SignedIn:
        """Make the first owner. Conflict once there is a user; WrongCredentials, InvalidInput, TooManyFailures."""
        ...


class Accounts(Protocol):
    """Users, API keys and the audit trail. `by` may give no role above its own, nor touch who has one above it."""

    def users(self) -> Sequence[User]:
        """Return every user, by name."""
        ...

    def user(self, user_id: str) -> User:
        """Return one; NotFound."""
        ...

    def create_user(self, by: Identity, name: str, role: Role, password: str | None) -> User:
        """Conflict when the name is taken, InvalidInput, NotAllowed. Without a password: by one-time link only."""
        ...

    def change_user(self, by: Identity, user_id: str, change: UserChange) -> User:
        """Change what is given. NotFound, NotAllowed, Conflict for the last owner.

        A new password or a disabling ends the user's sessions; these and a new role make their sign-in links worthless.
        A disabling also revokes the API keys that they made.
        """
        ...

    def delete_user(self, by: Identity, user_id: str) -> None:
        """Remove with sessions and links, and revoke the keys that they made. NotFound, NotAllowed, Conflict."""
        ...

    def sign_in_code(self, by: Identity, user_id: str) -> str:
        """Return a code that signs this user in once, within some minutes. NotFound, NotAllowed."""
        ...

    def api_keys(self) -> Sequence[ApiKey]:
        """Return every key, newest first, revoked ones too."""
        ...

    def create_api_key(self, by: Identity, name: str, role: Role) -> tuple[ApiKey, str]:
        """Return the key and its secret, which is never seen again. InvalidInput, NotAllowed."""
        ...

    def revoke_api_key(self, by: Identity, key_id: str) -> None:
        """NotFound when there is none that still works; NotAllowed."""
        ...

    def record(self, by: Identity, action: str, target: str, detail: Mapping[str, Any] | None = None) -> None:
        """Write one line of the audit trail."""
        ...

    def audit_events(self, limit: int, cursor: str | None = None) -> Page[AuditEvent]:
        """Return the trail, newest first."""
        ...
