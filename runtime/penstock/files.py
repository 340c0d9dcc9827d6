"""A file that is hashed while it is written, so that nothing has to be read twice."""

from __future__ import annotations

import sys

try:
    # The interpreter's own, in two spellings by version: OpenSSL's takes milliseconds and megabytes to import.
    _small_sha256 = __import__("_sha2" if sys.version_info >= (3, 12) else "_sha256").sha256
except ImportError:
    from hashlib import sha256 as _small_sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def sha256_of(data: bytes) -> str:
    """The SHA-256 of a small piece of data, in hex."""
    return str(_small_sha256(data).hexdigest())


class HashingFile:
    """A new file that takes bytes in order and knows their size and SHA-256. Not seekable, by intent."""

    def __init__(self, path: str) -> None:
        from hashlib import sha256

        self._file = open(path, "xb", buffering=1 << 20)  # noqa: SIM115 - closed by __exit__
        self._hash = sha256()
        self.size = 0

    def write(self, data: Any) -> int:
        """Write a bytes-like object; gives its size in bytes."""
        view = memoryview(data)
        if view.format != "B" or view.ndim != 1:
            view = view.cast("B")
        self._hash.update(view)
        self._file.write(view)
        self.size += view.nbytes
        return view.nbytes

    def flush(self) -> None:
        """Nothing: what matters is the rename, which comes after the close."""

    def tell(self) -> int:
        """How many bytes are written."""
        return self.size

    def readable(self) -> bool:
        """No."""
        return False

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """No."""
        return False

    @property
    def closed(self) -> bool:
        """Whether the file below is closed."""
        return self._file.closed

    def close(self) -> None:
        """Nothing: a library that closes what it was given must not end the file before us."""

    def hexdigest(self) -> str:
        """The SHA-256 of all that was written."""
        return self._hash.hexdigest()

    def __enter__(self) -> HashingFile:  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
