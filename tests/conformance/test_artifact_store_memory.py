from __future__ import annotations

import gc

import pytest

from penstock_runtime.storage.memory_artifacts import InMemoryArtifactStore
from penstock_runtime.testing.conformance.artifact_store import ArtifactStoreConformance


class TestInMemoryArtifactStore(ArtifactStoreConformance):
    @pytest.fixture
    def store(self) -> InMemoryArtifactStore:
        return InMemoryArtifactStore()

    def test_its_files_go_with_it(self):
        store = InMemoryArtifactStore()
        folder = store.staging_dir("attempt")
        assert folder.is_dir()
        del store
        gc.collect()
        assert not folder.exists()
