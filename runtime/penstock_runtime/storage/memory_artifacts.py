"""Artifacts in memory: complete, for tests and for runs that need nothing kept. Files appear only when asked for."""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
import uuid
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from penstock_runtime.ports.artifact_store import ArtifactNotFound, ArtifactStoreFailed
from penstock_runtime.storage.artifact_keys import checked_key, checked_prefix

_NAME = "artifacts in memory"


class InMemoryArtifactStore:
    """`ports.artifact_store.ArtifactStore` in a dictionary. For several threads.

    A temporary folder, removed with the store, holds what must be a file.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._folder: Path | None = None

    def put_file(self, key: str, source: Path, *, move: bool = False) -> None:
        """Store a file's bytes."""
        checked_key(_NAME, key)
        try:
            data = source.read_bytes()
        except OSError as error:
            raise ArtifactStoreFailed(f"{_NAME}: {key}: {error}") from error
        self.put_bytes(key, data)
        if move:
            source.unlink(missing_ok=True)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store bytes."""
        with self._lock:
            self._objects.setdefault(checked_key(_NAME, key), bytes(data))

    def open(self, key: str) -> BinaryIO:
        """Open for reading; ArtifactNotFound."""
        return io.BytesIO(self._bytes(key))

    def local_path(self, key: str) -> Path:
        """Write the object to a temporary file, once; ArtifactNotFound."""
        data = self._bytes(key)
        path = self._files() / "objects" / key
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            prepared = path.with_name(f".{uuid.uuid4().hex}")
            prepared.write_bytes(data)
            prepared.replace(path)
        return path

    def exists(self, key: str) -> bool:
        """Whether there is an object under the key."""
        return checked_key(_NAME, key) in self._objects

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield keys under a prefix, in order."""
        checked_prefix(_NAME, prefix)
        with self._lock:
            found = sorted(key for key in self._objects if key.startswith(prefix))
        yield from found

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the segments that follow a prefix and have keys below them, in order."""
        checked_prefix(_NAME, prefix)
        with self._lock:
            below = [key.removeprefix(prefix) for key in self._objects if key.startswith(prefix)]
        yield from sorted({key.partition("/")[0] for key in below if "/" in key})

    def delete_prefix(self, prefix: str) -> int:
        """Remove every object under the prefix; how many."""
        checked_prefix(_NAME, prefix)
        with self._lock:
            gone = [key for key in self._objects if key.startswith(prefix)]
            for key in gone:
                del self._objects[key]
                if self._folder is not None:
                    (self._folder / "objects" / key).unlink(missing_ok=True)
        return len(gone)

    def staging_dir(self, name: str) -> Path:
        """Return a fresh temporary folder."""
        checked_key(_NAME, name)
        folder = self._files() / "staging" / f"{name.replace('/', '-')}-{uuid.uuid4().hex}"
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def _bytes(self, key: str) -> bytes:
        try:
            return self._objects[checked_key(_NAME, key)]
        except KeyError as error:
            raise ArtifactNotFound(f"no artifact under {key!r}") from error

    def _files(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="penstock-artifacts-"))
                weakref.finalize(self, shutil.rmtree, self._folder, True)
            return self._folder
