"""Where the values of secrets are kept, encrypted or by the platform."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from penstock_runtime.domain.errors import Conflict, InvalidInput, NotFound, PenstockError

MAX_VALUE_BYTES = 64 * 1024
"""Largest value of a secret, in UTF-8."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")


class SecretNotFound(NotFound):
    """No secret of that name."""


class SecretStoreReadOnly(Conflict):
    """The store is filled by the platform; it cannot be written from here."""


class SecretUnreadable(PenstockError):
    """There is a value and none of the present keys opens it. The text names the secret and what to do."""


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """What may be shown of a secret. A store that does not know when or by whom says None."""

    name: str
    updated_at: datetime | None = None
    updated_by: str | None = None


class SecretStore(Protocol):
    """Names and values. A name is a letter or underscore, then up to 127 letters, digits, `_`, `.` or `-`."""

    @property
    def writable(self) -> bool:
        """Whether `put` and `delete` work; the others raise SecretStoreReadOnly there."""
        ...

    def list(self) -> Sequence[SecretInfo]:
        """Return every secret, by name, without values."""
        ...

    def info(self, name: str) -> SecretInfo:
        """Return one without its value; SecretNotFound."""
        ...

    def value(self, name: str) -> str:
        """Return the value, for a run that needs it; SecretNotFound, SecretUnreadable."""
        ...

    def put(self, name: str, value: str, by: str | None = None) -> SecretInfo:
        """Create or replace. InvalidInput for a bad name or a value that is too large."""
        ...

    def delete(self, name: str) -> None:
        """Remove; SecretNotFound."""
        ...


def checked_secret(name: str, value: str) -> bytes:
    """Return the value's bytes, or raise InvalidInput for a name or value that no store takes."""
    if _NAME.fullmatch(name) is None:
        raise InvalidInput("a secret's name is letters, digits, `_`, `.` and `-`, a letter or `_` first", "name")
    data = value.encode()
    if not data or len(data) > MAX_VALUE_BYTES:
        raise InvalidInput(f"a secret's value has 1 to {MAX_VALUE_BYTES} bytes", "value")
    return data
