"""Opaque identifiers."""

from __future__ import annotations

import uuid_utils


def new_id() -> str:
    """Return a UUIDv7 as text: unique without coordination, and ordered by creation so that indexes stay dense."""
    return str(uuid_utils.uuid7())
