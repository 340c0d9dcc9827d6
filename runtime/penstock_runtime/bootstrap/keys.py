"""The keys that encrypt secrets in the database."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

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
    return [_own_key(settings)]


def _own_key(settings: Settings) -> str:
    name = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:16]
    folder = settings.state_dir / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{name}.key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(Fernet.generate_key().decode())
    return path.read_text().strip()


def _check(key: str) -> None:
    try:
        Fernet(key)
    except ValueError:
        raise InvalidInput(
            "PENSTOCK_ENCRYPTION_KEY holds a key that is not a Fernet key (32 bytes, URL-safe base64)",
            "PENSTOCK_ENCRYPTION_KEY",
        ) from None
