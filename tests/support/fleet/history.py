"""Everything the run store knows at the end, read by plain SQL: rows as they are, times in seconds since 1970."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from support.fleet.project import Schedule
from support.fleet.words import Word

Row = dict[str, Any]

_READS = {
    "runs": "SELECT id, pipeline, status, epoch, trigger_id, logical_at, created_at, started_at, ended_at, "
    "cancel_requested_at, open_block_runs FROM runs ORDER BY id",
    "block_runs": "SELECT id, run_id, block, map_index, kind, status, epoch, attempts, waiting_on, open_instances, "
    "error, failures, losses, callback_key, ended_at FROM block_runs ORDER BY id",
    "attempts": "SELECT id, run_id, block_run_id, block, map_index, number, epoch, status, member_id, term, "
    "started_at, ended_at, exit_reason, error FROM attempts ORDER BY block_run_id, number",
    "members": "SELECT id, role, term, pid, started_at, expires_at, ended_at FROM members ORDER BY term",
    "lost_ticks": "SELECT trigger_id, kind, first_at, last_at, ticks, reason FROM lost_ticks ORDER BY first_at",
    "triggers": "SELECT id, pipeline, name, next_due_at, created_at FROM triggers",
    "keys": "SELECT scope, key, run_id FROM idempotency_keys",
}


@dataclass(frozen=True)
class Seen:
    """A run's state as somebody saw it while it went on: `rank` grows from queued over running to ended."""

    run: str
    epoch: int
    rank: int


@dataclass
class History:
    """Two independent accounts of a soak: the rows, and the words of the blocks' own code; and what was done to it.

    `frozen` has when processes were stopped (from, to; seconds since 1970) by their ids, `parent_frozen` the schedulers
    whose warm parent was: of those alone a lost attempt's code may go on beside its successor's.
    `killed` are process ids of blocks that the harness killed.
    """

    runs: Sequence[Row] = ()
    block_runs: Sequence[Row] = ()
    attempts: Sequence[Row] = ()
    members: Sequence[Row] = ()
    lost_ticks: Sequence[Row] = ()
    triggers: Sequence[Row] = ()
    keys: Sequence[Row] = ()
    words: Sequence[Word] = ()
    schedules: Sequence[Schedule] = ()
    seen: Sequence[Seen] = ()
    asked: dict[str, str] = field(default_factory=dict)
    upstream: dict[str, list[str]] = field(default_factory=dict)
    frozen: Mapping[int, Sequence[tuple[float, float]]] = field(default_factory=dict)
    parent_frozen: frozenset[int] = frozenset()
    killed: frozenset[int] = frozenset()
    disk_was_full: bool = False
    living: Sequence[str] = ()
    grace: float = 0.0
    faults_over: float = 0.0
    bound: float = 60.0


def read_rows(url: str) -> dict[str, list[Row]]:
    """Return every table that the check reads."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return {name: [_plain(row) for row in connection.execute(text)] for name, text in _READS.items()}


def _plain(row: Row) -> Row:
    found = {name: value.timestamp() if hasattr(value, "timestamp") else value for name, value in row.items()}
    if isinstance(found.get("error"), str):
        found["error"] = json.loads(found["error"])
    return found


RANKS = {"queued": 0, "running": 1, "succeeded": 2, "failed": 2, "cancelled": 2}


def look_at_runs(connection: psycopg.Connection[Any]) -> set[Seen]:
    """Return how every run stands now."""
    return {Seen(*row[:2], RANKS[row[2]]) for row in connection.execute("SELECT id, epoch, status FROM runs")}
