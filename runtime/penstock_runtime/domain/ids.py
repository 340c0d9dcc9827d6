"""Opaque identifiers."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import uuid_utils

_VERSION = 7


def new_id() -> str:
    """Return a UUIDv7 as text: unique without coordination, and ordered by creation so that indexes stay dense."""
    return str(uuid_utils.uuid7())


def made_at(identity: str) -> datetime | None:
    """Return when an id of `new_id` was made, to the millisecond; None for any other text."""
    try:
        found = uuid.UUID(identity)
    except ValueError:
        return None
    if found.version != _VERSION:
        return None
    # The first 48 bits are the milliseconds since the epoch (RFC 9562).
    return datetime.fromtimestamp((found.int >> 80) / 1000, UTC)
