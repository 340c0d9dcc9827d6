"""Signing in by password, code and key; and what is stored of it."""

from __future__ import annotations

import hashlib

import pytest
from argon2 import PasswordHasher

from penstock_runtime.auth.accounts import COMMAND_LINE, StoredAccounts
from penstock_runtime.auth.authentication import (
    SETUP_CODE_LIFE,
    OpenAuthentication,
    StoredAuthentication,
    check_auth_mode,
)
from penstock_runtime.auth.passwords import Passwords
from penstock_runtime.domain.errors import Conflict, InvalidInput
from penstock_runtime.ports.account_store import Role
from penstock_runtime.ports.authentication import Credentials, NotAllowed, TooManyFailures, UserChange, WrongCredentials
from penstock_runtime.testing.memory_account_store import InMemoryAccountStore
from support.clocks import FakeClock

PASSWORD = "correct horse battery"
WEEK = 7 * 24 * 3600


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store():
    return InMemoryAccountStore()


@pytest.fixture
def passwords():
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def accounts(store, clock, passwords):
    return StoredAccounts(store, clock, passwords)


@pytest.fixture
def auth(store, clock, passwords):
    return StoredAuthentication(store, clock, passwords=passwords)


@pytest.fixture
def ada(accounts):
    return accounts.create_user(COMMAND_LINE, "Ada", Role.EDITOR, PASSWORD)


def test_a_session_is_recognised_and_names_its_user(auth, ada):
    signed_in = auth.sign_in("ada", PASSWORD, "10.0.0.1")
    found = auth.identify(Credentials(signed_in.token), "10.0.0.1")
    assert (found.actor, found.role, found.user_id) == ("user:Ada", Role.EDITOR, ada.id)
    assert found.csrf_token == signed_in.identity.csrf_token
    assert signed_in.seconds == WEEK


def test_nothing_stored_can_be_used_to_sign_in(auth, accounts, store, ada):
    signed_in = auth.sign_in("Ada", PASSWORD, None)
    _, secret = accounts.create_api_key(COMMAND_LINE, "ci", Role.VIEWER)
    link, setup = accounts.sign_in_code(COMMAND_LINE, ada.id), auth.new_setup_code()
    stored = store.dump()
    for credential in (PASSWORD, signed_in.token, secret, link, setup):
        assert credential not in stored
    assert hashlib.sha256(signed_in.token.encode()).hexdigest() in stored


@pytest.mark.parametrize(("name", "password"), [("Ada", "wrong password"), ("Nobody", PASSWORD), ("Ada", "")])
def test_a_wrong_name_and_a_wrong_password_look_the_same(auth, ada, name, password):
    with pytest.raises(WrongCredentials, match="the name and the password do not fit"):
        auth.sign_in(name, password, None)


def test_an_unknown_name_costs_the_same_work(auth, ada, passwords, monkeypatch):
    checked = []
    real = passwords._hasher.verify

    class Counting:
        def verify(self, hashed, password):
            checked.append(hashed)
            return real(hashed, password)

        def hash(self, password):
            return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    with pytest.raises(WrongCredentials):
        auth.sign_in("Nobody", PASSWORD, None)
    assert len(checked) == 1


def test_a_user_without_a_password_cannot_use_one(auth, accounts):
    accounts.create_user(COMMAND_LINE, "eve", Role.VIEWER, None)
    with pytest.raises(WrongCredentials):
        auth.sign_in("eve", "nobody has this password", None)


def test_refused_sign_ins_are_in_the_audit_trail(auth, accounts, ada):
    with pytest.raises(WrongCredentials):
        auth.sign_in("Ada", "not the password", "10.0.0.9")
    newest = accounts.audit_events(1).items[0]
    assert (newest.action, newest.target, newest.address) == ("session.refused", "Ada", "10.0.0.9")


def test_guessing_is_stopped_even_with_the_right_password(auth, ada, clock):
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            auth.sign_in("Ada", "not the password", "10.0.0.9")
    with pytest.raises(TooManyFailures) as caught:
        auth.sign_in("Ada", PASSWORD, "10.0.0.9")
    clock.advance(caught.value.retry_after)
    auth.sign_in("Ada", PASSWORD, "10.0.0.9")


