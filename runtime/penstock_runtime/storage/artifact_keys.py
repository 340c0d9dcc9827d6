"""The keys of artifacts: relative POSIX paths of plain segments, so that no key can name anything outside its store."""

from __future__ import annotations

import re

from penstock_runtime.ports.artifact_store import ArtifactStoreFailed

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=@+ \-]*")
_LENGTH = 1024


def checked_key(store: str, key: str) -> str:
    """Return the key, or raise ArtifactStoreFailed that names the store and the key."""
    if len(key) > _LENGTH or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise ArtifactStoreFailed(f"{store}: {key[:200]!r} is no artifact key: use plain names joined by '/'")
    return key


def checked_prefix(store: str, prefix: str) -> str:
    """Return a prefix as a key prefix: empty for everything, whole segments, or the start of a segment."""
    if prefix:
        checked_key(store, prefix.removesuffix("/"))
    return prefix
