"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from penstock_runtime.persistence.columns import Json, Key, UtcTime

revision = "0001"
down_revision = None
post = False


def upgrade() -> None:
    """Make every table."""
    for make in (
        _api_keys,
        _audit_events,
        _code_versions,
        _counters,
        _idempotency_keys,
        _leases,
        _members,
        _runs,
        _secrets,
        _triggers,
        _users,
        _attempts,
        _block_runs,
        _one_time_codes,
        _sessions,
    ):
        make()


def _one_of(table: str, column: str, *choices: str) -> sa.CheckConstraint:
    listed = ", ".join(repr(choice) for choice in choices)
    # Marked as named already: the naming convention would put its own words in front.
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _partial_index(name: str, table: str, columns: list[str], where: str, where_sqlite: str | None = None) -> None:
    # SQLite serves a query with a partial index only where both spell the condition alike.
    on_sqlite = sa.text(where_sqlite or where)
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=on_sqlite)


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", Key),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("prefix", sa.String, nullable=False),
        sa.Column("digest", Key, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("created_by", sa.String, nullable=True),
        sa.Column("last_used_at", UtcTime, nullable=True),
        sa.Column("revoked_at", UtcTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
        _one_of("api_keys", "role", "owner", "admin", "editor", "viewer"),
    )


def _audit_events() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", Key),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=True),
        sa.Column("detail", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
    )
    op.create_index("ix_audit_events_at", "audit_events", ["at", "id"])


def _code_versions() -> None:
    op.create_table(
        "code_versions",
        sa.Column("number", sa.BigInteger, autoincrement=False),
        sa.Column("digest", Key, nullable=False),
        sa.Column("published_at", UtcTime, nullable=False),
        sa.Column("published_by", sa.String, nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_code_versions"),
    )


def _counters() -> None:
    op.create_table(
        "counters",
        sa.Column("name", Key),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", Key),
        sa.Column("key", Key),
        sa.Column("body_hash", sa.String, nullable=False),
        sa.Column("run_id", Key, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", Key),
        sa.Column("holder", Key, nullable=False),
        sa.Column("term", sa.BigInteger, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _members() -> None:
    op.create_table(
        "members",
        sa.Column("id", Key),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("term", sa.BigInteger, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at", UtcTime, nullable=False),
        sa.Column("seen_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("ended_at", UtcTime, nullable=True),
        sa.Column("standby", sa.Boolean, nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_members"),
        sa.UniqueConstraint("term", name="uq_members_term"),
    )
    _partial_index("ix_members_alive", "members", ["expires_at"], "ended_at IS NULL")


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", Key),
        sa.Column("pipeline", Key, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("bundle", Key, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("variables", Json, nullable=False),
        sa.Column("trigger_id", Key, nullable=True),
        sa.Column("trigger_name", sa.String, nullable=True),
        sa.Column("trigger_kind", sa.String, nullable=True),
        sa.Column("logical_at", UtcTime, nullable=True),
        sa.Column("started_at", UtcTime, nullable=True),
        sa.Column("ended_at", UtcTime, nullable=True),
        sa.Column("cancel_requested_at", UtcTime, nullable=True),
        sa.Column("admitted", sa.Boolean, nullable=False),
        sa.Column("open_block_runs", sa.Integer, nullable=False),
        sa.Column("block_run_limit", sa.Integer, nullable=True),
        sa.Column("event", Json, nullable=True),
        sa.Column("created_by", sa.String, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("trigger_id", "logical_at", name="uq_runs_trigger_id_logical_at"),
        sa.CheckConstraint("open_block_runs >= 0", name=op.f("ck_runs_open_block_runs")),
        _one_of("runs", "status", "queued", "running", "succeeded", "failed", "cancelled"),
    )
    op.create_index("ix_runs_bundle", "runs", ["bundle"])
    op.create_index("ix_runs_created_at", "runs", ["created_at", "id"])
    _partial_index(
        "ix_runs_held",
        "runs",
        ["created_at", "id"],
        "NOT admitted AND status = 'queued'",
        "admitted = 0 AND status = 'queued'",
    )
    op.create_index("ix_runs_pipeline_created_at", "runs", ["pipeline", "created_at", "id"])
    op.create_index("ix_runs_status_created_at", "runs", ["status", "created_at", "id"])
    op.create_index("ix_runs_trigger_created_at", "runs", ["trigger_id", "created_at", "id"])
    _partial_index("ix_runs_unfinished", "runs", ["pipeline"], "status IN ('queued', 'running')")


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", Key),
        sa.Column("ciphertext", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
        sa.Column("updated_by", sa.String, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_secrets"),
    )


def _triggers() -> None:
    op.create_table(
        "triggers",
        sa.Column("id", Key),
        sa.Column("pipeline", Key, nullable=False),
        sa.Column("name", Key, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("settings", Json, nullable=False),
        sa.Column("variables", Json, nullable=False),
        sa.Column("next_due_at", UtcTime, nullable=True),
        sa.Column("in_code", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcTime, nullable=True),
        sa.Column("updated_at", UtcTime, nullable=True),
        sa.Column("deleted_at", UtcTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_triggers"),
        sa.UniqueConstraint("pipeline", "name", name="uq_triggers_pipeline_name"),
        _one_of("triggers", "kind", "schedule", "api", "event"),
    )
    _partial_index(
        "ix_triggers_due",
        "triggers",
        ["next_due_at"],
        "active AND deleted_at IS NULL AND next_due_at IS NOT NULL",
        "active = 1 AND deleted_at IS NULL AND next_due_at IS NOT NULL",
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", Key),
        sa.Column("name", Key, nullable=False),
        sa.Column("name_key", Key, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("password_hash", sa.String, nullable=True),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("disabled_at", UtcTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name_key", name="uq_users_name_key"),
        _one_of("users", "role", "owner", "admin", "editor", "viewer"),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", Key),
        sa.Column("run_id", Key, nullable=False),
        sa.Column("block_run_id", Key, nullable=False),
        sa.Column("block", Key, nullable=False),
        sa.Column("map_index", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("executor", sa.String, nullable=False),
        sa.Column("member_id", Key, nullable=False),
        sa.Column("term", sa.BigInteger, nullable=False),
        sa.Column("started_at", UtcTime, nullable=False),
        sa.Column("ended_at", UtcTime, nullable=True),
        sa.Column("external_id", sa.String, nullable=True),
        sa.Column("host", sa.String, nullable=True),
        sa.Column("pid", sa.Integer, nullable=True),
        sa.Column("exit_reason", sa.String, nullable=True),
        sa.Column("exit_code", sa.Integer, nullable=True),
        sa.Column("peak_memory_bytes", sa.BigInteger, nullable=True),
        sa.Column("cpu_seconds", sa.Float, nullable=True),
        sa.Column("error", Json, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE", name="fk_attempts_run_id"),
        sa.UniqueConstraint("block_run_id", "number", name="uq_attempts_block_run_id_number"),
        sa.CheckConstraint("(status = 'running') = (ended_at IS NULL)", name=op.f("ck_attempts_ended_at")),
        _one_of(
            "attempts",
            "exit_reason",
            "success",
            "error",
            "timeout",
            "cancelled",
            "out_of_memory",
            "evicted",
            "image",
            "quota",
            "drained",
            "lost",
        ),
        _one_of("attempts", "status", "running", "succeeded", "failed", "deferred", "skipped", "cancelled", "lost"),
    )
    op.create_index("ix_attempts_run", "attempts", ["run_id", "started_at"])
    _partial_index("ix_attempts_running", "attempts", ["member_id", "run_id"], "status = 'running'")


def _block_runs() -> None:
    op.create_table(
        "block_runs",
        sa.Column("id", Key),
        sa.Column("run_id", Key, nullable=False),
        sa.Column("block", Key, nullable=False),
        sa.Column("map_index", sa.Integer, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("waiting_on", sa.Integer, nullable=False),
        sa.Column("open_instances", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("losses", sa.Integer, nullable=False),
        sa.Column("due_at", UtcTime, nullable=True),
        sa.Column("first_started_at", UtcTime, nullable=True),
        sa.Column("started_at", UtcTime, nullable=True),
        sa.Column("ended_at", UtcTime, nullable=True),
        sa.Column("outputs", Json, nullable=True),
        sa.Column("fan_out", sa.Integer, nullable=True),
        sa.Column("error", Json, nullable=True),
        sa.Column("parent", Key, nullable=True),
        sa.Column("event", sa.String, nullable=True),
        sa.Column("tests", Json, nullable=True),
        sa.Column("callback_key", Key, nullable=False),
        sa.Column("limited", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_block_runs"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE", name="fk_block_runs_run_id"),
        sa.UniqueConstraint(
            "run_id", "block", "map_index", "callback_key", name="uq_block_runs_run_id_block_map_index_callback_key"
        ),
        sa.CheckConstraint("(kind = 'callback') = (callback_key <> '')", name=op.f("ck_block_runs_callback_key")),
        _one_of("block_runs", "kind", "block", "instance", "callback", "pipeline"),
        sa.CheckConstraint("open_instances >= 0", name=op.f("ck_block_runs_open_instances")),
        _one_of(
            "block_runs",
            "status",
            "pending",
            "ready",
            "running",
            "retry_wait",
            "deferred",
            "succeeded",
            "failed",
            "upstream_failed",
            "skipped",
            "cancelled",
        ),
        sa.CheckConstraint("waiting_on >= 0", name=op.f("ck_block_runs_waiting_on")),
    )
    _partial_index("ix_block_runs_due", "block_runs", ["due_at"], "status IN ('retry_wait', 'deferred')")
    _partial_index(
        "ix_block_runs_ready",
        "block_runs",
        ["due_at", "id"],
        "status = 'ready' AND NOT limited",
        "status = 'ready' AND limited = 0",
    )
    _partial_index(
        "ix_block_runs_ready_limited",
        "block_runs",
        ["due_at", "run_id"],
        "status = 'ready' AND limited",
        "status = 'ready' AND limited = 1",
    )


def _one_time_codes() -> None:
    op.create_table(
        "one_time_codes",
        sa.Column("digest", Key),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("user_id", Key, nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_one_time_codes"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE", name="fk_one_time_codes_user_id"),
    )
    op.create_index("ix_one_time_codes_user_id", "one_time_codes", ["user_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_digest", Key),
        sa.Column("user_id", Key, nullable=False),
        sa.Column("csrf_token", sa.String, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name="pk_sessions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE", name="fk_sessions_user_id"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
