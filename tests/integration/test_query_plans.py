"""A pass costs what is due, not what exists (I7): the hot statements use their index in a database that has grown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_runtime.domain.runs import BlockRunStatus, RunStatus
from penstock_runtime.persistence import (
    attempt_steps,
    backfill_steps,
    block_run_steps,
    claims,
    code_versions,
    due,
    history_steps,
    lost_tick_steps,
    outbox_steps,
    run_reads,
    run_steps,
    scaling_steps,
)
from penstock_runtime.persistence.database import Database
from penstock_runtime.persistence.engine import DatabaseOptions, open_database

NOW = datetime(2026, 3, 4, tzinfo=UTC)
RUNS, BLOCKS, TRIGGERS = 3000, 5, 10_000
B, R = BlockRunStatus, RunStatus

FILL_SQLITE = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {runs})
INSERT INTO runs (id, pipeline, status, epoch, bundle, created_at, variables, trigger_id, admitted, open_block_runs,
  ended_at)
SELECT printf('r%06d', i), 'p' || (i % 10), CASE WHEN i % 500 = 0 THEN 'running' ELSE 'succeeded' END, 1,
  'b' || (i % 20), strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', '2026-01-01', '+' || i || ' minutes'), '{{}}',
  't' || (i % 50), 1, 0, CASE WHEN i % 500 = 0 THEN NULL ELSE
  strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', '2026-01-01', '+' || i || ' minutes') END FROM n
"""
FILL_POSTGRES = """
INSERT INTO runs (id, pipeline, status, epoch, bundle, created_at, variables, trigger_id, admitted, open_block_runs,
  ended_at)
SELECT 'r' || lpad(i::text, 6, '0'), 'p' || (i % 10), CASE WHEN i % 500 = 0 THEN 'running' ELSE 'succeeded' END, 1,
  'b' || (i % 20), timestamptz '2026-01-01 00:00Z' + i * interval '1 minute', '{{}}', 't' || (i % 50), true, 0,
  CASE WHEN i % 500 = 0 THEN NULL ELSE timestamptz '2026-01-01 00:00Z' + i * interval '1 minute' END
FROM generate_series(1, {runs}) AS i
"""
# The same on both: {n} is a table of numbers, {at} turns one into a time, {yes} and {no} are booleans.
FILL_BOTH = (
    """INSERT INTO block_runs (id, run_id, block, map_index, kind, status, epoch, waiting_on, open_instances, attempts,
         failures, losses, due_at, callback_key, limited)
       SELECT r.id || '-' || n.i, r.id, 'b' || n.i, -1, 'block', CASE WHEN r.status = 'succeeded' THEN 'succeeded'
         WHEN n.i = 1 THEN 'ready' WHEN n.i = 2 THEN 'retry_wait' WHEN n.i = 3 THEN 'running' ELSE 'pending' END,
         1, 0, 0, 1, 0, 0, r.created_at, '', {no} FROM runs r, {n} n WHERE n.i <= {blocks}""",
    """INSERT INTO attempts (id, run_id, block_run_id, block, map_index, number, epoch, status, executor, member_id,
         term, started_at, ended_at)
       SELECT 'a' || b.id, b.run_id, b.id, b.block, -1, 1, 1, CASE WHEN b.status = 'running' THEN 'running' ELSE
         'succeeded' END, 'local_python', 'm1', 1, b.due_at, CASE WHEN b.status = 'running' THEN NULL ELSE b.due_at END
       FROM block_runs b""",
    """INSERT INTO triggers (id, pipeline, name, kind, active, settings, variables, next_due_at, in_code, token_digest)
       SELECT 't' || n.i, 'p', 'n' || n.i, 'schedule', {yes}, '{{}}', '{{}}', {at}, {no}, 'd' || n.i FROM {n} n""",
    """INSERT INTO triggers (id, pipeline, name, kind, active, settings, variables, in_code, event_name)
       SELECT 'e' || n.i, 'p', 'e' || n.i, 'event', {yes}, '{{}}', '{{}}', {no}, 'e' || (n.i % 100)
       FROM {n} n WHERE n.i <= 1000""",
    """INSERT INTO lost_ticks (id, trigger_id, kind, first_at, last_at, ticks, reason, recorded_at)
       SELECT 'l' || n.i, 't' || (n.i % 50), 'skipped', {at}, {at}, 1, 'r', {at} FROM {n} n WHERE n.i <= 3000""",
    """UPDATE runs SET deadline_at = created_at, sla_at = created_at WHERE status = 'running'""",
    """INSERT INTO members (id, role, term, host, pid, started_at, seen_at, expires_at, standby, detail)
       SELECT 'm' || n.i, 'scheduler', n.i, 'h', 1, {at}, {at}, {at}, {no}, '{{}}' FROM {n} n WHERE n.i <= 3""",
    """INSERT INTO scaling_decisions (id, at, service, before, wanted, applied, dry_run, reason, inputs)
       SELECT 's' || n.i, {at}, 'scheduler', 1, 1, {no}, {no}, '', '{{}}' FROM {n} n""",
    """INSERT INTO outbox (id, event, run_id, destination, occasion, payload, created_at, due_at, tries, sent_at)
       SELECT 'o' || n.i, 'failure', 'r' || n.i, CASE WHEN n.i % 2 = 0 THEN 'email' ELSE 'slack' END,
         'r' || n.i || '/1/failure', '{{}}', {at}, CASE WHEN n.i % 100 = 0 THEN {at} END, 1,
         CASE WHEN n.i % 100 = 0 THEN NULL ELSE {at} END FROM {n} n""",
    """INSERT INTO backfills (id, name, pipeline, status, schedule, start_at, end_at, newest_first, concurrency,
         variables, total, made, created_at, ended_at)
       SELECT 't' || n.i, 'n', 'p', CASE WHEN n.i <= 5 THEN 'running' ELSE 'succeeded' END, '{{}}', {at}, {at}, {no}, 3,
         '{{}}', 9, 3, {at}, CASE WHEN n.i <= 5 THEN NULL ELSE {at} END FROM {n} n""",
    "UPDATE runs SET trigger_kind = 'backfill', logical_at = created_at WHERE trigger_id IN ('t1', 't2')",
    "UPDATE runs SET status = 'failed' WHERE status = 'succeeded' AND trigger_id < 't3'",
    "ANALYZE",
)
WORDS = {
    "sqlite": {
        "n": f"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {TRIGGERS}) SELECT i FROM n)",
        "at": "strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', '2026-06-01', '+' || n.i || ' minutes')",
        "yes": "1",
        "no": "0",
    },
    "postgresql": {
        "n": f"(SELECT generate_series(1, {TRIGGERS}) AS i)",
        "at": "timestamptz '2026-06-01 00:00Z' + n.i * interval '1 minute'",
        "yes": "true",
        "no": "false",
    },
}


