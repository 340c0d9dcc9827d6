"""The tables of the account store, in the same database and the same metadata as the run store's."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table

from penstock_runtime.persistence.columns import Choice, Json, Key, UtcTime
from penstock_runtime.persistence.tables import metadata, one_of
from penstock_runtime.ports.account_store import Role

users = Table(
    "users",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Key, nullable=False),
    # The name folded, because "unique without regard to case" means other things to each database.
    Column("name_key", Key, nullable=False, unique=True),
    Column("role", Choice(Role), nullable=False),
    Column("password_hash", String),
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
    one_of("role", Role),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_digest", Key, primary_key=True),
    Column("user_id", Key, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("csrf_token", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", Choice(Role), nullable=False),
    Column("prefix", String, nullable=False),
    Column("digest", Key, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", String),
    Column("last_used_at", UtcTime),
    Column("revoked_at", UtcTime),
    one_of("role", Role),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Key, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("target", String, nullable=False),
    Column("address", String),
    Column("detail", Json, nullable=False),
)
Index("ix_audit_events_at", audit_events.c.at, audit_events.c.id)

one_time_codes = Table(
    "one_time_codes",
    metadata,
    Column("digest", Key, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("user_id", Key, ForeignKey("users.id", ondelete="CASCADE"), index=True),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Key, primary_key=True),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("updated_by", String),
)
