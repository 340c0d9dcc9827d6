from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.testing.conformance.run_store import RunStoreConformance
from penstock_runtime.testing.conformance.run_store_blocks import ChangeConformance
from penstock_runtime.testing.conformance.run_store_claims import ClaimConformance
from penstock_runtime.testing.conformance.run_store_fleet import FleetConformance


class TestSqliteRunStore(RunStoreConformance, ChangeConformance, ClaimConformance, FleetConformance):
    @pytest.fixture
    def store(self, sqlite_url: str) -> Iterator[SqlRunStore]:
        store = SqlRunStore.open(DatabaseOptions(sqlite_url, pool_size=8))
        yield store
        store.close()
