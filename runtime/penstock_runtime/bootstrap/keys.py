"""The keys that encrypt secrets in the database."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.settings import Settings


def encryption_keys(settings: Settings) -> Sequence[str]:
    """Return the Fernet keys, newest first.

    From PENSTOCK_ENCRYPTION_KEY; without it, on SQLite only, one is made in the user's state folder (mode 0600), apart
    from project and data. InvalidInput on Postgres without a key, and for a key that is none.
    """
    if settings.encryption_keys:
        for key in settings.encryption_keys:
            _check(key)
        return settings.encryption_keys
    if not settings.sqlite:
        raise InvalidInput(
            "PENSTOCK_ENCRYPTION_KEY is not set, and several machines may share this database: make a key with "
            "`python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'` and keep it "
            "in your secret manager",
            "PENSTOCK_ENCRYPTION_KEY",
        )
    return [own_key(settings)]


def existing_keys(settings: Settings) -> Sequence[str]:
    """Return the keys that there are, newest first, making none. InvalidInput for a key that is none."""
    if settings.encryption_keys or not settings.sqlite:
        return encryption_keys(settings)
    path = key_file(settings)
    return [_read_key(path)] if path.exists() else []


def key_file(settings: Settings) -> Path:
    """Return where the key of this data folder is kept when the settings hold none."""
    name = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:16]
    return settings.state_dir / "keys" / f"{name}.key"


def own_key(settings: Settings) -> str:
    """Return the key that this data folder has in the user's state folder (mode 0600); made when there is none."""
    path = key_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _make_key(path)
    return _read_key(path)


def _make_key(path: Path) -> None:
    """Put a whole key there, or leave the one that another process has put there meanwhile."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(Fernet.generate_key().decode())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _read_key(path: Path) -> str:
    key = path.read_text(encoding="utf-8", errors="replace").strip()
    if not _is_key(key):
        raise InvalidInput(
            f"{path} holds no whole encryption key; put it back from a backup. Only if there is no secret to lose: "
            "remove it, and the next start makes another"
        )
    return key


def _check(key: str) -> None:
    if not _is_key(key):
        raise InvalidInput(
            "PENSTOCK_ENCRYPTION_KEY holds a key that is not a Fernet key (32 bytes, URL-safe base64)",
            "PENSTOCK_ENCRYPTION_KEY",
        )


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
