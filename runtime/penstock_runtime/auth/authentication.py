"""Signing in with a password, a one-time code or an API key; and not signing in at all."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import replace
from datetime import timedelta

from penstock_runtime.auth.accounts import actor_of, new_user
from penstock_runtime.auth.audit import Act, record
from penstock_runtime.auth.failures import FailureLimit
from penstock_runtime.auth.passwords import Passwords, checked_password
from penstock_runtime.auth.tokens import API_KEY_PREFIX, digest_of, new_token
from penstock_runtime.domain.errors import Conflict, InvalidInput
from penstock_runtime.ports.account_store import AccountStore, OneTimeCode, Role, Session, User
from penstock_runtime.ports.authentication import Credentials, Identity, NotAllowed, SignedIn, WrongCredentials
from penstock_runtime.ports.clock import Clock

SETUP_CODE_LIFE = timedelta(hours=24)
OWNER_CODE_LIFE = timedelta(days=3650)
"""A code from the settings lives as long as they name it: this is only how long its row may lie there unused."""
NO_FIT = "the name and the password do not fit"
NO_CODE = "the code has been used, has expired, or never was one"


def check_auth_mode(mode: str, host: str) -> None:
    """Refuse to go without sign-in on an address that other machines reach (InvalidInput)."""
    if mode == "none" and not is_loopback(host):
        raise InvalidInput(
            f"PENSTOCK_AUTH_MODE=none makes everyone the owner, so it is allowed on 127.0.0.1 only, not on {host}",
            "PENSTOCK_AUTH_MODE",
        )


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class StoredAuthentication:
    """Sessions, codes and API keys of the account store."""

    open_to_all = False

    def __init__(
        self,
        store: AccountStore,
        clock: Clock,
        *,
        session_life: timedelta = timedelta(days=7),
        passwords: Passwords | None = None,
        owner_code: str | None = None,
    ) -> None:
        """Begin; nothing is read yet. `owner_code` is the operator's own for the first owner: no other is taken."""
        self._store = store
        self._clock = clock
        self._session_life = session_life
        self._passwords = passwords or Passwords()
        self._limit = FailureLimit(clock)
        self._owner_code = None if owner_code is None else digest_of(owner_code)
        self._has_user = False

    def identify(self, credentials: Credentials, address: str | None) -> Identity | None:
        """Return whose the credentials are. A bearer token that is no good is not made up for by a cookie."""
        if credentials.bearer is not None:
            return self._by_key(credentials.bearer, address)
        if credentials.session_token:
            return self._by_session(credentials.session_token, address)
        return None

    def sign_in(self, name: str, password: str, address: str | None) -> SignedIn:
        """Open a session, with the same answer and the same work whatever did not fit."""
        self._limit.begin(name, address)
        user = self._store.user_by_name(name)
        fits = self._passwords.check(password, user.password_hash if user else None)
        if user is None or not fits or user.disabled_at is not None:
            record(self._store, self._clock, Act("anonymous", "session.refused", name, address))
            raise WrongCredentials(NO_FIT)
        self._limit.succeeded(name, address)
        if user.password_hash is not None and self._passwords.outdated(user.password_hash):
            self._store.update_user(replace(user, password_hash=self._passwords.hash(password)))
        return self._open_session(user, address, "session.open")

    def sign_in_with_code(self, code: str, address: str | None) -> SignedIn:
        """Open a session with a one-time code."""
        self._limit.begin("", address)
        found = self._store.use_code(digest_of(code), "sign_in", self._clock.now())
        user = self._store.user(found.user_id) if found is not None and found.user_id is not None else None
        if user is None or user.disabled_at is not None:
            raise WrongCredentials(NO_CODE)
        self._limit.succeeded("", address)
        return self._open_session(user, address, "session.open_by_link")

    def sign_out(self, session_token: str) -> None:
        """End a session."""
        self._store.end_session(digest_of(session_token))

    def change_own_password(self, identity: Identity, current: str, new: str) -> None:
        """Set one's own password and end one's every session and sign-in link."""
        user = self._store.user(identity.user_id) if identity.user_id is not None else None
        if user is None:
            raise NotAllowed("an API key has no password")
        self._limit.begin(user.name, identity.address)
        if user.password_hash is not None and not self._passwords.check(current, user.password_hash):
            raise InvalidInput("this is not the present password", "body.current")
        self._limit.succeeded(user.name, identity.address)
        hashed = self._passwords.hash(checked_password(new, user.name))
        self._store.update_user(replace(user, password_hash=hashed))
        self._store.end_sessions_of(user.id)
        self._store.drop_codes_of(user.id)
        record(self._store, self._clock, Act(identity.actor, "user.change_password", user.name, identity.address))

    def setup_needed(self) -> bool:
        """Whether there is no user yet; once there is one this stays so, since the last owner cannot be removed."""
        if not self._has_user:
            self._has_user = bool(self._store.users())
        return not self._has_user

    def new_setup_code(self) -> str:
        """Return a code that makes the first owner, for the server's own log."""
        code = new_token()
        expires_at = self._clock.now() + SETUP_CODE_LIFE
        self._store.add_code(OneTimeCode(digest_of(code), "setup", expires_at))
        return code

    def accept_owner_code(self) -> bool:
        """Let the operator's own code make the first owner, if there is one and no user yet; whether it may.

        Idempotent, at every start of every server: the code's digest is one row, which the first use removes.
        """
        if self._owner_code is None or not self.setup_needed():
            return False
        self._store.add_code(OneTimeCode(self._owner_code, "setup", self._clock.now() + OWNER_CODE_LIFE))
        return True

    def set_up(self, code: str, name: str, password: str, address: str | None) -> SignedIn:
        """Make the first owner and sign them in. The name and password are checked before the code is used up."""
        if not self.setup_needed():
            raise Conflict("there is a user already; an administrator can make more")
        self._limit.begin("", address)
        now = self._clock.now()
        user = new_user(name, Role.OWNER, self._passwords.hash(checked_password(password, name)), now)
        if not self._is_owner_code(code) or self._store.use_code(digest_of(code), "setup", now) is None:
            raise WrongCredentials(NO_CODE)
        self._limit.succeeded("", address)
        if not self._store.add_user(user):
            raise Conflict(f"there is a user {name} already")
        record(self._store, self._clock, Act(f"user:{user.name}", "setup", user.name, address))
        return self._open_session(user, address, "session.open")

    def _is_owner_code(self, code: str) -> bool:
        """Whether the code is the operator's; any may be where they set none. One that they replaced is refused."""
        return self._owner_code is None or hmac.compare_digest(digest_of(code), self._owner_code)

    def _by_key(self, bearer: str, address: str | None) -> Identity | None:
        if not bearer.startswith(API_KEY_PREFIX):
            return None
        key = self._store.api_key(digest_of(bearer), self._clock.now())
        if key is None:
            return None
        return Identity(f"api-key:{key.name}", key.name, key.role, address=address)

    def _by_session(self, token: str, address: str | None) -> Identity | None:
        found = self._store.session(digest_of(token), self._clock.now())
        if found is None:
            return None
        session, user = found
        return _identity(user, session.csrf_token, address)

    def _open_session(self, user: User, address: str | None, action: str) -> SignedIn:
        token, csrf_token, now = new_token(), new_token(), self._clock.now()
        session = Session(digest_of(token), user.id, csrf_token, now, now + self._session_life)
        self._store.add_session(session)
        record(self._store, self._clock, Act(f"user:{user.name}", action, user.name, address))
        identity = _identity(user, csrf_token, address)
        return SignedIn(token, int(self._session_life.total_seconds()), identity)


