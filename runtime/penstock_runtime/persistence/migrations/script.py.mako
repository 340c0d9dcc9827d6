"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
post = False  # True for a step that removes something: it runs by `penstock db upgrade --post` only


def upgrade() -> None:
    """Go one step on."""
    ${upgrades if upgrades else "pass"}
