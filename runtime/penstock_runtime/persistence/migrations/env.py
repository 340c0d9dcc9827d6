"""Run by Alembic: migrate over the connection that `persistence.migrate` holds, inside its transaction."""

from __future__ import annotations

from alembic import context

from penstock_runtime.persistence import account_tables
from penstock_runtime.persistence.tables import metadata

assert account_tables.users.metadata is metadata  # importing it is what fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
