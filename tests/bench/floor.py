"""What this machine can do at all: fork, run nothing, write a result file, commit. No product can be faster."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

Commit = Callable[[int], None]


def sqlite_commit(folder: Path) -> Commit:
    """Return a function that inserts and commits one row as our store does: WAL, synchronous NORMAL."""
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE floor (n INTEGER PRIMARY KEY, at TEXT, status TEXT)")

    def commit(number: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO floor VALUES (?, ?, 'succeeded')", (number, str(time.time())))
        connection.execute("COMMIT")

    return commit


def postgres_commit(url: str) -> Commit:
    """Return a function that inserts and commits one row on one open connection."""
    import psycopg

    connection = psycopg.connect(url.replace("postgresql+psycopg", "postgresql"))
    connection.execute("CREATE TABLE IF NOT EXISTS bench_floor (n BIGINT, at TEXT, status TEXT)")
    connection.commit()

    def commit(number: int) -> None:
        connection.execute("INSERT INTO bench_floor VALUES (%s, %s, 'succeeded')", (number, str(time.time())))
        connection.commit()

    return commit


def blocks_per_second(folder: Path, commit: Commit, blocks: int = 500) -> float:
    """Fork, write a result file by rename, exit, wait, commit, one after the other; how many a second."""
    began = time.perf_counter()
    for number in range(blocks):
        pid = os.fork()
        if pid == 0:
            write_result(folder, number)
            os._exit(0)
        os.waitpid(pid, 0)
        commit(number)
    return blocks / (time.perf_counter() - began)


def write_result(folder: Path, number: int) -> None:
    partial = folder / f"{number}.partial"
    partial.write_text(json.dumps({"status": "succeeded", "outputs": []}))
    partial.rename(folder / f"{number}.json")


def heavy_seconds(work: Callable[[], object], count: int) -> float:
    """Run `work` in `count` bare processes, as many at a time as there are cores; the seconds until all have ended."""
    cores = len(os.sched_getaffinity(0))
    began = time.perf_counter()
    running: set[int] = set()
    for _ in range(count):
        if len(running) >= cores:
            running.discard(os.wait()[0])
        pid = os.fork()
        if pid == 0:
            work()
            os._exit(0)
        running.add(pid)
    while running:
        running.discard(os.wait()[0])
    return time.perf_counter() - began
