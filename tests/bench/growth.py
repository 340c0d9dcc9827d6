"""B9: what growth costs. The same questions before and after the database holds a great deal that is not due."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import measures
from bench.measures import Figures
from bench.penstock import Penstock
from bench.target import BenchTarget

if TYPE_CHECKING:
    from penstock_runtime.persistence.database import Database

RUNS = 1_000_000
TRIGGERS = 10_000
LOOKS = 300
AHEAD = timedelta(days=300)

NUMBERS = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n) n",
    "postgresql": "(SELECT generate_series(1, {count}) AS i) n",
}
TIMES = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', '2026-01-01', '+' || n.i || ' seconds')",
    "postgresql": "timestamptz '2026-01-01 00:00Z' + n.i * interval '1 second'",
}
BOOLEANS = {"sqlite": ("1", "0"), "postgresql": ("true", "false")}
GROW = (
    """INSERT INTO runs (id, pipeline, status, epoch, bundle, created_at, ended_at, variables, trigger_id, logical_at,
         admitted, open_block_runs)
       SELECT 'grown-' || n.i, 'grown_' || (n.i % 50), 'succeeded', 1, 'grown', {at}, {at}, '{{}}',
         'grown_' || (n.i % 500), {at}, {yes}, 0 FROM {runs}""",
    """INSERT INTO block_runs (id, run_id, block, map_index, kind, status, epoch, waiting_on, open_instances, attempts,
         failures, losses, callback_key, limited)
       SELECT 'grown-block-' || n.i, 'grown-' || n.i, 'b', -1, 'block', 'succeeded', 1, 0, 0, 1, 0, 0, '', {no}
       FROM {runs}""",
    """INSERT INTO attempts (id, run_id, block_run_id, block, map_index, number, epoch, status, executor, member_id,
         term, started_at, ended_at)
       SELECT 'grown-attempt-' || n.i, 'grown-' || n.i, 'grown-block-' || n.i, 'b', -1, 1, 1, 'succeeded',
         'local_python', 'nobody', 1, {at}, {at} FROM {runs}""",
    """INSERT INTO triggers (id, pipeline, name, kind, active, settings, variables, next_due_at, in_code)
       SELECT 'grown-' || n.i, 'grown_' || (n.i % 50), 'grown ' || n.i, 'schedule', {yes},
         '{{"schedule_interval": "@yearly"}}', '{{}}', '{ahead}', {no} FROM {triggers}""",
)


def b9_growth(target: BenchTarget, folder: Path, runs: int) -> Figures:
    """First line and an idle pass with little in the database, then with 10,000 triggers and `runs` finished runs."""
    if not isinstance(target, Penstock):
        raise TypeError("only our own schema is grown")
    url = target.place.database_url or f"sqlite:///{target.project / '.penstock' / 'penstock.db'}"
    small_line, small_pass = first_line(target, folder), pass_ms(url)
    # Stopped meanwhile: one transaction of minutes would keep SQLite's only writer from everyone.
    target.stop()
    began = time.monotonic()
    grow(url, runs)
    grown_in = time.monotonic() - began
    target.start()
    target.wait([target.trigger("short")], 60)
    large_line, large_pass = first_line(target, folder), pass_ms(url)
    return {
        "first_line_p50_ms": small_line,
        "first_line_grown_p50_ms": large_line,
        "first_line_ratio": large_line / small_line,
        "pass_ms": small_pass,
        "pass_grown_ms": large_pass,
        "pass_ratio": large_pass / small_pass,
        "grown_runs": float(runs),
        "growing_seconds": grown_in,
    }


def first_line(target: BenchTarget, folder: Path) -> float:
    return measures.b2_first_line(target, folder, 3)["p50_ms"]


def pass_ms(url: str) -> float:
    """Return the median milliseconds of an idle pass's read."""
    from penstock_runtime.persistence.clock import DatabaseClock
    from penstock_runtime.persistence.engine import DatabaseOptions
    from penstock_runtime.persistence.run_store import SqlRunStore
    from penstock_runtime.runs.services import RunServices
    from penstock_runtime.scheduler.loop import look

    store = SqlRunStore.open(DatabaseOptions(url))
    nothing: Any = None  # neither plans nor wake-ups are asked for
    services = RunServices(store, nothing, DatabaseClock(store), nothing)
    taken: list[float] = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        look(services, fire_schedules=True)
        taken.append(1000 * (time.perf_counter() - began))
    store.close()
    return statistics.median(taken)


def grow(url: str, runs: int) -> None:
    """Fill the tables; then let the database learn what it holds, as it does by itself after a while."""
    from penstock_runtime.persistence.engine import DatabaseOptions, open_database

    database = open_database(DatabaseOptions(url, statement_seconds=1800))
    yes, no = BOOLEANS[database.name]
    words = {
        "yes": yes,
        "no": no,
        "at": TIMES[database.name],
        "ahead": (datetime.now(UTC) + AHEAD).strftime("%Y-%m-%dT%H:%M:%S.000000+00:00"),
        "runs": NUMBERS[database.name].format(count=runs),
        "triggers": NUMBERS[database.name].format(count=TRIGGERS),
    }
    for statement in GROW:
        _execute(database, statement.format(**words))
    for table in ("runs", "block_runs", "attempts", "triggers"):
        _execute(database, f"ANALYZE {table}")
    database.close()


def _execute(database: Database, text: str) -> None:
    with database.transaction() as session:
        session._cursor.execute(text)
