"""Triggers with tokens, timeouts and service levels; lost ticks, backfills, the outbox, scaling decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from penstock_runtime.persistence.columns import Json, Key, UtcTime

revision = "0002"
down_revision = "0001"
post = False

_UNFINISHED = "status IN ('queued', 'running')"


def upgrade() -> None:
    """Add columns, indexes and tables; nothing that the release before needs is changed."""
    for make in (_runs, _triggers, _lost_ticks, _backfills, _outbox, _scaling_decisions):
        make()


def _check(table: str, column: str, *choices: str) -> sa.CheckConstraint:
    listed = ", ".join(repr(choice) for choice in choices)
    # Marked as named already: the naming convention would put its own words in front.
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def _runs() -> None:
    for column in (
        sa.Column("deadline_at", UtcTime, nullable=True),
        sa.Column("timeout_status", sa.String, nullable=True),
        sa.Column("timed_out_at", UtcTime, nullable=True),
        sa.Column("sla_at", UtcTime, nullable=True),
        sa.Column("sla_missed_at", UtcTime, nullable=True),
    ):
        op.add_column("runs", column)
    _partial_index("ix_runs_trigger_unfinished", "runs", ["trigger_id"], _UNFINISHED)
    _partial_index("ix_runs_deadline", "runs", ["deadline_at"], f"{_UNFINISHED} AND deadline_at IS NOT NULL")
    _partial_index("ix_runs_sla", "runs", ["sla_at"], "sla_at IS NOT NULL")
    _partial_index("ix_runs_ended", "runs", ["ended_at", "id"], "ended_at IS NOT NULL")


def _triggers() -> None:
    for column in (
        sa.Column("token_digest", Key, nullable=True),
        sa.Column("next_tick_at", UtcTime, nullable=True),
        sa.Column("event_name", Key, nullable=True),
    ):
        op.add_column("triggers", column)
    op.create_index("ix_triggers_token", "triggers", ["token_digest"])
    _partial_index(
        "ix_triggers_event",
        "triggers",
        ["event_name"],
        "deleted_at IS NULL AND event_name IS NOT NULL",
    )


def _lost_ticks() -> None:
    op.create_table(
        "lost_ticks",
        sa.Column("id", Key),
        sa.Column("trigger_id", Key, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("first_at", UtcTime, nullable=False),
        sa.Column("last_at", UtcTime, nullable=False),
        sa.Column("ticks", sa.Integer, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("recorded_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lost_ticks"),
        _check("lost_ticks", "kind", "missed", "skipped"),
    )
    op.create_index("ix_lost_ticks_trigger", "lost_ticks", ["trigger_id", "recorded_at", "id"])


def _backfills() -> None:
    op.create_table(
        "backfills",
        sa.Column("id", Key),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("pipeline", Key, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("schedule", Json, nullable=False),
        sa.Column("start_at", UtcTime, nullable=False),
        sa.Column("end_at", UtcTime, nullable=False),
        sa.Column("newest_first", sa.Boolean, nullable=False),
        sa.Column("concurrency", sa.Integer, nullable=False),
        sa.Column("variables", Json, nullable=False),
        sa.Column("reached_at", UtcTime, nullable=True),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("made", sa.Integer, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("created_by", sa.String, nullable=True),
        sa.Column("reason", sa.String, nullable=True),
        sa.Column("retry_asked_at", UtcTime, nullable=True),
        sa.Column("retry_reached_at", UtcTime, nullable=True),
        sa.Column("ended_at", UtcTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_backfills"),
        _check("backfills", "status", "running", "paused", "cancelled", "succeeded", "failed"),
    )
    _partial_index("ix_backfills_open", "backfills", ["created_at"], "ended_at IS NULL AND status != 'paused'")
    op.create_index("ix_backfills_created", "backfills", ["created_at", "id"])
    _partial_index("ix_runs_backfill", "runs", ["trigger_id", "status", "logical_at"], "trigger_kind = 'backfill'")
    op.create_index("ix_backfills_pipeline", "backfills", ["pipeline", "created_at", "id"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", Key),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("run_id", Key, nullable=True),
        sa.Column("destination", Key, nullable=False),
        sa.Column("occasion", Key, nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("due_at", UtcTime, nullable=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("sent_at", UtcTime, nullable=True),
        sa.Column("given_up_at", UtcTime, nullable=True),
        sa.Column("last_error", sa.String, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("occasion", "destination", name="uq_outbox_occasion_destination"),
    )
    _partial_index("ix_outbox_due", "outbox", ["destination", "due_at", "id"], "due_at IS NOT NULL")
    op.create_index("ix_outbox_created", "outbox", ["created_at", "id"])


def _scaling_decisions() -> None:
    op.create_table(
        "scaling_decisions",
        sa.Column("id", Key),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("before", sa.Integer, nullable=False),
        sa.Column("wanted", sa.Integer, nullable=False),
        sa.Column("applied", sa.Boolean, nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("inputs", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scaling_decisions"),
    )
    op.create_index("ix_scaling_decisions_at", "scaling_decisions", ["at", "id"])
    # What the scaler reads of the work that was done lately.
    _partial_index("ix_attempts_ended", "attempts", ["ended_at"], "ended_at IS NOT NULL")
