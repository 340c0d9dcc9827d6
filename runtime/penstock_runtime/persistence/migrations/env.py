"""Run by Alembic: migrate over the connection that `persistence.migrate` holds, inside its transaction."""

from __future__ import annotations

from alembic import context

from penstock_runtime.persistence import account_tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=account_tables.users.metadata,  # the same one: importing both fills it
    render_as_batch=True,
)
context.run_migrations()