@contextmanager
def grown_database(url: str) -> Iterator[Database]:
    database = open_database(DatabaseOptions(url, statement_seconds=60))
    fills = (FILL_SQLITE if database.name == "sqlite" else FILL_POSTGRES, *FILL_BOTH)
    with database.transaction() as session:
        for fill in fills:
            session._cursor.execute(fill.format(runs=RUNS, blocks=BLOCKS, **WORDS[database.name]))
    yield database
    database.close()


@pytest.fixture
def grown(database_url: str) -> Iterator[Database]:
    with grown_database(database_url) as database:
        yield database


@pytest.fixture
def grown_postgres(postgres_url: str) -> Iterator[Database]:
    with grown_database(postgres_url) as database:
        yield database


def plan_of(database: Database, statement: Any, values: dict[str, Any]) -> str:
    """Return the database's plan, in its own words."""
    with database.transaction() as session:
        text, bound = database.catalogue[statement].bind(values)
        if database.name == "sqlite":
            session._cursor.execute(f"EXPLAIN QUERY PLAN {text}", bound)
            return "\n".join(row[3] for row in session._cursor.fetchall())
        session._cursor.execute(f"EXPLAIN {text}", bound)
        return "\n".join(row[0] for row in session._cursor.fetchall())


PAGE = {"count": 20}
HOT: dict[str, tuple[Any, dict[str, Any], tuple[str, ...]]] = {
    "claim": (
        claims._READY,
        {"member_id": "m1", "term": 1, "count": 4},
        ("ix_block_runs_ready",),
    ),
    "limited runs": (claims._LIMITED_RUNS, {"count": 5}, ("ix_block_runs_ready_limited",)),
    "running of a run": (claims._RUNNING_OF_RUN, {"run_id": "r000500"}, ("ix_attempts_r",)),
    "count down": (
        block_run_steps._COUNT_DOWN,
        {"run_id": "r000500", "blocks": ["b4", "b5"]},
        ("uq_block_runs_run_id", "(run_id=? AND block=?"),
    ),
    "change a block run": (
        block_run_steps._change_one(("new_status",), (), frozenset({B.RUNNING})),
        {"new_status": B.SUCCEEDED, "block_run_id": "r000500-3"},
        ("pk_block_runs", "sqlite_autoindex_block_runs"),
    ),
    "end an attempt": (
        attempt_steps._END,
        {"attempt_id": "ar000500-3", "owner": "m1", "owner_term": 1}
        | dict.fromkeys((f"new_{name}" for name in (*attempt_steps._ENDED, "pid", "external_id")), None),
        ("pk_attempts", "sqlite_autoindex_attempts"),
    ),
    "attempts to cancel": (attempt_steps._TO_CANCEL, {"owner": "m1"}, ("ix_attempts_running",)),
    "attempts of ended members": (attempt_steps._OF_ENDED, {"count": 20}, ("ix_attempts_running",)),
    "due waits": (due._MAKE_READY, {"now": NOW, "count": 100}, ("ix_block_runs_due",)),
    "next due": (due._NEXT_DUE, {}, ("ix_block_runs_due", "ix_triggers_due", "ix_runs_deadline", "ix_runs_sla")),
    "due triggers": (due._DUE_TRIGGERS, {"now": NOW, "count": 100}, ("ix_triggers_due",)),
    "held runs": (run_steps._HELD, {"count": 100}, ("ix_runs_held", "ix_runs_status")),
    "running runs of a trigger": (
        lost_tick_steps._RUNNING_OF_TRIGGER,
        {"pipeline": "p1", "trigger_id": "t1"},
        ("ix_runs_unfinished", "ix_runs_trigger_unfinished", "ix_runs_status"),
    ),
    "running runs of no trigger": (
        lost_tick_steps._RUNNING_OF_NONE,
        {"pipeline": "p1"},
        ("ix_runs_unfinished", "ix_runs_trigger_unfinished", "ix_runs_status"),
    ),
    "an unfinished run of a trigger": (
        lost_tick_steps._UNFINISHED,
        {"trigger_id": "t1"},
        ("ix_runs_trigger_unfinished",),
    ),
    "overdue runs": (lost_tick_steps._OVERDUE, {"now": NOW, "count": 100}, ("ix_runs_deadline",)),
    "broken promises": (lost_tick_steps._BROKEN, {"now": NOW, "count": 100}, ("ix_runs_sla",)),
    "the trigger of a token": (lost_tick_steps._OF_TOKEN, {"digest": "d77"}, ("ix_triggers_token",)),
    "the triggers of an event": (lost_tick_steps._OF_EVENT, {"event": "e7"}, ("ix_triggers_event",)),
    "lost ticks of a trigger": (
        lost_tick_steps._lost_of(after=False),
        {"trigger_id": "t1", "count": 20},
        ("ix_lost_ticks_trigger",),
    ),
    "a gap that grows": (
        lost_tick_steps._GROW,
        {
            "trigger_id": "t1",
            "kind": "skipped",
            "reason": "r",
            "first_at": NOW,
            "last_at": NOW,
            "more": 1,
            "recorded_at": NOW,
        },
        ("ix_lost_ticks_trigger",),
    ),
    "list": (run_reads._runs(frozenset(), ()), PAGE, ("ix_runs_created_at",)),
    "list of a pipeline": (
        run_reads._runs(frozenset({"pipeline"}), ()),
        PAGE | {"pipeline": "p1"},
        ("ix_runs_pipeline_created_at",),
    ),
    "list by status": (run_reads._runs(frozenset(), (R.FAILED,)), PAGE, ("ix_runs_status_created_at",)),
    "list going on": (
        run_reads._runs(frozenset({"after"}), ()),
        PAGE | {"after_at": NOW, "after_id": "r"},
        ("ix_runs_created_at",),
    ),
    "list of a trigger": (
        run_reads._runs(frozenset({"trigger_id"}), ()),
        PAGE | {"trigger_id": "t1"},
        ("ix_runs_trigger_created_at",),
    ),
    "backfills with work": (backfill_steps._WITH_WORK, {"count": 20}, ("ix_backfills_open",)),
    "counts of backfills": (backfill_steps._COUNTS, {"backfill_ids": ["t1", "t2"]}, ("ix_runs_backfill",)),
    "runs of a backfill": (
        backfill_steps._RUNS,
        {"backfill_id": "t1", "first": NOW, "last": NOW + timedelta(days=1)},
        ("uq_runs_trigger_id", "ix_runs_backfill", "(trigger_id=? AND logical_at>"),
    ),
    "failed runs of a backfill": (
        backfill_steps._failed(newest_first=False, after=True),
        {"backfill_id": "t1", "before": NOW, "behind": NOW},
        ("ix_runs_backfill", "uq_runs_trigger_id", "(trigger_id=? AND logical_at>"),
    ),
    "runs of a backfill to cancel": (
        backfill_steps._TO_CANCEL,
        {"backfill_id": "t1", "count": 20},
        ("ix_runs_trigger_unfinished",),
    ),
    "ended runs": (history_steps._OLDEST, {"before": NOW, "count": 50}, ("ix_runs_ended",)),
    "ended runs going on": (
        history_steps._OLDEST_AFTER,
        {"before": NOW, "after_at": NOW - timedelta(days=30), "after_id": "r", "count": 50},
        ("ix_runs_ended",),
    ),
    "the newest runs of a pipeline": (
        history_steps._NTH_NEWEST,
        {"pipeline": "p1", "passed": 99},
        ("ix_runs_pipeline_created_at",),
    ),
    "deleting runs": (
        history_steps._DELETE_RUNS,
        {"run_ids": ["r000001", "r000002"]},
        ("pk_runs", "sqlite_autoindex_runs"),
    ),
    "unused bundles": (history_steps._UNUSED, {"before": NOW}, ("ix_runs_bundle",)),
    "waiting messages": (outbox_steps._WAITING, {}, ("ix_outbox_due",)),
    "next message": (
        outbox_steps._CLAIM,
        {"to": "slack", "now": NOW, "until": NOW},
        ("ix_outbox_due",),
    ),
    "a claimed message": (
        outbox_steps._PUT_OFF,
        {"message_id": "o5", "of_try": 1, "until": NOW, "error": "x"},
        ("pk_outbox", "sqlite_autoindex_outbox"),
    ),
    "messages": (outbox_steps._page(after=False), PAGE, ("ix_outbox_created",)),
    "messages of a run": (
        outbox_steps._OF_RUN,
        {"first": "r000500/", "after": "r0005000"},
        ("uq_outbox_occasion_destination", "sqlite_autoindex_outbox", "(occasion>? AND occasion<?"),
    ),
    "failed blocks of a run": (
        outbox_steps._FAILED,
        {"run_id": "r000500", "count": 5},
        ("uq_block_runs_run_id", "(run_id=?"),
    ),
    "bundles in use": (code_versions._BUNDLES, {}, ("ix_runs_bundle",)),
    "scaler: ready": (scaling_steps._READY, {}, ("ix_block_runs_ready",)),
    "scaler: ready and limited": (scaling_steps._READY_LIMITED, {}, ("ix_block_runs_ready_limited",)),
    "scaler: running": (scaling_steps._RUNNING, {}, ("ix_attempts_running",)),
    "scaler: ended lately": (
        scaling_steps._ENDED,
        {"since": NOW - timedelta(seconds=120), "count": 1000},
        ("ix_attempts_ended",),
    ),
    "scaler: decisions": (scaling_steps._NEWEST, PAGE, ("ix_scaling_decisions_at",)),
}
FULL = (
    "Seq Scan on runs",
    "Seq Scan on block_runs",
    "Seq Scan on attempts",
    "Seq Scan on triggers",
    "Seq Scan on outbox",
    "Seq Scan on lost_ticks",
)


