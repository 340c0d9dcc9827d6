"""Code versions: a project's code files as one immutable archive, named by what is in it.

A bundle is a zip in the artifact store under `bundles/<digest>.zip`. To be used it is unpacked, once a machine, into
`<unpack_dir>/<digest>/<project_name>/`: prepared beside that place and renamed, so a reader sees all of it or nothing,
whoever unpacks and whoever is killed meanwhile.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import threading
import time
import uuid
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

from penstock_runtime.domain.errors import NotFound
from penstock_runtime.ports.artifact_store import ArtifactNotFound, ArtifactStore, ArtifactStoreFailed
from penstock_runtime.project.tree_scan import TreeScanner, TreeState, TreeUnstable, digest_of

_DATE = (2020, 1, 1, 0, 0, 0)
_TRIES = 5
_ABANDONED_SECONDS = 86400


def bundle_key(digest: str) -> str:
    """Return the artifact key of a bundle."""
    return f"bundles/{digest}.zip"


class BundleNotFound(NotFound):
    """No bundle of that digest is kept."""


class BundleLibrary:
    """The bundles of one project: publishing from a tree, and unpacked folders to load code from.

    For several threads. `project_name` is the folder that the code sees itself in (`from <project_name>.x import y`).
    """

    def __init__(self, artifacts: ArtifactStore, unpack_dir: Path, project_name: str) -> None:
        """Nothing is read or made until it is asked for."""
        self._artifacts = artifacts
        self._unpack_dir = unpack_dir
        self._project_name = project_name
        self._scanners: dict[Path, TreeScanner] = {}
        self._published: set[str] = set()
        self._unpacked: dict[str, Path] = {}
        self._lock = threading.Lock()

    def scan(self, project_dir: Path) -> TreeState:
        """Return the state of a tree; cheap when nothing changed. TreeUnstable."""
        with self._lock:
            return self._scanner(project_dir).scan()

    def publish_tree(self, project_dir: Path) -> str:
        """Store the tree as it is now, if it is not stored yet, and return its digest. Idempotent.

        TreeUnstable when the tree kept changing; ArtifactStoreFailed.
        """
        with self._lock:
            for _ in range(_TRIES):
                state = self._scanner(project_dir).scan()
                if state.digest in self._published or self._artifacts.exists(bundle_key(state.digest)):
                    self._published.add(state.digest)
                    return state.digest
                archive = _pack(project_dir, state)
                if archive is None:
                    continue
                self._artifacts.put_bytes(bundle_key(state.digest), archive)
                self._published.add(state.digest)
                return state.digest
        raise TreeUnstable(f"the files of {project_dir} kept changing while they were read")

    def path(self, digest: str) -> Path:
        """Return the unpacked, read-only folder of a bundle, unpacking it if it must. BundleNotFound."""
        known = self._unpacked.get(digest)
        if known is not None:
            return known
        with self._lock:
            folder = self._unpack_dir / digest / self._project_name
            if not folder.is_dir():
                self._unpack(digest)
            self._unpacked[digest] = folder
        return folder

    def archive(self, digest: str) -> bytes:
        """Return the zip itself, for a machine without the artifact store. BundleNotFound."""
        try:
            with self._artifacts.open(bundle_key(digest)) as stream:
                return stream.read()
        except ArtifactNotFound as error:
            raise BundleNotFound(f"the code version {digest} is not kept any more") from error

    def remove(self, digests: Collection[str]) -> None:
        """Remove these bundles, unpacked and stored, and what killed processes left half unpacked. Idempotent."""
        with self._lock:
            for digest in sorted(digests):
                self._artifacts.delete_prefix(bundle_key(digest))
                self._published.discard(digest)
                self._unpacked.pop(digest, None)
                _remove(self._unpack_dir / digest)
            for folder in _abandoned(self._unpack_dir):
                _remove(folder)

    def _scanner(self, project_dir: Path) -> TreeScanner:
        return self._scanners.setdefault(project_dir, TreeScanner(project_dir))

    def _unpack(self, digest: str) -> None:
        archive = self.archive(digest)
        prepared = self._unpack_dir / f".{digest[:16]}-{uuid.uuid4().hex}"
        try:
            folder = prepared / self._project_name
            folder.mkdir(parents=True)
            _extract(archive, folder, digest)
            _read_only(folder)
            prepared.rename(self._unpack_dir / digest)
        except OSError as error:
            _remove(prepared)
            if (self._unpack_dir / digest / self._project_name).is_dir():
                return  # another process was quicker
            raise ArtifactStoreFailed(
                f"the code version {digest} cannot be unpacked into {self._unpack_dir}: {error.strerror}"
            ) from error
        except (zipfile.BadZipFile, ArtifactStoreFailed) as error:
            _remove(prepared)
            raise ArtifactStoreFailed(f"{bundle_key(digest)} is damaged: {error}") from error


def _pack(root: Path, state: TreeState) -> bytes | None:
    """Return a zip that depends on the files alone; None when a file is no longer what the scan saw."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(state.files):
            try:
                data = (root / name).read_bytes()
            except OSError:
                return None
            if hashlib.sha256(data).hexdigest() != state.files[name]:
                return None
            archive.writestr(zipfile.ZipInfo(name, _DATE), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _extract(archive: bytes, folder: Path, digest: str) -> None:
    """Write the files out, and check that they are the ones the digest names."""
    files: dict[str, str] = {}
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        for name in source.namelist():
            if name.startswith(("/", "\\")) or ".." in name.split("/"):
                raise ArtifactStoreFailed(f"it names the file {name!r}")
            data = source.read(name)
            files[name] = hashlib.sha256(data).hexdigest()
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    if digest_of(files) != digest:
        raise ArtifactStoreFailed("its files are not those of its name")


def _read_only(folder: Path) -> None:
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            Path(parent, name).chmod(0o444)
        Path(parent).chmod(0o555)


def _abandoned(folder: Path) -> Iterator[Path]:
    """Yield what processes that were killed while unpacking left a day ago."""
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.name.startswith(".") and time.time() - entry.stat().st_mtime > _ABANDONED_SECONDS:
            yield entry


def _remove(folder: Path) -> None:
    """Remove a folder of ours; its parts are read-only, so each is opened first."""
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
