from __future__ import annotations

import pytest

from penstock_runtime.testing.conformance.run_store import RunStoreConformance
from penstock_runtime.testing.conformance.run_store_backfills import BackfillConformance
from penstock_runtime.testing.conformance.run_store_blocks import ChangeConformance
from penstock_runtime.testing.conformance.run_store_claims import ClaimConformance
from penstock_runtime.testing.conformance.run_store_fleet import FleetConformance
from penstock_runtime.testing.conformance.run_store_history import HistoryConformance
from penstock_runtime.testing.conformance.run_store_lost_ticks import LostTickConformance
from penstock_runtime.testing.conformance.run_store_outbox import OutboxConformance
from penstock_runtime.testing.conformance.run_store_scaling import ScalingConformance
from penstock_runtime.testing.memory_run_store import InMemoryRunStore


class TestInMemoryRunStore(
    RunStoreConformance,
    ChangeConformance,
    ClaimConformance,
    FleetConformance,
    OutboxConformance,
    HistoryConformance,
    LostTickConformance,
    ScalingConformance,
    BackfillConformance,
):
    @pytest.fixture
    def store(self) -> InMemoryRunStore:
        return InMemoryRunStore()
