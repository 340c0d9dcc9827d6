"""Random secrets, and the digests under which they are stored."""

from __future__ import annotations

import hashlib
import secrets

API_KEY_PREFIX = "pen_"
SHOWN = len(API_KEY_PREFIX) + 6
"""Characters of an API key that are kept to recognise it by."""


def new_token() -> str:
    """Return 256 random bits as URL-safe text."""
    return secrets.token_urlsafe(32)


def new_api_key() -> str:
    """Return a new API key's secret."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return SHA-256 in hex. No salt and no stretching: the tokens are random and long."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
