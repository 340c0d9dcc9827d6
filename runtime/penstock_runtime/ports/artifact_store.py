"""Where block outputs and bundles are kept: immutable files under keys.

Keys are relative POSIX paths of plain segments (`runs/<run>/<block>/<index>/<attempt>/output_0.arrow`). A key is
written once; writing the same bytes again is no error. Every method may raise ArtifactStoreFailed, which names the
store, the key and the cause (a full disk says so), and leaves no partial object behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from penstock_runtime.domain.errors import NotFound, PenstockError


class ArtifactStoreFailed(PenstockError):
    """The store could not do it. The text names key and cause."""


class ArtifactNotFound(NotFound):
    """No object under that key."""


class ArtifactStore(Protocol):
    """A flat store of immutable objects."""

    def put_file(self, key: str, source: Path, *, move: bool = False) -> None:
        """Store the file's bytes. With `move` the source may be renamed away instead of copied. Idempotent."""
        ...

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store bytes. Idempotent."""
        ...

    def open(self, key: str) -> BinaryIO:
        """Open for reading from the start; ArtifactNotFound."""
        ...

    def local_path(self, key: str) -> Path:
        """Return a path on this machine that holds the object, fetching it if it must; read-only; ArtifactNotFound."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is an object under the key."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield keys under a prefix, in order."""
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield, in order, the segments that follow a prefix of whole segments (`runs/`): not objects right under it.

        It costs what there is of them, not of the objects below.
        """
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Remove every object under the prefix; how many. Idempotent."""
        ...

    def staging_dir(self, name: str) -> Path:
        """Return a fresh private folder, on the same file system as the store where it has one, to prepare files in."""
        ...