def test_sessions_end_by_time_by_sign_out_and_by_disabling(auth, accounts, ada, clock):
    first, second, third = (auth.sign_in("Ada", PASSWORD, None).token for _ in range(3))
    auth.sign_out(first)
    assert auth.identify(Credentials(first), None) is None
    assert auth.identify(Credentials(second), None) is not None
    accounts.change_user(COMMAND_LINE, ada.id, UserChange(disabled=True))
    assert auth.identify(Credentials(third), None) is None
    with pytest.raises(WrongCredentials):
        auth.sign_in("Ada", PASSWORD, None)
    accounts.change_user(COMMAND_LINE, ada.id, UserChange(disabled=False))
    last = auth.sign_in("Ada", PASSWORD, None).token
    clock.advance(WEEK + 1)
    assert auth.identify(Credentials(last), None) is None


def test_a_changed_role_holds_at_once_for_open_sessions(auth, accounts, ada):
    token = auth.sign_in("Ada", PASSWORD, None).token
    accounts.change_user(COMMAND_LINE, ada.id, UserChange(role=Role.VIEWER))
    assert auth.identify(Credentials(token), None).role is Role.VIEWER


def test_changing_ones_password_ends_every_session(auth, ada):
    signed_in, other = auth.sign_in("Ada", PASSWORD, None), auth.sign_in("Ada", PASSWORD, None)
    with pytest.raises(InvalidInput, match="present password"):
        auth.change_own_password(signed_in.identity, "not it", "a better password")
    with pytest.raises(InvalidInput, match="10 to 1000"):
        auth.change_own_password(signed_in.identity, PASSWORD, "short")
    auth.change_own_password(signed_in.identity, PASSWORD, "a better password")
    assert auth.identify(Credentials(other.token), None) is None
    auth.sign_in("Ada", "a better password", None)


def test_a_link_works_once_and_for_a_quarter_of_an_hour(auth, accounts, ada, clock):
    code = accounts.sign_in_code(COMMAND_LINE, ada.id)
    assert auth.sign_in_with_code(code, None).identity.name == "Ada"
    with pytest.raises(WrongCredentials):
        auth.sign_in_with_code(code, None)
    late = accounts.sign_in_code(COMMAND_LINE, ada.id)
    clock.advance(15 * 60 + 1)
    with pytest.raises(WrongCredentials):
        auth.sign_in_with_code(late, None)


def test_a_link_does_not_open_for_the_disabled_and_a_setup_code_is_no_link(auth, accounts, ada):
    setup = auth.new_setup_code()
    with pytest.raises(WrongCredentials):
        auth.sign_in_with_code(setup, None)
    code = accounts.sign_in_code(COMMAND_LINE, ada.id)
    accounts.change_user(COMMAND_LINE, ada.id, UserChange(disabled=True))
    with pytest.raises(WrongCredentials):
        auth.sign_in_with_code(code, None)


def test_setup_makes_the_first_owner_once(auth):
    code, spare = auth.new_setup_code(), auth.new_setup_code()
    assert auth.setup_needed()
    with pytest.raises(WrongCredentials):
        auth.set_up("guess", "grace", PASSWORD, None)
    with pytest.raises(InvalidInput):
        auth.set_up(code, "grace", "short", None)
    with pytest.raises(InvalidInput):
        auth.set_up(code, "no spaces", PASSWORD, None)
    signed_in = auth.set_up(code, "grace", PASSWORD, None)
    assert signed_in.identity.role is Role.OWNER
    assert not auth.setup_needed()
    with pytest.raises(Conflict):
        auth.set_up(spare, "mallory", PASSWORD, None)


def test_a_setup_code_expires(auth, clock):
    code = auth.new_setup_code()
    clock.advance(SETUP_CODE_LIFE.total_seconds() + 1)
    with pytest.raises(WrongCredentials):
        auth.set_up(code, "grace", PASSWORD, None)


