"""The secret stores, and what is particular to each."""

from __future__ import annotations

import pytest

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.ports.secret_store import SecretUnreadable
from penstock_runtime.secret_stores.database import DatabaseSecretStore, new_encryption_key
from penstock_runtime.secret_stores.environment import PREFIX, EnvironmentSecretStore
from penstock_runtime.testing.conformance.secret_store import PREPARED, SecretStoreReadingOnly, SecretStoreWriting
from penstock_runtime.testing.memory_account_store import InMemoryAccountStore
from support.clocks import FakeClock


class TestDatabase(SecretStoreWriting):
    @pytest.fixture
    def secret_store(self):
        store = DatabaseSecretStore(InMemoryAccountStore(), FakeClock(), [new_encryption_key()])
        for name in ("API_TOKEN", "DB.PASSWORD-2"):
            store.put(name, PREPARED[name])
        return store


class TestEnvironment(SecretStoreReadingOnly):
    @pytest.fixture
    def secret_store(self):
        return EnvironmentSecretStore({PREFIX + name: value for name, value in PREPARED.items()} | {"PATH": "/bin"})

    def test_other_variables_are_no_secrets(self, secret_store):
        assert [info.name for info in secret_store.list()] == sorted(PREPARED)


def database(accounts: InMemoryAccountStore, *keys: str) -> DatabaseSecretStore:
    return DatabaseSecretStore(accounts, FakeClock(), keys)


def test_only_ciphertext_is_stored():
    accounts = InMemoryAccountStore()
    database(accounts, new_encryption_key()).put("NAME", "in the clear")
    assert "in the clear" not in accounts.dump()


def test_keys_are_changed_without_losing_a_secret():
    accounts, old, new = InMemoryAccountStore(), new_encryption_key(), new_encryption_key()
    database(accounts, old).put("NAME", "value", "user:ada")
    both = database(accounts, new, old)
    assert both.value("NAME") == "value"
    assert both.rotate() == 1
    only_new = database(accounts, new)
    assert only_new.value("NAME") == "value"
    assert only_new.info("NAME").updated_by == "user:ada"
    with pytest.raises(SecretUnreadable, match="PENSTOCK_ENCRYPTION_KEY"):
        database(accounts, old).value("NAME")
    with pytest.raises(SecretUnreadable):
        database(accounts, old).rotate()


def test_a_value_moved_to_another_name_does_not_open():
    accounts, key = InMemoryAccountStore(), new_encryption_key()
    store = database(accounts, key)
    store.put("LOW", "low")
    store.put("HIGH", "high")
    from dataclasses import replace

    accounts.put_secret(replace(accounts.secret("HIGH"), name="LOW"))
    with pytest.raises(SecretUnreadable):
        store.value("LOW")


def test_a_key_that_is_none_is_named_by_its_place_and_not_shown():
    with pytest.raises(InvalidInput, match="key 2") as caught:
        database(InMemoryAccountStore(), new_encryption_key(), "not-a-key")
    assert "not-a-key" not in str(caught.value)
