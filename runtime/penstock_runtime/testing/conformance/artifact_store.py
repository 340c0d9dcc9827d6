"""What every artifact store must do. Subclass with a `store` fixture."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock_runtime.ports.artifact_store import ArtifactNotFound, ArtifactStore, ArtifactStoreFailed

BAD_KEYS = ("", "/a", "a/", "a//b", "../a", "a/../b", ".", "a/./b", ".hidden", "a\\b", "a\0b", "a\nb", "x" * 2000)


class ArtifactStoreConformance:
    """The behaviours of `ports.artifact_store.ArtifactStore`."""

    def test_bytes_come_back(self, store: ArtifactStore) -> None:
        """What was put is read, from the start, each time."""
        store.put_bytes("runs/r1/load/0/1/output_0.json", b"[1, 2]")
        for _ in range(2):
            with store.open("runs/r1/load/0/1/output_0.json") as stream:
                assert stream.read() == b"[1, 2]"
        assert store.local_path("runs/r1/load/0/1/output_0.json").read_bytes() == b"[1, 2]"

    def test_a_file_is_copied(self, store: ArtifactStore, tmp_path: Path) -> None:
        """Without `move` the source stays."""
        source = tmp_path / "out.arrow"
        source.write_bytes(b"table")
        store.put_file("a/out.arrow", source)
        assert source.read_bytes() == b"table"
        assert store.local_path("a/out.arrow").read_bytes() == b"table"

    def test_a_file_is_moved(self, store: ArtifactStore) -> None:
        """With `move` nothing is left behind in the staging folder."""
        folder = store.staging_dir("attempt-1")
        source = folder / "out.arrow"
        source.write_bytes(b"table")
        store.put_file("a/out.arrow", source, move=True)
        assert not source.exists()
        assert store.local_path("a/out.arrow").read_bytes() == b"table"

    def test_putting_again_is_no_error(self, store: ArtifactStore, tmp_path: Path) -> None:
        """A repeat after a lost answer changes nothing, by bytes or by file."""
        source = tmp_path / "x"
        source.write_bytes(b"x")
        store.put_bytes("a/x", b"x")
        store.put_bytes("a/x", b"x")
        store.put_file("a/x", source)
        store.put_file("a/x", source, move=True)
        assert list(store.keys("a/")) == ["a/x"]

    def test_an_absent_key_is_not_found(self, store: ArtifactStore) -> None:
        """Reading says so; asking does not fail."""
        assert not store.exists("a/none")
        with pytest.raises(ArtifactNotFound, match="a/none"):
            store.open("a/none")
        with pytest.raises(ArtifactNotFound, match="a/none"):
            store.local_path("a/none")

    def test_a_prefix_is_not_an_object(self, store: ArtifactStore) -> None:
        """A folder of keys cannot be read as a key."""
        store.put_bytes("a/b/c", b"1")
        assert not store.exists("a/b")
        with pytest.raises((ArtifactNotFound, ArtifactStoreFailed)):
            store.open("a/b")
        with pytest.raises(ArtifactNotFound):
            store.local_path("a/b")

    def test_keys_are_in_order_and_under_the_prefix(self, store: ArtifactStore) -> None:
        """A prefix may end inside a segment, as object stores have it."""
        for key in ("runs/r1/b", "runs/r1/a/0", "runs/r10/a", "bundles/x.zip"):
            store.put_bytes(key, key.encode())
        assert list(store.keys("runs/r1/")) == ["runs/r1/a/0", "runs/r1/b"]
        assert list(store.keys("runs/r1")) == ["runs/r1/a/0", "runs/r1/b", "runs/r10/a"]
        assert list(store.keys("")) == ["bundles/x.zip", "runs/r1/a/0", "runs/r1/b", "runs/r10/a"]
        assert list(store.keys("nothing/")) == []

    def test_deleting_a_prefix_removes_it_alone(self, store: ArtifactStore) -> None:
        """It counts, leaves neighbours, can be repeated, and the keys can be used again."""
        for key in ("runs/r1/a", "runs/r1/b", "runs/r10/a"):
            store.put_bytes(key, b"old")
        store.local_path("runs/r1/a")
        assert store.delete_prefix("runs/r1/") == 2
        assert store.delete_prefix("runs/r1/") == 0
        assert list(store.keys("")) == ["runs/r10/a"]
        store.put_bytes("runs/r1/a", b"new")
        assert store.local_path("runs/r1/a").read_bytes() == b"new"

    def test_staging_folders_are_private_and_unlisted(self, store: ArtifactStore) -> None:
        """Two of one name are two folders; what lies in them is no object."""
        first, second = store.staging_dir("attempt"), store.staging_dir("attempt")
        assert first != second
        (first / "part").write_bytes(b"half")
        assert list(second.iterdir()) == []
        assert list(store.keys("")) == []

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_a_key_cannot_leave_the_store(self, store: ArtifactStore, key: str, tmp_path: Path) -> None:
        """Each way in refuses it, and the text names it."""
        source = tmp_path / "source"
        source.write_bytes(b"")
        with pytest.raises(ArtifactStoreFailed):
            store.put_bytes(key, b"")
        with pytest.raises(ArtifactStoreFailed):
            store.put_file(key, source)
        with pytest.raises(ArtifactStoreFailed):
            store.open(key)
        with pytest.raises(ArtifactStoreFailed):
            store.local_path(key)

    def test_a_lost_source_is_a_failure_that_leaves_nothing(self, store: ArtifactStore, tmp_path: Path) -> None:
        """The text names the key; no partial object stays."""
        with pytest.raises(ArtifactStoreFailed, match="a/lost"):
            store.put_file("a/lost", tmp_path / "lost")
        with pytest.raises(ArtifactStoreFailed, match="a/lost"):
            store.put_file("a/lost", tmp_path / "lost", move=True)
        assert not store.exists("a/lost")
        assert list(store.keys("")) == []