def test_an_api_key_is_recognised_until_it_is_revoked(auth, accounts):
    key, secret = accounts.create_api_key(COMMAND_LINE, "ci", Role.EDITOR)
    assert secret.startswith("pen_")
    found = auth.identify(Credentials(bearer=secret), None)
    assert (found.actor, found.role, found.csrf_token) == ("api-key:ci", Role.EDITOR, None)
    accounts.revoke_api_key(COMMAND_LINE, key.id)
    assert auth.identify(Credentials(bearer=secret), None) is None


@pytest.mark.parametrize("bearer", ["", "pen_", "pen_" + "x" * 43, "something else", "pen_\ud800"])
def test_no_bearer_token_is_made_up_for_by_a_cookie(auth, ada, bearer):
    token = auth.sign_in("Ada", PASSWORD, None).token
    assert auth.identify(Credentials(token, bearer), None) is None


def test_weaker_hashes_are_renewed_at_sign_in(store, clock, ada):
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    StoredAuthentication(store, clock, passwords=stronger).sign_in("Ada", PASSWORD, None)
    assert "m=16,t=2" in store.user(ada.id).password_hash


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])
def test_no_sign_in_is_refused_on_an_address_that_others_reach(host):
    with pytest.raises(InvalidInput, match="PENSTOCK_AUTH_MODE"):
        check_auth_mode("none", host)
    check_auth_mode("password", host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_no_sign_in_is_allowed_on_this_machine(host):
    check_auth_mode("none", host)


def test_where_nobody_signs_in_everyone_is_the_owner_and_no_account_can_be_opened():
    auth = OpenAuthentication()
    assert auth.identify(Credentials(), None).role is Role.OWNER
    assert not auth.setup_needed()
    for attempt in (
        lambda: auth.sign_in("a", "b", None),
        lambda: auth.sign_in_with_code("a", None),
        lambda: auth.set_up("a", "b", "c", None),
        lambda: auth.change_own_password(auth.identify(Credentials(), None), "a", "b"),
    ):
        with pytest.raises(Conflict):
            attempt()


def test_an_api_key_has_no_password_to_change(auth, accounts):
    _, secret = accounts.create_api_key(COMMAND_LINE, "ci", Role.OWNER)
    with pytest.raises(NotAllowed):
        auth.change_own_password(auth.identify(Credentials(bearer=secret), None), "a", "b")


OWNER_CODE = "a code of the operator's own"


@pytest.fixture
def stacked(store, clock, passwords):
    """A web server of a stack that has an owner code; each call is one more server, or one more start."""
    return lambda code=OWNER_CODE: StoredAuthentication(store, clock, passwords=passwords, owner_code=code)


def test_an_owner_code_makes_the_first_owner_once_whichever_server_is_asked(stacked):
    first, second = stacked(), stacked()
    assert first.accept_owner_code()
    assert second.accept_owner_code()
    assert second.set_up(OWNER_CODE, "Ada", PASSWORD, None).identity.role is Role.OWNER
    with pytest.raises(Conflict):
        first.set_up(OWNER_CODE, "Eve", PASSWORD, None)
    assert not stacked().accept_owner_code()


def test_an_owner_code_waits_as_long_as_it_is_set(stacked, clock):
    auth = stacked()
    auth.accept_owner_code()
    clock.advance(365 * 24 * 3600)
    assert auth.set_up(OWNER_CODE, "Ada", PASSWORD, None).identity.role is Role.OWNER


def test_with_an_owner_code_no_other_code_is_taken(stacked, auth):
    printed = auth.new_setup_code()
    stacked("the code that was replaced").accept_owner_code()
    present = stacked()
    present.accept_owner_code()
    for code in (printed, "the code that was replaced", "a guess"):
        with pytest.raises(WrongCredentials):
            present.set_up(code, "Eve", PASSWORD, None)
    assert present.set_up(OWNER_CODE, "Ada", PASSWORD, None).identity.name == "Ada"


def test_without_an_owner_code_there_is_none_to_accept(auth):
    assert not auth.accept_owner_code()


def test_an_owner_code_is_stored_as_a_digest(stacked, store):
    stacked().accept_owner_code()
    assert OWNER_CODE not in store.dump()