def _identity(user: User, csrf_token: str, address: str | None) -> Identity:
    return Identity(actor_of(user), user.name, user.role, user.id, csrf_token, address)


class OpenAuthentication:
    """`PENSTOCK_AUTH_MODE=none`: everyone who reaches the server, which listens to this machine only, is the owner."""

    open_to_all = True
    _off = "sign-in is off here (PENSTOCK_AUTH_MODE=none)"

    def identify(self, credentials: Credentials, address: str | None) -> Identity | None:
        """Return the owner, whatever the credentials."""
        del credentials
        return Identity("local", "local", Role.OWNER, address=address)

    def sign_in(self, name: str, password: str, address: str | None) -> SignedIn:
        """Refuse."""
        del name, password, address
        raise Conflict(self._off)

    def sign_in_with_code(self, code: str, address: str | None) -> SignedIn:
        """Refuse."""
        del code, address
        raise Conflict(self._off)

    def sign_out(self, session_token: str) -> None:
        """Do nothing: there is no session."""

    def change_own_password(self, identity: Identity, current: str, new: str) -> None:
        """Refuse."""
        del identity, current, new
        raise Conflict(self._off)

    def setup_needed(self) -> bool:
        """Return False: nobody needs to be made."""
        return False

    def set_up(self, code: str, name: str, password: str, address: str | None) -> SignedIn:
        """Refuse."""
        del code, name, password, address
        raise Conflict(self._off)
