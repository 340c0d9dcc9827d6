from __future__ import annotations

import os
import stat
import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from penstock_runtime.domain.errors import NotFound
from penstock_runtime.ports.artifact_store import ArtifactStoreFailed
from penstock_runtime.project import bundles, tree_scan
from penstock_runtime.project.bundles import BundleLibrary, bundle_key
from penstock_runtime.project.tree_scan import TreeScanner, TreeUnstable
from penstock_runtime.storage.memory_artifacts import InMemoryArtifactStore

OLD = time.time() - 3600


def write(root: Path, files: dict[str, str], *, age: bool = True) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if age:
            os.utime(path, (OLD, OLD))
    return root


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every time stamp were an hour old: what was read is believed."""
    monkeypatch.setattr(tree_scan, "_young", lambda *_stamps: False)


@pytest.fixture
def store() -> InMemoryArtifactStore:
    return InMemoryArtifactStore()


@pytest.fixture
def library(store: InMemoryArtifactStore, tmp_path: Path) -> BundleLibrary:
    return BundleLibrary(store, tmp_path / "bundles", "shop")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "shop", {"metadata.yaml": "", "custom/a.py": "A = 1\n", "lib/__init__.py": ""})


class TestScan:
    def test_only_code_is_in_it(self, root: Path):
        write(
            root,
            {
                "notes.md": "x",
                "lookup.csv": "a,b\n",
                "big.csv": "x" * (256 * 1024 + 1),
                "big.json": "x" * (1024 * 1024 + 1),
                "table.parquet": "x",
                ".env": "SECRET=1",
                ".git/config.txt": "x",
                ".penstock/x.py": "x",
                "custom/__pycache__/a.py": "x",
                "node_modules/x.json": "x",
                "output/result.json": "x",
                "my_env/pyvenv.cfg": "home = x",
                "my_env/lib/x.py": "x",
            },
        )
        state = TreeScanner(root).scan()
        assert sorted(state.files) == ["custom/a.py", "lib/__init__.py", "lookup.csv", "metadata.yaml", "notes.md"]
        assert sorted(state.left_out) == ["big.csv", "big.json"]

    def test_an_ignore_file_leaves_more_out(self, root: Path):
        scanner = TreeScanner(root)
        write(root, {"reports/x.json": "1", "scratch.py": "x", "lib/tmp_1.py": "x"})
        assert len(scanner.scan().files) == 6
        write(root, {".penstockignore": "# made by blocks\nreports/\nscratch.py\ntmp_*\n"}, age=False)
        assert sorted(scanner.scan().files) == ["custom/a.py", "lib/__init__.py", "metadata.yaml"]

    def test_links_that_leave_the_tree_are_not_code(self, root: Path, tmp_path: Path):
        write(tmp_path, {"elsewhere/secret.py": "x"})
        (root / "custom/inside.py").symlink_to(root / "custom/a.py")
        (root / "custom/outside.py").symlink_to(tmp_path / "elsewhere/secret.py")
        (root / "custom/gone.py").symlink_to(root / "custom/none.py")
        (root / "linked").symlink_to(tmp_path / "elsewhere")
        assert "custom/inside.py" in TreeScanner(root).scan().files
        assert len(TreeScanner(root).scan().files) == 4

    @pytest.mark.usefixtures("settled")
    def test_an_unchanged_tree_is_not_read_again(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        scanner = TreeScanner(root)
        first = scanner.scan()
        monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
        monkeypatch.setattr(os, "scandir", lambda path: pytest.fail(f"{path} was listed"))
        assert scanner.scan() is first

    @pytest.mark.usefixtures("settled")
    def test_only_what_changed_is_read(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        scanner = TreeScanner(root)
        first = scanner.scan()
        write(root, {"custom/a.py": "A = 2\n"}, age=False)
        read: list[str] = []
        real = Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or real(path))
        second = scanner.scan()
        assert read == ["a.py"]
        assert second.digest != first.digest

    @pytest.mark.parametrize("change", ["edit", "add", "remove", "rename", "add_folder"])
    def test_each_change_is_seen(self, root: Path, change: str):
        scanner = TreeScanner(root)
        first = scanner.scan()
        if change == "edit":
            write(root, {"custom/a.py": "A = 9\n"})  # the same size and the same old time stamp: only ctime tells
        elif change == "add":
            write(root, {"custom/b.py": ""})
        elif change == "remove":
            (root / "custom/a.py").unlink()
        elif change == "rename":
            (root / "custom/a.py").rename(root / "custom/b.py")
        else:
            write(root, {"deep/er/c.sql": "SELECT 1"})
        assert scanner.scan().digest != first.digest

    def test_a_second_write_within_one_tick_is_seen(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        scanner = TreeScanner(root)
        path = root / "custom/a.py"
        same = path.stat()
        monkeypatch.setattr(os, "stat", _frozen(os.stat, str(path), same))
        first = scanner.scan()
        path.write_text("A = 3\n")
        # Nothing but the bytes tells, and the stamp (ctime) is seconds young: it is read again.
        assert scanner.scan().digest != first.digest

    def test_a_second_file_within_one_tick_is_seen(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        scanner = TreeScanner(root)
        folder = root / "custom"
        monkeypatch.setattr(os, "stat", _frozen(os.stat, f"{root}/custom/", folder.stat()))
        first = scanner.scan()
        write(root, {"custom/b.py": ""})
        assert scanner.scan().digest != first.digest

    def test_a_tree_that_changes_while_it_is_read_is_read_again(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        scanner = TreeScanner(root)
        real = Path.read_bytes
        times = iter(range(100))

        def restless(path: Path) -> bytes:
            data = real(path)
            if path.name == "a.py" and (count := next(times)) < 2:
                write(root, {"lib/late.py": f"L = {count}\n"}, age=False)
            return data

        monkeypatch.setattr(Path, "read_bytes", restless)
        assert "lib/late.py" in scanner.scan().files

    def test_a_tree_that_never_rests_is_given_up(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        real = Path.read_bytes
        times = iter(range(100))

        def restless(path: Path) -> bytes:
            write(root, {f"lib/more_{next(times)}.py": ""}, age=False)
            return real(path)

        monkeypatch.setattr(Path, "read_bytes", restless)
        with pytest.raises(TreeUnstable, match="kept changing"):
            TreeScanner(root).scan()

    @pytest.mark.usefixtures("settled")
    def test_a_scan_without_a_change_is_cheap(self, tmp_path: Path):
        root = write(tmp_path / "wide", {f"custom/b{number % 10}/m{number}.py": "" for number in range(200)})
        scanner = TreeScanner(root)
        scanner.scan()
        best = min(_timed(scanner) for _ in range(20))
        assert best < 0.02, f"{best * 1000:.1f} ms for 200 files"


def _timed(scanner: TreeScanner) -> float:
    start = time.perf_counter()
    scanner.scan()
    return time.perf_counter() - start


def _frozen(real, path, answer):
    return lambda asked, **kwargs: answer if asked == path else real(asked, **kwargs)


class TestLibrary:
    def test_the_same_code_is_the_same_version_wherever_it_lies(
        self, library: BundleLibrary, root: Path, tmp_path: Path
    ):
        first = library.publish_tree(root)
        again = write(tmp_path / "copy", {"metadata.yaml": "", "custom/a.py": "A = 1\n", "lib/__init__.py": ""})
        assert library.publish_tree(root) == first
        assert BundleLibrary(InMemoryArtifactStore(), tmp_path / "b", "x").publish_tree(again) == first

    def test_a_bundle_is_unpacked_whole_and_read_only(self, library: BundleLibrary, root: Path):
        digest = library.publish_tree(root)
        folder = library.path(digest)
        assert folder.parts[-3:] == ("bundles", digest, "shop")
        assert (folder / "custom/a.py").read_text() == "A = 1\n"
        assert stat.S_IMODE((folder / "custom/a.py").stat().st_mode) == 0o444
        assert stat.S_IMODE((folder / "custom").stat().st_mode) == 0o555
        assert library.path(digest) == folder

    def test_versions_stay_as_they_were(self, library: BundleLibrary, root: Path):
        old = library.publish_tree(root)
        write(root, {"custom/a.py": "A = 2\n"}, age=False)
        new = library.publish_tree(root)
        assert (library.path(old) / "custom/a.py").read_text() == "A = 1\n"
        assert (library.path(new) / "custom/a.py").read_text() == "A = 2\n"

    def test_another_machine_unpacks_from_the_store(
        self, library: BundleLibrary, store: InMemoryArtifactStore, root: Path, tmp_path: Path
    ):
        digest = library.publish_tree(root)
        there = BundleLibrary(store, tmp_path / "there", "shop")
        assert (there.path(digest) / "metadata.yaml").is_file()
        assert there.archive(digest) == library.archive(digest)

    def test_an_unknown_bundle(self, library: BundleLibrary):
        with pytest.raises(NotFound, match="0000"):
            library.path("0" * 64)

    def test_a_damaged_bundle_is_refused_and_leaves_nothing(
        self, store: InMemoryArtifactStore, library: BundleLibrary, tmp_path: Path
    ):
        store.put_bytes(bundle_key("a" * 64), b"no zip")
        forged = BytesIO()
        with zipfile.ZipFile(forged, "w") as archive:
            archive.writestr("custom/a.py", "evil()")
        store.put_bytes(bundle_key("b" * 64), forged.getvalue())
        outside = BytesIO()
        with zipfile.ZipFile(outside, "w") as archive:
            archive.writestr("../../evil.py", "evil()")
        store.put_bytes(bundle_key("c" * 64), outside.getvalue())
        for digest in ("a" * 64, "b" * 64, "c" * 64):
            with pytest.raises(ArtifactStoreFailed, match="damaged"):
                library.path(digest)
        assert list((tmp_path / "bundles").iterdir()) == []
        assert not list(tmp_path.rglob("evil.py"))

    def test_two_unpack_at_once(
        self, library: BundleLibrary, store: InMemoryArtifactStore, root: Path, tmp_path: Path, monkeypatch
    ):
        digest = library.publish_tree(root)
        rival = BundleLibrary(store, tmp_path / "bundles", "shop")
        real = bundles._read_only

        def late(folder: Path) -> None:
            monkeypatch.setattr(bundles, "_read_only", real)
            rival.path(digest)
            real(folder)

        monkeypatch.setattr(bundles, "_read_only", late)
        assert (library.path(digest) / "custom/a.py").is_file()
        assert [entry.name for entry in (tmp_path / "bundles").iterdir()] == [digest]

    def test_what_no_run_names_goes(self, library: BundleLibrary, store: InMemoryArtifactStore, root: Path):
        old = library.publish_tree(root)
        folder = library.path(old)
        write(root, {"custom/a.py": "A = 2\n"}, age=False)
        new = library.publish_tree(root)
        library.remove([old])
        library.remove([old])
        assert not folder.exists()
        assert list(store.keys("")) == [bundle_key(new)]
        with pytest.raises(NotFound):
            library.path(old)
        # It can be published again.
        write(root, {"custom/a.py": "A = 1\n"}, age=False)
        assert library.publish_tree(root) == old
        assert library.path(old).is_dir()

    def test_a_lost_root_is_an_error_not_an_empty_version(self, library: BundleLibrary, tmp_path: Path):
        with pytest.raises(OSError, match="nowhere"):
            library.publish_tree(tmp_path / "nowhere")
