from __future__ import annotations

import errno
from pathlib import Path

import pytest

from penstock_runtime.ports.artifact_store import ArtifactStoreFailed
from penstock_runtime.storage.local import LocalArtifactStore
from penstock_runtime.testing.conformance.artifact_store import ArtifactStoreConformance


class TestLocalArtifactStore(ArtifactStoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalArtifactStore:
        return LocalArtifactStore(tmp_path / "artifacts")

    def test_deleting_leaves_no_empty_folders(self, store: LocalArtifactStore, tmp_path: Path):
        store.put_bytes("runs/r1/a/0/1/out", b"1")
        store.delete_prefix("runs/r1/")
        assert [entry.name for entry in (tmp_path / "artifacts").iterdir()] == [".staging"]

    def test_a_full_disk_is_named_and_leaves_nothing(
        self, store: LocalArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        def fill(path: Path, data: bytes) -> int:
            with path.open("wb") as stream:
                stream.write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

        monkeypatch.setattr(Path, "write_bytes", fill)
        with pytest.raises(ArtifactStoreFailed, match=r"runs/r1/out: the disk is full") as failed:
            store.put_bytes("runs/r1/out", b"12345678")
        assert str(tmp_path / "artifacts") in str(failed.value)
        assert list(store.keys("")) == []
        assert list((tmp_path / "artifacts" / ".staging").iterdir()) == []

    def test_a_move_across_file_systems_copies(
        self, store: LocalArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        source = tmp_path / "elsewhere"
        source.write_bytes(b"far")
        rename = Path.replace

        def refuse(path: Path, target: Path) -> Path:
            if path == source:
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            return rename(path, target)

        monkeypatch.setattr(Path, "replace", refuse)
        store.put_file("a/far", source, move=True)
        assert store.local_path("a/far").read_bytes() == b"far"
        assert not source.exists()

    def test_a_link_is_stored_as_what_it_points_at(self, store: LocalArtifactStore, tmp_path: Path):
        (tmp_path / "real").write_bytes(b"real")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        store.put_file("a/link", tmp_path / "link", move=True)
        assert not store.local_path("a/link").is_symlink()
        assert store.local_path("a/link").read_bytes() == b"real"
