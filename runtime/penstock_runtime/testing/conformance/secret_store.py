"""What every secret store does. A test module names the adapter by a fixture `secret_store`.

A store that is filled by the platform is given `PREPARED` before the test, and only the reading half applies to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.ports.secret_store import MAX_VALUE_BYTES, SecretNotFound, SecretStore, SecretStoreReadOnly

PREPARED: Mapping[str, str] = {"API_TOKEN": "top-secret", "ÜBER": "not a name", "DB.PASSWORD-2": "päss wörd\n"}
"""What a read-only store holds; the second name is one that a writable store refuses."""


class SecretStoreReading:
    """Holds for every store that has what `PREPARED` has under names that are allowed."""

    def test_values_come_back_as_they_were(self, secret_store: SecretStore) -> None:
        assert secret_store.value("API_TOKEN") == "top-secret"
        assert secret_store.value("DB.PASSWORD-2") == "päss wörd\n"

    def test_the_list_is_sorted_and_has_no_value(self, secret_store: SecretStore) -> None:
        listed = secret_store.list()
        names = [info.name for info in listed]
        assert names == sorted(names)
        assert {"API_TOKEN", "DB.PASSWORD-2"} <= set(names)
        assert "top-secret" not in repr(listed)
        assert "top-secret" not in repr(secret_store.info("API_TOKEN"))
        assert "top-secret" not in repr(secret_store)

    def test_an_unknown_name_is_not_found(self, secret_store: SecretStore) -> None:
        for read in (secret_store.value, secret_store.info):
            with pytest.raises(SecretNotFound, match="UNKNOWN"):
                read("UNKNOWN")


class SecretStoreWriting(SecretStoreReading):
    """Holds for stores that are written from here."""

    def test_it_says_that_it_is_writable(self, secret_store: SecretStore) -> None:
        assert secret_store.writable

    def test_a_write_replaces_and_a_delete_removes(self, secret_store: SecretStore) -> None:
        info = secret_store.put("API_TOKEN", "changed", "user:ada")
        assert info == secret_store.info("API_TOKEN")
        assert info.updated_by == "user:ada"
        assert secret_store.value("API_TOKEN") == "changed"
        secret_store.delete("API_TOKEN")
        with pytest.raises(SecretNotFound):
            secret_store.value("API_TOKEN")
        with pytest.raises(SecretNotFound):
            secret_store.delete("API_TOKEN")

    def test_names_and_values_that_no_store_takes(self, secret_store: SecretStore) -> None:
        for name in ("", "9lives", "a b", "../x", "ÜBER", "x" * 129, "a\n"):
            with pytest.raises(InvalidInput):
                secret_store.put(name, "value")
        for value in ("", "x" * (MAX_VALUE_BYTES + 1)):
            with pytest.raises(InvalidInput):
                secret_store.put("NAME", value)
        secret_store.put("NAME", "x" * MAX_VALUE_BYTES)


class SecretStoreReadingOnly(SecretStoreReading):
    """Holds for stores that the platform fills."""

    def test_writes_are_refused(self, secret_store: SecretStore) -> None:
        assert not secret_store.writable
        with pytest.raises(SecretStoreReadOnly):
            secret_store.put("NAME", "value")
        with pytest.raises(SecretStoreReadOnly):
            secret_store.delete("API_TOKEN")
