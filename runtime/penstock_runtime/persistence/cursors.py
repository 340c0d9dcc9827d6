"""The opaque text that says where a list goes on: a time and an id."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.persistence.columns import utc_text


def write_cursor(at: datetime, id_: str) -> str:
    """Return the cursor that stands after this row."""
    return base64.urlsafe_b64encode(f"{utc_text(at)} {id_}".encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """Return the row's time and id; InvalidInput for anything that `write_cursor` did not write."""
    try:
        at, id_ = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode().split(" ", 1)
        time = datetime.fromisoformat(at)
    except (ValueError, binascii.Error):
        raise InvalidInput("the cursor is not one that a list gave", "cursor") from None
    if time.tzinfo is None:
        raise InvalidInput("the cursor is not one that a list gave", "cursor")
    return time, id_
