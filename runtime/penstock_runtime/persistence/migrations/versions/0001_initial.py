"""The first schema."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
post = False


def upgrade() -> None:
    """Make every table."""
    from penstock_runtime.persistence.tables import metadata

    metadata.create_all(op.get_bind())
