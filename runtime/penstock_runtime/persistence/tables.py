"""Every table, constraint and index of the run store.

An index is there for a statement that runs on each pass or request; the plan tests name which.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    and_,
    literal_column,
    not_,
)

from penstock_runtime.domain.runs import AttemptStatus, BlockRunKind, BlockRunStatus, ExitReason, RunStatus
from penstock_runtime.persistence.columns import Choice, Json, JsonTuple, Key, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, choices: type[StrEnum]) -> CheckConstraint:
    """Return the constraint that a column holds a member of the enumeration."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(choice.value) for choice in choices)})", name=column)


runs = Table(
    "runs",
    metadata,
    Column("id", Key, primary_key=True),
    Column("pipeline", Key, nullable=False),
    Column("status", Choice(RunStatus), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("bundle", Key, nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("variables", Json, nullable=False),
    Column("trigger_id", Key),
    Column("trigger_name", String),
    Column("trigger_kind", String),
    Column("logical_at", UtcTime),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("cancel_requested_at", UtcTime),
    Column("admitted", Boolean, nullable=False),
    Column("open_block_runs", Integer, nullable=False),
    Column("block_run_limit", Integer),
    Column("event", Json),
    Column("created_by", String),
    one_of("status", RunStatus),
    CheckConstraint("open_block_runs >= 0", name="open_block_runs"),
    # I1: one run per trigger and logical time; rows without a logical time are free (NULLs are distinct).
    UniqueConstraint("trigger_id", "logical_at"),
)
run_unfinished = runs.c.status.in_([literal_column("'queued'"), literal_column("'running'")])
run_held = and_(not_(runs.c.admitted), runs.c.status == literal_column("'queued'"))
Index("ix_runs_created_at", runs.c.created_at, runs.c.id)
Index("ix_runs_pipeline_created_at", runs.c.pipeline, runs.c.created_at, runs.c.id)
Index("ix_runs_status_created_at", runs.c.status, runs.c.created_at, runs.c.id)
Index("ix_runs_trigger_created_at", runs.c.trigger_id, runs.c.created_at, runs.c.id)
Index("ix_runs_unfinished", runs.c.pipeline, postgresql_where=run_unfinished, sqlite_where=run_unfinished)
Index("ix_runs_held", runs.c.created_at, runs.c.id, postgresql_where=run_held, sqlite_where=run_held)

block_runs = Table(
    "block_runs",
    metadata,
    Column("id", Key, primary_key=True),
    Column("run_id", Key, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("block", Key, nullable=False),
    Column("map_index", Integer, nullable=False),
    Column("kind", Choice(BlockRunKind), nullable=False),
    Column("status", Choice(BlockRunStatus), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("waiting_on", Integer, nullable=False),
    Column("open_instances", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("due_at", UtcTime),
    Column("first_started_at", UtcTime),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("outputs", JsonTuple),
    Column("fan_out", Integer),
    Column("error", Json),
    Column("parent", Key),
    Column("event", String),
    Column("tests", JsonTuple),
    # Empty for a row of the graph; for a callback its epoch, parent and event, so that one key serves both (I2).
    Column("callback_key", Key, nullable=False),
    # Whether the run has a block limit: such rows are claimed run by run, and must not stand in front of the others.
    Column("limited", Boolean, nullable=False),
    one_of("kind", BlockRunKind),
    one_of("status", BlockRunStatus),
    CheckConstraint("(kind = 'callback') = (callback_key <> '')", name="callback_key"),
    CheckConstraint("waiting_on >= 0", name="waiting_on"),
    CheckConstraint("open_instances >= 0", name="open_instances"),
    UniqueConstraint("run_id", "block", "map_index", "callback_key"),
)
block_run_ready = and_(block_runs.c.status == literal_column("'ready'"), not_(block_runs.c.limited))
block_run_ready_limited = and_(block_runs.c.status == literal_column("'ready'"), block_runs.c.limited)
block_run_due = block_runs.c.status.in_([literal_column("'retry_wait'"), literal_column("'deferred'")])
Index(
    "ix_block_runs_ready",
    block_runs.c.due_at,
    block_runs.c.id,
    postgresql_where=block_run_ready,
    sqlite_where=block_run_ready,
)
Index(
    "ix_block_runs_ready_limited",
    block_runs.c.due_at,
    block_runs.c.run_id,
    postgresql_where=block_run_ready_limited,
    sqlite_where=block_run_ready_limited,
)
Index("ix_block_runs_due", block_runs.c.due_at, postgresql_where=block_run_due, sqlite_where=block_run_due)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Key, primary_key=True),
    Column("run_id", Key, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    # No foreign key: both go with their run, and a check for each claim would buy nothing.
    Column("block_run_id", Key, nullable=False),
    Column("block", Key, nullable=False),
    Column("map_index", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("status", Choice(AttemptStatus), nullable=False),
    Column("executor", String, nullable=False),
    Column("member_id", Key, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("external_id", String),
    Column("host", String),
    Column("pid", Integer),
    Column("exit_reason", Choice(ExitReason)),
    Column("exit_code", Integer),
    Column("peak_memory_bytes", BigInteger),
    Column("cpu_seconds", Float),
    Column("error", Json),
    one_of("status", AttemptStatus),
    one_of("exit_reason", ExitReason),
    CheckConstraint("(status = 'running') = (ended_at IS NULL)", name="ended_at"),
    UniqueConstraint("block_run_id", "number"),
)
attempt_running = attempts.c.status == literal_column("'running'")
Index("ix_attempts_run", attempts.c.run_id, attempts.c.started_at)
Index(
    "ix_attempts_running",
    attempts.c.member_id,
    attempts.c.run_id,
    postgresql_where=attempt_running,
    sqlite_where=attempt_running,
)

members = Table(
    "members",
    metadata,
    Column("id", Key, primary_key=True),
    Column("role", String, nullable=False),
    Column("term", BigInteger, nullable=False, unique=True),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("standby", Boolean, nullable=False),
    Column("detail", Json, nullable=False),
)
member_alive = members.c.ended_at.is_(None)
Index("ix_members_alive", members.c.expires_at, postgresql_where=member_alive, sqlite_where=member_alive)

counters = Table(
    "counters",
    metadata,
    Column("name", Key, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Key, primary_key=True),
    # Empty when nobody holds it: the row stays, because its term must never be given out again.
    Column("holder", Key, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

triggers = Table(
    "triggers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("pipeline", Key, nullable=False),
    Column("name", Key, nullable=False),
    Column("kind", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("settings", Json, nullable=False),
    Column("variables", Json, nullable=False),
    Column("next_due_at", UtcTime),
    Column("in_code", Boolean, nullable=False),
    Column("created_at", UtcTime),
    Column("updated_at", UtcTime),
    Column("deleted_at", UtcTime),
    CheckConstraint("kind IN ('schedule', 'api', 'event')", name="kind"),
    UniqueConstraint("pipeline", "name"),
)
trigger_live = and_(triggers.c.active, triggers.c.deleted_at.is_(None), triggers.c.next_due_at.is_not(None))
Index("ix_triggers_due", triggers.c.next_due_at, postgresql_where=trigger_live, sqlite_where=trigger_live)

code_versions = Table(
    "code_versions",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", Key, nullable=False),
    Column("published_at", UtcTime, nullable=False),
    Column("published_by", String),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("scope", Key, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("body_hash", String, nullable=False),
    Column("run_id", Key, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
)
