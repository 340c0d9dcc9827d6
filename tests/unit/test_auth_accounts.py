"""Who may make, change and remove whom."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from penstock_runtime.auth.accounts import COMMAND_LINE, StoredAccounts
from penstock_runtime.auth.authentication import StoredAuthentication
from penstock_runtime.auth.passwords import Passwords
from penstock_runtime.domain.errors import Conflict, InvalidInput, NotFound
from penstock_runtime.ports.account_store import Role
from penstock_runtime.ports.authentication import Credentials, Identity, NotAllowed, UserChange, WrongCredentials
from penstock_runtime.testing.memory_account_store import InMemoryAccountStore
from support.clocks import FakeClock

PASSWORD = "correct horse battery"


@pytest.fixture
def accounts():
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    return StoredAccounts(InMemoryAccountStore(), FakeClock(), passwords)


@pytest.fixture
def admin():
    return Identity("user:admin", "admin", Role.ADMIN)


def test_nobody_gives_more_than_they_have(accounts, admin):
    with pytest.raises(NotAllowed):
        accounts.create_user(admin, "eve", Role.OWNER, None)
    with pytest.raises(NotAllowed):
        accounts.create_api_key(admin, "eve", Role.OWNER)
    eve = accounts.create_user(admin, "eve", Role.ADMIN, None)
    with pytest.raises(NotAllowed):
        accounts.change_user(admin, eve.id, UserChange(role=Role.OWNER))


def test_nobody_touches_those_above(accounts, admin):
    owner = accounts.create_user(COMMAND_LINE, "grace", Role.OWNER, PASSWORD)
    key, _ = accounts.create_api_key(COMMAND_LINE, "top", Role.OWNER)
    for attempt in (
        lambda: accounts.change_user(admin, owner.id, UserChange(password="another password")),
        lambda: accounts.delete_user(admin, owner.id),
        lambda: accounts.sign_in_code(admin, owner.id),
        lambda: accounts.revoke_api_key(admin, key.id),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_the_last_owner_stays(accounts):
    owner = accounts.create_user(COMMAND_LINE, "grace", Role.OWNER, PASSWORD)
    for attempt in (
        lambda: accounts.delete_user(COMMAND_LINE, owner.id),
        lambda: accounts.change_user(COMMAND_LINE, owner.id, UserChange(role=Role.VIEWER)),
        lambda: accounts.change_user(COMMAND_LINE, owner.id, UserChange(disabled=True)),
    ):
        with pytest.raises(Conflict, match="last owner"):
            attempt()
    accounts.create_user(COMMAND_LINE, "ada", Role.OWNER, None)
    accounts.delete_user(COMMAND_LINE, owner.id)
    assert [user.name for user in accounts.users()] == ["ada"]


def test_a_disabled_owner_does_not_count_as_one(accounts):
    first = accounts.create_user(COMMAND_LINE, "grace", Role.OWNER, None)
    second = accounts.create_user(COMMAND_LINE, "ada", Role.OWNER, None)
    accounts.change_user(COMMAND_LINE, second.id, UserChange(disabled=True))
    with pytest.raises(Conflict):
        accounts.delete_user(COMMAND_LINE, first.id)


def test_names_are_unique_without_regard_to_case(accounts):
    accounts.create_user(COMMAND_LINE, "Ada", Role.VIEWER, None)
    with pytest.raises(Conflict):
        accounts.create_user(COMMAND_LINE, "aDA", Role.VIEWER, None)


@pytest.mark.parametrize("name", ["", " ada", "a da", "ada\n", "x" * 101, "<b>", "../x", "ad\u0430"])
def test_bad_names_are_refused(accounts, name):
    with pytest.raises(InvalidInput):
        accounts.create_user(COMMAND_LINE, name, Role.VIEWER, None)


@pytest.mark.parametrize("password", ["", "short", "x" * 1001, "ADA-lovelace"])
def test_bad_passwords_are_refused(accounts, password):
    with pytest.raises(InvalidInput):
        accounts.create_user(COMMAND_LINE, "ada-lovelace", Role.VIEWER, password)


def test_unknown_ids_are_not_found(accounts):
    for attempt in (
        lambda: accounts.user("nobody"),
        lambda: accounts.delete_user(COMMAND_LINE, "nobody"),
        lambda: accounts.revoke_api_key(COMMAND_LINE, "nothing"),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_a_key_can_be_revoked_once(accounts):
    key, secret = accounts.create_api_key(COMMAND_LINE, "ci", Role.VIEWER)
    assert secret.startswith(key.prefix)
    accounts.revoke_api_key(COMMAND_LINE, key.id)
    with pytest.raises(NotFound):
        accounts.revoke_api_key(COMMAND_LINE, key.id)


LOCKED_OUT = {
    "password": lambda accounts, user: accounts.change_user(COMMAND_LINE, user.id, UserChange(password="another one")),
    "role": lambda accounts, user: accounts.change_user(COMMAND_LINE, user.id, UserChange(role=Role.VIEWER)),
    "disabled": lambda accounts, user: accounts.change_user(COMMAND_LINE, user.id, UserChange(disabled=True)),
    "deleted": lambda accounts, user: accounts.delete_user(COMMAND_LINE, user.id),
}


@pytest.mark.parametrize("how", LOCKED_OUT)
def test_what_was_handed_out_before_is_worth_nothing_after(how):
    store, clock = InMemoryAccountStore(), FakeClock()
    accounts = StoredAccounts(store, clock, Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))
    user = accounts.create_user(COMMAND_LINE, "eve", Role.ADMIN, PASSWORD)
    code = accounts.sign_in_code(COMMAND_LINE, user.id)
    _, theirs = accounts.create_api_key(Identity("user:eve", "eve", Role.ADMIN, user.id), "spare", Role.ADMIN)
    _, ours = accounts.create_api_key(COMMAND_LINE, "ci", Role.ADMIN)
    LOCKED_OUT[how](accounts, user)
    if how == "disabled":
        accounts.change_user(COMMAND_LINE, user.id, UserChange(disabled=False))
    authentication = StoredAuthentication(store, clock)
    with pytest.raises(WrongCredentials):
        authentication.sign_in_with_code(code, None)
    known = authentication.identify(Credentials(bearer=theirs), None)
    assert (known is None) == (how in {"disabled", "deleted"})
    assert authentication.identify(Credentials(bearer=ours), None) is not None


def test_every_change_leaves_a_trace_without_a_credential(accounts, admin):
    user = accounts.create_user(admin, "ada", Role.VIEWER, PASSWORD)
    accounts.change_user(admin, user.id, UserChange(role=Role.EDITOR, password="another password"))
    accounts.sign_in_code(admin, user.id)
    key, secret = accounts.create_api_key(admin, "ci", Role.VIEWER)
    accounts.revoke_api_key(admin, key.id)
    accounts.delete_user(admin, user.id)
    events = accounts.audit_events(50).items
    assert [event.action for event in reversed(events)] == [
        "user.create",
        "user.change",
        "user.sign_in_link",
        "api_key.create",
        "api_key.revoke",
        "user.delete",
    ]
    assert {event.actor for event in events} == {"user:admin"}
    assert secret not in repr(events)
    assert "another password" not in repr(events)