def test_hot_statements_use_their_index(grown: Database):
    wrong = []
    for name, (statement, values, wanted) in HOT.items():
        plan = plan_of(grown, statement, values)
        lines = [line.strip() for line in plan.splitlines()]
        scans = [line for line in lines if line.startswith("SCAN ") and "USING" not in line and "VIRTUAL" not in line]
        scans = [
            line
            for line in scans
            if line.split()[1] in {"runs", "block_runs", "attempts", "triggers", "lost_ticks", "outbox"}
        ]
        if not any(index in plan for index in wanted) or scans or any(full in plan for full in FULL):
            wrong.append(f"{name}:\n{plan}")
    assert not wrong, "\n\n".join(wrong)


def test_a_claim_stays_on_its_index_when_the_server_reuses_a_plan(grown_postgres: Database):
    owner = {"member_id": "m1", "term": 1, "executor": "", "host": ""}
    text, bound = grown_postgres.catalogue[claims._CLAIM].bind(
        {"count": 4, "now": NOW, "attempt_ids": list("abcd"), **owner}
    )
    with grown_postgres.transaction() as session:
        session._cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        session._cursor.execute(f"EXPLAIN {text}", bound, prepare=True)
        plan = "\n".join(row[0] for row in session._cursor.fetchall())
    assert "ix_block_runs_ready" in plan
    assert not any(full in plan for full in FULL), plan


def test_a_claim_reads_what_it_takes(grown_postgres: Database):
    """Thousands of finished block runs beside six ready ones: the claim touches the six."""
    with grown_postgres.transaction() as session:
        text, bound = grown_postgres.catalogue[claims._READY].bind({"member_id": "m1", "term": 1, "count": 4})
        session._cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", bound)
        found = session._cursor.fetchall()[0][0][0]["Plan"]
    assert found["Actual Rows"] == 4
    assert found["Shared Hit Blocks"] + found["Shared Read Blocks"] < 60
    assert timedelta(milliseconds=found["Actual Total Time"]) < timedelta(seconds=1)
