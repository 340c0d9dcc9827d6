from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock_runtime.persistence.account_store import SqlAccountStore
from penstock_runtime.persistence.engine import DatabaseOptions, open_database
from penstock_runtime.testing.conformance.account_store import AccountStoreConformance
from penstock_runtime.testing.memory_account_store import InMemoryAccountStore


class TestInMemoryAccountStore(AccountStoreConformance):
    @pytest.fixture
    def store(self) -> InMemoryAccountStore:
        return InMemoryAccountStore()


class TestSqlAccountStore(AccountStoreConformance):
    @pytest.fixture
    def store(self, database_url: str) -> Iterator[SqlAccountStore]:
        database = open_database(DatabaseOptions(database_url, pool_size=8))
        yield SqlAccountStore(database)
        database.close()
