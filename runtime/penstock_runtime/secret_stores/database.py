"""Secrets in our own database, encrypted before they reach it."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.ports.account_store import AccountStore, StoredSecret
from penstock_runtime.ports.clock import Clock
from penstock_runtime.ports.secret_store import SecretInfo, SecretNotFound, SecretUnreadable, checked_secret


class DatabaseSecretStore:
    """Fernet (AES-CBC with HMAC) over the account store.

    The first key encrypts, every key decrypts: put a new one first, call `rotate`, then drop the old. The secret's name
    is sealed in with the value, so that a row copied under another name does not open.
    """

    writable = True

    def __init__(self, store: AccountStore, clock: Clock, keys: Sequence[str]) -> None:
        """Take the keys, newest first; InvalidInput for one that is none, naming its place and never the key."""
        self._store = store
        self._clock = clock
        self._fernet = MultiFernet([_fernet(key, place) for place, key in enumerate(keys, 1)])

    def list(self) -> Sequence[SecretInfo]:
        """Return every secret, by name."""
        return [_info(secret) for secret in sorted(self._store.secrets(), key=lambda secret: secret.name)]

    def info(self, name: str) -> SecretInfo:
        """Return one without its value."""
        return _info(self._stored(name))

    def value(self, name: str) -> str:
        """Return the value."""
        stored = self._stored(name)
        try:
            sealed_name, _, value = self._fernet.decrypt(stored.ciphertext).partition(b"\x00")
        except InvalidToken as error:
            raise _unreadable(name) from error
        if sealed_name.decode() != name:
            raise _unreadable(name)
        return value.decode()

    def put(self, name: str, value: str, by: str | None = None) -> SecretInfo:
        """Create or replace."""
        sealed = self._fernet.encrypt(name.encode() + b"\x00" + checked_secret(name, value))
        stored = StoredSecret(name, sealed, self._clock.now(), by)
        self._store.put_secret(stored)
        return _info(stored)

    def delete(self, name: str) -> None:
        """Remove."""
        if not self._store.delete_secret(name):
            raise SecretNotFound(f"there is no secret {name!r}")

    def rotate(self) -> int:
        """Encrypt every value under the first key; how many. SecretUnreadable at one that no key opens."""
        rotated: builtins.list[StoredSecret] = []
        for stored in self._store.secrets():
            try:
                sealed = self._fernet.rotate(stored.ciphertext)
            except InvalidToken as error:
                raise _unreadable(stored.name) from error
            rotated.append(StoredSecret(stored.name, sealed, stored.updated_at, stored.updated_by))
        for secret in rotated:
            self._store.put_secret(secret)
        return len(rotated)

    def _stored(self, name: str) -> StoredSecret:
        found = self._store.secret(name)
        if found is None:
            raise SecretNotFound(f"there is no secret {name!r}")
        return found


def new_encryption_key() -> str:
    """Return a new Fernet key as text."""
    return Fernet.generate_key().decode()


def _fernet(key: str, place: int) -> Fernet:
    try:
        return Fernet(key.strip())
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"PENSTOCK_ENCRYPTION_KEY: key {place} is no Fernet key (32 bytes in URL-safe base64)",
            "PENSTOCK_ENCRYPTION_KEY",
        ) from error


def _unreadable(name: str) -> SecretUnreadable:
    return SecretUnreadable(
        f"secret {name!r} opens with none of the keys in PENSTOCK_ENCRYPTION_KEY; add the old key after the new one, "
        "or write the secret again"
    )


def _info(secret: StoredSecret) -> SecretInfo:
    return SecretInfo(secret.name, secret.updated_at, secret.updated_by)
