"""Secrets that the platform keeps for us, each store with its adapter."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.settings import SecretReference, Settings

PASSWORD_KEY = "password"  # noqa: S105 - the key under which managed databases keep theirs


def _aws(settings: Settings, name: str) -> str:
    from penstock_runtime.secret_stores.aws import read_secret

    # boto3 knows the region by another name than the one that every service of AWS sets.
    return read_secret(name, settings.platform_env.get("AWS_REGION"))


READERS: Mapping[str, Callable[[Settings, str], str]] = {"aws": _aws}


def database_password(settings: Settings) -> Callable[[], str] | None:
    """Return what reads PENSTOCK_DB_SECRET as it is now; None when the password is in the settings."""
    if settings.database_secret is None:
        return None
    reference = SecretReference.parse(settings.database_secret)
    return lambda: password_of(READERS[reference.store](settings, reference.name), reference.key)


def password_of(text: str, key: str | None) -> str:
    """Return the named part of a JSON secret, `password` by default; a secret that is no JSON object is one itself.

    InvalidInput, which shows nothing of the secret, when the part is not there.
    """
    try:
        parts = json.loads(text)
    except ValueError:
        parts = None
    if not isinstance(parts, dict):
        if key is None:
            return text
        raise InvalidInput(
            f"PENSTOCK_DB_SECRET: {key} is asked of a secret that is no JSON object", "PENSTOCK_DB_SECRET"
        )
    found = parts.get(key or PASSWORD_KEY)
    if not isinstance(found, str) or not found:
        raise InvalidInput(f"PENSTOCK_DB_SECRET: the secret has no text {key or PASSWORD_KEY}", "PENSTOCK_DB_SECRET")
    return found
