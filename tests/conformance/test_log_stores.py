"""Both log stores keep the port."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock_runtime.ports.log_store import LogKey, LogStoreFailed
from penstock_runtime.storage.local_logs import LocalLogStore
from penstock_runtime.storage.memory_logs import InMemoryLogStore
from penstock_runtime.testing.conformance.log_store import KEY, LogStoreConformance, lines


class TestInMemoryLogStore(LogStoreConformance):
    @pytest.fixture
    def store(self) -> InMemoryLogStore:
        return InMemoryLogStore()


class TestLocalLogStore(LogStoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalLogStore:
        return LocalLogStore(tmp_path / "logs")

    def test_another_process_reads_what_was_appended(self, store: LocalLogStore, tmp_path: Path) -> None:
        store.append(KEY, lines("one"))
        assert LocalLogStore(tmp_path / "logs").read(KEY)[0][0].message == "one"

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(LogStoreFailed, match="file"):
            LocalLogStore(tmp_path / "file").append(KEY, lines("x"))

    def test_a_name_with_slashes_stays_in_the_folder(self, store: LocalLogStore, tmp_path: Path) -> None:
        for name in ("../../x", "reports/daily"):
            store.append(LogKey("run", name, None, 1), lines(name))
            assert store.read(LogKey("run", name, None, 1))[0][0].message == name
        written = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert len(written) == 2
        assert all(path.is_relative_to(tmp_path / "logs" / "run") for path in written)
