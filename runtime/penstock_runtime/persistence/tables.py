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

from penstock_runtime.domain.backfills import BackfillStatus
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
    Column("deadline_at", UtcTime),
    Column("timeout_status", String),
    Column("timed_out_at", UtcTime),
    Column("sla_at", UtcTime),
    Column("sla_missed_at", UtcTime),
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
Index("ix_runs_trigger_unfinished", runs.c.trigger_id, postgresql_where=run_unfinished, sqlite_where=run_unfinished)
run_timed = and_(run_unfinished, runs.c.deadline_at.is_not(None))
Index("ix_runs_deadline", runs.c.deadline_at, postgresql_where=run_timed, sqlite_where=run_timed)
run_promised = runs.c.sla_at.is_not(None)
Index("ix_runs_sla", runs.c.sla_at, postgresql_where=run_promised, sqlite_where=run_promised)
run_over = runs.c.ended_at.is_not(None)
Index("ix_runs_ended", runs.c.ended_at, runs.c.id, postgresql_where=run_over, sqlite_where=run_over)
run_of_backfill = runs.c.trigger_kind == literal_column("'backfill'")
Index(
    "ix_runs_backfill",
    runs.c.trigger_id,
    runs.c.status,
    runs.c.logical_at,
    postgresql_where=run_of_backfill,
    sqlite_where=run_of_backfill,
)
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
attempt_ended = attempts.c.ended_at.is_not(None)
Index("ix_attempts_ended", attempts.c.ended_at, postgresql_where=attempt_ended, sqlite_where=attempt_ended)

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
    Column("token_digest", Key),
    Column("next_tick_at", UtcTime),
    # Taken from the settings of an event trigger, so that an event finds its triggers.
    Column("event_name", Key),
    CheckConstraint("kind IN ('schedule', 'api', 'event')", name="kind"),
    UniqueConstraint("pipeline", "name"),
)
trigger_live = and_(triggers.c.active, triggers.c.deleted_at.is_(None), triggers.c.next_due_at.is_not(None))
Index("ix_triggers_token", triggers.c.token_digest)
trigger_listening = and_(triggers.c.deleted_at.is_(None), triggers.c.event_name.is_not(None))
Index(
    "ix_triggers_event",
    triggers.c.event_name,
    postgresql_where=trigger_listening,
    sqlite_where=trigger_listening,
)
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

# Ticks that made no run: one row for each gap.
lost_ticks = Table(
    "lost_ticks",
    metadata,
    Column("id", Key, primary_key=True),
    Column("trigger_id", Key, nullable=False),
    Column("kind", String, nullable=False),
    Column("first_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("ticks", Integer, nullable=False),
    Column("reason", String, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    CheckConstraint("kind IN ('missed', 'skipped')", name="kind"),
)
Index("ix_lost_ticks_trigger", lost_ticks.c.trigger_id, lost_ticks.c.recorded_at, lost_ticks.c.id)

backfills = Table(
    "backfills",
    metadata,
    # Also the `trigger_id` of its runs: their key with the logical time is that of every other run (I1).
    Column("id", Key, primary_key=True),
    Column("name", String, nullable=False),
    Column("pipeline", Key, nullable=False),
    Column("status", Choice(BackfillStatus), nullable=False),
    Column("schedule", Json, nullable=False),
    Column("start_at", UtcTime, nullable=False),
    Column("end_at", UtcTime, nullable=False),
    Column("newest_first", Boolean, nullable=False),
    Column("concurrency", Integer, nullable=False),
    Column("variables", Json, nullable=False),
    # The last logical time whose run was made; None before the first.
    Column("reached_at", UtcTime),
    Column("total", Integer, nullable=False),
    Column("made", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", String),
    # Why it was paused, where nobody asked for that.
    Column("reason", String),
    # Its runs that had failed by then go again; those up to `retry_reached_at`, in its order, have been asked already.
    Column("retry_asked_at", UtcTime),
    Column("retry_reached_at", UtcTime),
    # None as long as a run of it may be made or is going: of a cancelled one too.
    Column("ended_at", UtcTime),
    one_of("status", BackfillStatus),
)
backfill_open = and_(backfills.c.ended_at.is_(None), backfills.c.status != literal_column("'paused'"))
Index("ix_backfills_open", backfills.c.created_at, postgresql_where=backfill_open, sqlite_where=backfill_open)
Index("ix_backfills_created", backfills.c.created_at, backfills.c.id)
Index("ix_backfills_pipeline", backfills.c.pipeline, backfills.c.created_at, backfills.c.id)

# Messages to people: recorded in the transaction that made them true, sent at least once, a repeat under the same id.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Key, primary_key=True),
    Column("event", String, nullable=False),
    Column("run_id", Key),
    Column("destination", Key, nullable=False),
    Column("occasion", Key, nullable=False),
    Column("payload", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # When to try (again); None once it was sent or given up.
    Column("due_at", UtcTime),
    Column("tries", Integer, nullable=False),
    Column("sent_at", UtcTime),
    Column("given_up_at", UtcTime),
    Column("last_error", String),
    # What happened, once for each destination.
    UniqueConstraint("occasion", "destination"),
)
outbox_waiting = outbox.c.due_at.is_not(None)
Index(
    "ix_outbox_due",
    outbox.c.destination,
    outbox.c.due_at,
    outbox.c.id,
    postgresql_where=outbox_waiting,
    sqlite_where=outbox_waiting,
)
Index("ix_outbox_created", outbox.c.created_at, outbox.c.id)

scaling_decisions = Table(
    "scaling_decisions",
    metadata,
    Column("id", Key, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("service", String, nullable=False),
    Column("before", Integer, nullable=False),
    Column("wanted", Integer, nullable=False),
    Column("applied", Boolean, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("reason", String, nullable=False),
    Column("inputs", Json, nullable=False),
)
Index("ix_scaling_decisions_at", scaling_decisions.c.at, scaling_decisions.c.id)
