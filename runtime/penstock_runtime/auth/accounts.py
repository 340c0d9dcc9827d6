"""Users, API keys and the audit trail, and who may change which."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from penstock_runtime.auth.audit import Act, record
from penstock_runtime.auth.passwords import Passwords, checked_password
from penstock_runtime.auth.tokens import SHOWN, digest_of, new_api_key, new_token
from penstock_runtime.domain.errors import Conflict, InvalidInput, NotFound
from penstock_runtime.domain.ids import new_id
from penstock_runtime.ports.account_store import AccountStore, ApiKey, AuditEvent, OneTimeCode, Role, User
from penstock_runtime.ports.authentication import Identity, NotAllowed, UserChange
from penstock_runtime.ports.clock import Clock
from penstock_runtime.ports.run_store import Page

SIGN_IN_CODE_LIFE = timedelta(minutes=15)
COMMAND_LINE = Identity("command-line", "command-line", Role.OWNER)
"""Who a command on the server's own machine is: it can write the database anyway."""

_USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_KEY_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")


def new_user(name: str, role: Role, password_hash: str | None, now: datetime) -> User:
    """Return a user record; InvalidInput for a name that cannot be one."""
    if _USER_NAME.fullmatch(name) is None:
        raise InvalidInput("a user's name is letters, digits and `._@+-`, at most 100, a letter or digit first", "name")
    return User(new_id(), name, role, password_hash, now)


def actor_of(user: User) -> str:
    """Return how a user is named in the audit trail, and as the maker of keys."""
    return f"user:{user.name}"


class StoredAccounts:
    """Accounts of the account store. Nobody gives a role above their own or touches one who has it."""

    def __init__(self, store: AccountStore, clock: Clock, passwords: Passwords | None = None) -> None:
        """Begin; nothing is read yet."""
        self._store = store
        self._clock = clock
        self._passwords = passwords or Passwords()

    def users(self) -> Sequence[User]:
        """Return every user, by name."""
        return sorted(self._store.users(), key=lambda user: user.name.casefold())

    def user(self, user_id: str) -> User:
        """Return one user."""
        found = self._store.user(user_id)
        if found is None:
            raise NotFound(f"there is no user {user_id}")
        return found

    def create_user(self, by: Identity, name: str, role: Role, password: str | None) -> User:
        """Make a user."""
        _check_rank(by, role)
        hashed = None if password is None else self._passwords.hash(checked_password(password, name))
        user = new_user(name, role, hashed, self._clock.now())
        if not self._store.add_user(user):
            raise Conflict(f"there is a user {name} already")
        self.record(by, "user.create", user.name, {"role": role.value})
        return user

    def change_user(self, by: Identity, user_id: str, change: UserChange) -> User:
        """Change what is given.

        A new password or a disabling ends the user's sessions; these and a new role make their sign-in links worthless.
        A disabling also revokes the API keys that they made. A new role holds for open sessions at once.
        """
        user = self.user(user_id)
        _check_rank(by, user.role)
        if change.role is not None:
            _check_rank(by, change.role)
        changed = self._changed(user, change)
        if user.role is Role.OWNER and (changed.role is not Role.OWNER or changed.disabled_at is not None):
            self._check_not_last_owner(user)
        if not self._store.update_user(changed):
            raise NotFound(f"there is no user {user_id}")
        disabled = changed.disabled_at is not None
        if change.password is not None or disabled:
            self._store.end_sessions_of(user.id)
        if change.password is not None or change.role is not None or disabled:
            self._store.drop_codes_of(user.id)
        revoked = self._revoke_keys_by(user) if disabled else None
        detail = {
            "role": change.role,
            "disabled": change.disabled,
            "password": change.password is not None or None,
            "api_keys_revoked": revoked,
        }
        self.record(by, "user.change", user.name, {key: value for key, value in detail.items() if value is not None})
        return changed

    def delete_user(self, by: Identity, user_id: str) -> None:
        """Remove a user with their sessions and sign-in links, and revoke the API keys that they made."""
        user = self.user(user_id)
        _check_rank(by, user.role)
        if user.role is Role.OWNER:
            self._check_not_last_owner(user)
        # The keys first: whoever does this again after a crash in between finds no user any more.
        revoked = self._revoke_keys_by(user)
        if not self._store.delete_user(user.id):
            raise NotFound(f"there is no user {user_id}")
        self.record(by, "user.delete", user.name, {"api_keys_revoked": revoked} if revoked else None)

    def sign_in_code(self, by: Identity, user_id: str) -> str:
        """Return a code that signs the user in once."""
        user = self.user(user_id)
        _check_rank(by, user.role)
        code = new_token()
        expires_at = self._clock.now() + SIGN_IN_CODE_LIFE
        self._store.add_code(OneTimeCode(digest_of(code), "sign_in", expires_at, user.id))
        self.record(by, "user.sign_in_link", user.name)
        return code

    def api_keys(self) -> Sequence[ApiKey]:
        """Return every key, newest first."""
        return sorted(self._store.api_keys(), key=lambda key: key.created_at, reverse=True)

    def create_api_key(self, by: Identity, name: str, role: Role) -> tuple[ApiKey, str]:
        """Return a key and its secret."""
        _check_rank(by, role)
        if _KEY_NAME.fullmatch(name) is None:
            raise InvalidInput("a key's name is 1 to 100 characters on one line", "name")
        secret = new_api_key()
        key = ApiKey(new_id(), name, role, secret[:SHOWN], digest_of(secret), self._clock.now(), by.actor)
        self._store.add_api_key(key)
        self.record(by, "api_key.create", name, {"role": role.value, "prefix": key.prefix})
        return key, secret

    def revoke_api_key(self, by: Identity, key_id: str) -> None:
        """Make a key worthless."""
        key = next((key for key in self._store.api_keys() if key.id == key_id), None)
        if key is None or key.revoked_at is not None:
            raise NotFound(f"there is no key {key_id} that still works")
        _check_rank(by, key.role)
        if not self._store.revoke_api_key(key_id, self._clock.now()):
            raise NotFound(f"there is no key {key_id} that still works")
        self.record(by, "api_key.revoke", key.name, {"prefix": key.prefix})

    def record(self, by: Identity, action: str, target: str, detail: Mapping[str, Any] | None = None) -> None:
        """Write one line of the audit trail."""
        record(self._store, self._clock, Act(by.actor, action, target, by.address, detail))

    def audit_events(self, limit: int, cursor: str | None = None) -> Page[AuditEvent]:
        """Return the trail, newest first."""
        return self._store.audit_events(limit, cursor)

    def _changed(self, user: User, change: UserChange) -> User:
        changed = user
        if change.role is not None:
            changed = replace(changed, role=change.role)
        if change.password is not None:
            hashed = self._passwords.hash(checked_password(change.password, user.name))
            changed = replace(changed, password_hash=hashed)
        if change.disabled is not None:
            disabled_at = (user.disabled_at or self._clock.now()) if change.disabled else None
            changed = replace(changed, disabled_at=disabled_at)
        return changed

    def _revoke_keys_by(self, user: User) -> int | None:
        return self._store.revoke_api_keys_by(actor_of(user), self._clock.now()) or None

    def _check_not_last_owner(self, user: User) -> None:
        owners = [each for each in self._store.users() if each.role is Role.OWNER and each.disabled_at is None]
        if [each.id for each in owners] == [user.id]:
            raise Conflict(f"{user.name} is the last owner; make another one first")


def _check_rank(by: Identity, role: Role) -> None:
    if not by.may(role):
        raise NotAllowed(f"this needs the role {role.value}, and you have {by.role.value}")
