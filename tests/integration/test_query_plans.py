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
    block_run_steps,
    claims,
    code_versions,
    due,
    run_reads,
    run_steps,
)
from penstock_runtime.persistence.database import Database
from penstock_runtime.persistence.engine import DatabaseOptions, open_database

NOW = datetime(2026, 3, 4, tzinfo=UTC)
RUNS, BLOCKS, TRIGGERS = 3000, 5, 3000
B, R = BlockRunStatus, RunStatus

FILL_SQLITE = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {runs})
INSERT INTO runs (id, pipeline, status, epoch, bundle, created_at, variables, trigger_id, admitted, open_block_runs)
SELECT printf('r%06d', i), 'p' || (i % 10), CASE WHEN i % 500 = 0 THEN 'running' ELSE 'succeeded' END, 1,
  'b' || (i % 20), strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', '2026-01-01', '+' || i || ' minutes'), '{{}}',
  't' || (i % 50), 1, 0 FROM n
"""
FILL_POSTGRES = """
INSERT INTO runs (id, pipeline, status, epoch, bundle, created_at, variables, trigger_id, admitted, open_block_runs)
SELECT 'r' || lpad(i::text, 6, '0'), 'p' || (i % 10), CASE WHEN i % 500 = 0 THEN 'running' ELSE 'succeeded' END, 1,
  'b' || (i % 20), timestamptz '2026-01-01 00:00Z' + i * interval '1 minute', '{{}}', 't' || (i % 50), true, 0
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
    """INSERT INTO triggers (id, pipeline, name, kind, active, settings, variables, next_due_at, in_code)
       SELECT 't' || n.i, 'p', 'n' || n.i, 'schedule', {yes}, '{{}}', '{{}}', {at}, {no} FROM {n} n""",
    """INSERT INTO members (id, role, term, host, pid, started_at, seen_at, expires_at, standby, detail)
       SELECT 'm' || n.i, 'scheduler', n.i, 'h', 1, {at}, {at}, {at}, {no}, '{{}}' FROM {n} n WHERE n.i <= 3""",
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
    "next due": (due._NEXT_DUE, {}, ("ix_block_runs_due", "ix_triggers_due")),
    "due triggers": (due._DUE_TRIGGERS, {"now": NOW, "count": 100}, ("ix_triggers_due",)),
    "held runs": (run_steps._HELD, {"count": 100}, ("ix_runs_held", "ix_runs_status")),
    "running runs of a pipeline": (run_steps._RUNNING_OF, {"pipeline": "p1"}, ("ix_runs_unfinished", "ix_runs_status")),
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
    "bundles in use": (code_versions._BUNDLES, {}, ("ix_runs_bundle",)),
}
FULL = ("Seq Scan on runs", "Seq Scan on block_runs", "Seq Scan on attempts", "Seq Scan on triggers")


def test_hot_statements_use_their_index(grown: Database):
    wrong = []
    for name, (statement, values, wanted) in HOT.items():
        plan = plan_of(grown, statement, values)
        lines = [line.strip() for line in plan.splitlines()]
        scans = [line for line in lines if line.startswith("SCAN ") and "USING" not in line and "VIRTUAL" not in line]
        scans = [line for line in scans if line.split()[1] in {"runs", "block_runs", "attempts", "triggers"}]
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
