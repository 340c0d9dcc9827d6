"""What every account store must do. Subclass with a `store` fixture."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.ids import new_id
from penstock_runtime.ports.account_store import (
    AccountStore,
    ApiKey,
    AuditEvent,
    OneTimeCode,
    Role,
    Session,
    StoredSecret,
    User,
)
from penstock_runtime.testing.conformance.run_store_records import in_threads

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_user(name: str, **fields: Any) -> User:
    """Return a viewer."""
    given: dict[str, Any] = {"id": new_id(), "role": Role.VIEWER, "password_hash": "$argon2id$x", "created_at": NOW}
    return User(name=name, **(given | fields))


def a_session(user: User, digest: str = "d", **fields: Any) -> Session:
    """Return a session that ends a minute after NOW."""
    given: dict[str, Any] = {"csrf_token": "c", "created_at": NOW, "expires_at": NOW + 60 * SECOND}
    return Session(token_digest=digest, user_id=user.id, **(given | fields))


def a_key(digest: str, **fields: Any) -> ApiKey:
    """Return an API key that was never used."""
    given: dict[str, Any] = {"id": new_id(), "name": "ci", "role": Role.EDITOR, "prefix": "pk_1", "created_at": NOW}
    return ApiKey(digest=digest, **(given | fields))


class AccountStoreConformance:
    """The behaviours of `ports.account_store.AccountStore`."""

    # --- users -------------------------------------------------------------------------------------------------------
    def test_a_user_comes_back_as_it_was(self, store: AccountStore) -> None:
        """By id, by name in any case, and in the list."""
        user = a_user("Ada Löve", disabled_at=NOW)
        assert store.add_user(user)
        assert store.user(user.id) == user
        assert store.user_by_name("ADA LÖVE") == user
        assert list(store.users()) == [user]
        assert store.user("no such user") is None
        assert store.user_by_name("bob") is None

    def test_a_name_is_taken_whatever_its_case(self, store: AccountStore) -> None:
        """Also in scripts whose lower case is longer than one letter."""
        assert store.add_user(a_user("Straße"))
        assert not store.add_user(a_user("STRASSE"))
        assert len(store.users()) == 1

    def test_one_of_eight_gets_the_name(self, store: AccountStore) -> None:
        """At once."""
        users = [a_user("ada") for _ in range(8)]
        won = in_threads(8, lambda index: store.add_user(users[index]))
        assert sorted(won) == [False] * 7 + [True]
        assert store.user_by_name("ada") == users[won.index(True)]

    def test_a_user_is_updated(self, store: AccountStore) -> None:
        """False when there is none, or the name is another's."""
        ada, bob = a_user("ada"), a_user("bob")
        store.add_user(ada)
        store.add_user(bob)
        changed = replace(ada, name="ADA", role=Role.OWNER, password_hash=None, disabled_at=NOW)
        assert store.update_user(changed)
        assert store.user_by_name("ada") == changed
        assert not store.update_user(replace(ada, name="Bob"))
        assert store.user(ada.id) == changed
        assert not store.update_user(a_user("eve"))

    def test_a_user_goes_with_the_sessions(self, store: AccountStore) -> None:
        """And only once."""
        ada, bob = a_user("ada"), a_user("bob")
        for user in (ada, bob):
            store.add_user(user)
            store.add_session(a_session(user, user.name))
        assert store.delete_user(ada.id)
        assert not store.delete_user(ada.id)
        assert store.user(ada.id) is None
        assert store.session("ada", NOW) is None
        assert store.session("bob", NOW) is not None

    # --- sessions ----------------------------------------------------------------------------------------------------
    def test_a_session_holds_until_it_expires(self, store: AccountStore) -> None:
        """With its user as it is now."""
        ada = a_user("ada")
        store.add_user(ada)
        session = a_session(ada)
        store.add_session(session)
        store.update_user(replace(ada, role=Role.ADMIN))
        assert store.session("d", NOW + 59 * SECOND) == (session, replace(ada, role=Role.ADMIN))
        assert store.session("d", NOW + 60 * SECOND) is None
        assert store.session("other", NOW) is None

    def test_a_disabled_user_has_no_session(self, store: AccountStore) -> None:
        """From the moment on."""
        ada = a_user("ada")
        store.add_user(ada)
        store.add_session(a_session(ada))
        store.update_user(replace(ada, disabled_at=NOW))
        assert store.session("d", NOW) is None

    def test_sessions_end(self, store: AccountStore) -> None:
        """One, or all of a user; ending what is not there is no error."""
        ada, bob = a_user("ada"), a_user("bob")
        for user in (ada, bob):
            store.add_user(user)
            for number in range(2):
                store.add_session(a_session(user, f"{user.name}{number}"))
        store.end_session("ada0")
        store.end_session("ada0")
        assert store.session("ada0", NOW) is None
        assert store.session("ada1", NOW) is not None
        store.end_sessions_of(ada.id)
        assert store.session("ada1", NOW) is None
        assert store.session("bob1", NOW) is not None

    # --- API keys ----------------------------------------------------------------------------------------------------
    def test_a_key_is_found_by_its_digest_until_revoked(self, store: AccountStore) -> None:
        """It stays in the list."""
        key = a_key("d1", created_by="ada")
        store.add_api_key(key)
        assert store.api_key("d1", NOW) == replace(key, last_used_at=NOW)
        assert store.api_key("other", NOW) is None
        assert store.revoke_api_key(key.id, NOW + SECOND)
        assert not store.revoke_api_key(key.id, NOW + SECOND)
        assert not store.revoke_api_key("no such key", NOW)
        assert store.api_key("d1", NOW) is None
        assert [one.revoked_at for one in store.api_keys()] == [NOW + SECOND]

    def test_the_use_of_a_key_is_noted_once_a_minute(self, store: AccountStore) -> None:
        """So that reading is not writing."""
        store.add_api_key(a_key("d1"))
        used = [store.api_key("d1", NOW + seconds * SECOND) for seconds in (0, 59, 60, 61)]
        noted = [one.last_used_at for one in used if one is not None]
        assert noted == [NOW, NOW, NOW + 60 * SECOND, NOW + 60 * SECOND]

    def test_the_keys_that_somebody_made_are_revoked_together(self, store: AccountStore) -> None:
        """Theirs alone, and those that still work."""
        keys = [
            a_key("d1", created_by="ada"),
            a_key("d2", created_by="ada"),
            a_key("d3", created_by="bob"),
            a_key("d4"),
        ]
        for key in keys:
            store.add_api_key(key)
        store.revoke_api_key(keys[0].id, NOW)
        assert store.revoke_api_keys_by("ada", NOW + SECOND) == 1
        assert store.revoke_api_keys_by("ada", NOW + SECOND) == 0
        found = {one.digest: one.revoked_at for one in store.api_keys()}
        assert found == {"d1": NOW, "d2": NOW + SECOND, "d3": None, "d4": None}

    # --- one-time codes ----------------------------------------------------------------------------------------------
    def test_a_code_works_once(self, store: AccountStore) -> None:
        """For its purpose, until it expires."""
        code = OneTimeCode("c1", "setup", NOW + SECOND)
        store.add_code(code)
        assert store.use_code("c1", "sign_in", NOW) is None
        assert store.use_code("c1", "setup", NOW) == code
        assert store.use_code("c1", "setup", NOW) is None
        store.add_code(OneTimeCode("c2", "setup", NOW + SECOND))
        assert store.use_code("c2", "setup", NOW + SECOND) is None

    def test_a_code_that_is_added_again_is_one_code(self, store: AccountStore) -> None:
        """With the later one's expiry."""
        store.add_code(OneTimeCode("c1", "setup", NOW))
        store.add_code(OneTimeCode("c1", "setup", NOW + SECOND))
        assert store.use_code("c1", "setup", NOW) == OneTimeCode("c1", "setup", NOW + SECOND)
        assert store.use_code("c1", "setup", NOW) is None

    def test_one_of_eight_uses_a_code(self, store: AccountStore) -> None:
        """Whoever races."""
        ada = a_user("ada")
        store.add_user(ada)
        store.add_code(OneTimeCode("c1", "sign_in", NOW + SECOND, ada.id))
        found = in_threads(8, lambda _: store.use_code("c1", "sign_in", NOW))
        assert [one.user_id for one in found if one is not None] == [ada.id]

    def test_a_users_codes_are_dropped(self, store: AccountStore) -> None:
        """On demand, and with the user; not those of others."""
        users = ada, bob, eve = a_user("ada"), a_user("bob"), a_user("eve")
        for user in users:
            store.add_user(user)
            store.add_code(OneTimeCode(user.name, "sign_in", NOW + SECOND, user.id))
        store.add_code(OneTimeCode("setup", "setup", NOW + SECOND))
        store.drop_codes_of(ada.id)
        store.drop_codes_of(ada.id)
        store.delete_user(eve.id)
        assert store.use_code("ada", "sign_in", NOW) is None
        assert store.use_code("eve", "sign_in", NOW) is None
        assert store.use_code("bob", "sign_in", NOW) is not None
        assert store.use_code("setup", "setup", NOW) is not None
        store.add_code(OneTimeCode("later", "sign_in", NOW + SECOND, bob.id))
        assert store.use_code("later", "sign_in", NOW) is not None

    # --- the audit trail ---------------------------------------------------------------------------------------------
    def test_events_are_newest_first_and_paged(self, store: AccountStore) -> None:
        """Each comes back as it was, none twice."""
        events = [
            AuditEvent(new_id(), NOW + index * SECOND, "ada", "run.cancel", "run/1", "127.0.0.1", {"n": index})
            for index in range(5)
        ]
        for event in events:
            store.record(event)
        seen: list[AuditEvent] = []
        cursor: str | None = None
        for _ in range(3):
            page = store.audit_events(2, cursor)
            seen += page.items
            cursor = page.next_cursor
        assert seen == events[::-1]
        assert cursor is None

    def test_a_foreign_cursor_is_refused(self, store: AccountStore) -> None:
        """As the caller's mistake."""
        with pytest.raises(InvalidInput, match="cursor"):
            store.audit_events(2, "💥")

    # --- secrets -----------------------------------------------------------------------------------------------------
    def test_secrets_are_put_and_replaced(self, store: AccountStore) -> None:
        """Bytes as they are; by name in the list; deleted once."""
        first = StoredSecret("db", bytes(range(256)), NOW, "ada")
        second = replace(first, ciphertext=b"", updated_at=NOW + SECOND, updated_by=None)
        store.put_secret(first)
        assert store.secret("db") == first
        store.put_secret(second)
        store.put_secret(replace(first, name="api"))
        assert store.secret("db") == second
        assert {one.name for one in store.secrets()} == {"api", "db"}
        assert store.secret("none") is None
        assert store.delete_secret("db")
        assert not store.delete_secret("db")
