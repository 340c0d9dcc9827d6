"""Artifacts as files in a folder: this machine's disk, or a share that several machines mount.

An object is prepared in `.staging` beside the others and renamed into place, so that a reader sees all of it or
nothing. Nothing is flushed to the disk by force: after a power cut an artifact may be short, and its run says so by its
hash. A full disk is an ArtifactStoreFailed that says so, and leaves nothing behind.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from penstock_runtime.ports.artifact_store import ArtifactNotFound, ArtifactStoreFailed
from penstock_runtime.storage.artifact_keys import checked_key, checked_prefix

_STAGING = ".staging"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class LocalArtifactStore:
    """`ports.artifact_store.ArtifactStore` in a folder. For several threads and processes."""

    def __init__(self, root: Path) -> None:
        """The folder is made when something is first written."""
        self._root = root

    def put_file(self, key: str, source: Path, *, move: bool = False) -> None:
        """Store a file's bytes; with `move` a file of the same file system is renamed instead of copied."""
        target = self._path(key)
        with self._failures(key):
            if target.is_file():
                if move:
                    source.unlink(missing_ok=True)
                return
            if move and self._rename(source, target):
                return
            with self._prepared() as prepared:
                shutil.copyfile(source, prepared)
                target.parent.mkdir(parents=True, exist_ok=True)
                prepared.replace(target)
            if move:
                source.unlink(missing_ok=True)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store bytes."""
        target = self._path(key)
        with self._failures(key):
            if target.is_file():
                return
            with self._prepared() as prepared:
                prepared.write_bytes(data)
                target.parent.mkdir(parents=True, exist_ok=True)
                prepared.replace(target)

    def open(self, key: str) -> BinaryIO:
        """Open for reading; ArtifactNotFound."""
        path = self._path(key)
        with self._failures(key):
            return path.open("rb")

    def local_path(self, key: str) -> Path:
        """Return the object's own file; ArtifactNotFound."""
        path = self._path(key)
        if not path.is_file():
            raise ArtifactNotFound(f"no artifact under {key!r}")
        return path

    def exists(self, key: str) -> bool:
        """Whether there is an object under the key."""
        return self._path(key).is_file()

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield keys under a prefix, in order."""
        checked_prefix(self._name, prefix)
        folder = prefix.rpartition("/")[0]
        with self._failures(prefix):
            found = sorted(self._walk(f"{folder}/" if folder else ""))
        yield from (key for key in found if key.startswith(prefix))

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders right under a prefix, in order."""
        checked_prefix(self._name, prefix)
        with self._failures(prefix):
            try:
                found = sorted(entry.name for entry in os.scandir(self._root / prefix) if entry.is_dir())
            except FileNotFoundError:
                found = []
        yield from (name for name in found if name != _STAGING)

    def delete_prefix(self, prefix: str) -> int:
        """Remove every object under the prefix, and the folders that this leaves empty; how many objects."""
        count = 0
        for key in list(self.keys(prefix)):
            path = self._path(key)
            with self._failures(key):
                try:
                    path.unlink()
                except FileNotFoundError:
                    continue  # another process removes the same prefix
            count += 1
            self._remove_empty(path.parent)
        return count

    def staging_dirs(self) -> list[Path]:
        """Return the private folders that there are, for whoever clears away those of the dead."""
        try:
            return sorted((self._root / _STAGING).iterdir())
        except OSError:
            return []

    def staging_dir(self, name: str) -> Path:
        """Return a fresh folder on the store's own file system, so that what is prepared in it can be moved."""
        checked_key(self._name, name)
        with self._failures(name):
            folder = self._root / _STAGING / f"{name.replace('/', '-')}-{uuid.uuid4().hex}"
            folder.mkdir(parents=True, mode=0o700)
        return folder

    @property
    def _name(self) -> str:
        return f"artifact folder {self._root}"

    def _path(self, key: str) -> Path:
        return self._root / checked_key(self._name, key)

    def _rename(self, source: Path, target: Path) -> bool:
        """Rename into place; False across file systems."""
        if stat.S_ISLNK(os.lstat(source).st_mode):
            return False  # the link's bytes are wanted, not the link
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return False
        return True

    @contextmanager
    def _prepared(self) -> Iterator[Path]:
        folder = self._root / _STAGING
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / uuid.uuid4().hex
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _failures(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if error.filename is not None and str(error.filename) == str(self._root / key):
                raise ArtifactNotFound(f"no artifact under {key!r}") from error
            raise ArtifactStoreFailed(f"{self._name}: {key}: {error}") from error
        except OSError as error:
            cause = "the disk is full" if error.errno in _FULL else str(error.strerror or error)
            raise ArtifactStoreFailed(f"{self._name}: {key}: {cause}") from error

    def _walk(self, folder: str) -> Iterator[str]:
        try:
            entries = list(os.scandir(self._root / folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(f"{folder}{entry.name}/")
            else:
                yield folder + entry.name

    def _remove_empty(self, folder: Path) -> None:
        while folder != self._root and self._root in folder.parents:
            try:
                folder.rmdir()
            except OSError:
                return  # not empty, or gone
            folder = folder.parent
