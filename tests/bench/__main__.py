"""`make bench`: every measurement on a fresh server, as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import growth, measures, report
from bench.floor import Commit, postgres_commit, sqlite_commit
from bench.penstock import Penstock
from bench.target import BenchTarget, Place

TARGETS: dict[str, Callable[[Place], BenchTarget]] = {"penstock": Penstock}
WARM_UP_SECONDS = 300.0
ALL = ("b1", "b6", "b2", "b3", "b4", "b5", "b7", "b8", "b9")
"""In this order: idle memory is measured before any load, and the database is grown last."""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--target", choices=sorted(TARGETS), default="penstock")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument(
        "--schedulers", type=int, default=1, help="how many share the work; more than one needs --database postgres"
    )
    parser.add_argument(
        "--runs", type=int, default=growth.RUNS, help="how many finished runs the database is grown to for b9"
    )
    parser.add_argument("--only", help="comma-separated, e.g. b2,b3")
    parser.add_argument(
        "--repeat", type=int, default=3, help="how often short measurements are repeated (their median counts)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--folder", type=Path, help="keep everything here instead of a folder that goes away")
    chosen = parser.parse_args()
    chosen.only = tuple(chosen.only.split(",")) if chosen.only else ALL
    if set(chosen.only) - set(ALL):
        parser.error(f"--only takes {', '.join(sorted(ALL))}")
    if chosen.schedulers > 1 and chosen.database != "postgres":
        parser.error("--schedulers: several share a Postgres, not an SQLite file; add --database postgres")
    return chosen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def database(kind: str, folder: Path) -> Iterator[tuple[str | None, Commit]]:
    """Yield the URL (None: the product's own SQLite) and how the floor commits on the same kind of database."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "sqlite":
        yield None, sqlite_commit(folder)
        return
    from bench.postgres import running_postgres

    with running_postgres(folder) as url:
        yield url, postgres_commit(url)


def redis_for(schedulers: int, folder: Path) -> str | None:
    """Return the address of a Redis that lives as long as this process, where several schedulers need one."""
    if schedulers == 1:
        return None
    from bench.redis_server import running_redis

    return running_redis(folder / "redis", free_port())


def measure(
    target: BenchTarget, chosen: argparse.Namespace, folder: Path, commit: Commit
) -> Iterator[tuple[str, measures.Figures]]:
    """Yield each measurement's figures as they come."""
    steps: dict[str, Callable[[], measures.Figures]] = {
        "b2": lambda: measures.b2_first_line(target, folder, chosen.repeat),
        "b3": lambda: measures.b3_sequential(target, chosen.repeat),
        "b4": lambda: measures.b4_parallel(target, chosen.repeat),
        "b5": lambda: measures.b5_throughput(target, folder, commit),
        "b6": lambda: measures.b6_idle(target),
        "b7": lambda: measures.b7_lateness(target, folder),
        "b8": lambda: measures.b8_kill(target, folder),
        "b9": lambda: growth.b9_growth(target, folder, chosen.runs),
    }
    # The first start makes the database, the first run the environment: neither is what is measured.
    target.start()
    if not target.wait([target.trigger("short")], WARM_UP_SECONDS):
        raise RuntimeError("the first run did not end: see the server's log")
    target.stop()
    starts = []
    for _ in range(max(chosen.repeat, 1)):
        target.stop()
        starts.append(target.start())
    # Idle means: the light parent and its children wait for work, and no block has met a table.
    target.wait([target.trigger("short")], WARM_UP_SECONDS)
    if "b1" in chosen.only:
        yield "b1", {"seconds": measures.percentile(starts, 0.5), "worst_seconds": max(starts)}
    for name in ALL:
        if name in steps and name in chosen.only:
            yield name, steps[name]()


def main() -> int:
    chosen = options()
    machine = report.machine()
    results: dict[str, measures.Figures] = {}
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as temporary:
        folder = chosen.folder or Path(temporary)
        times = folder / "times"
        times.mkdir(parents=True, exist_ok=True)
        with database(chosen.database, folder / "database") as (url, commit):
            redis = redis_for(chosen.schedulers, folder)
            target = TARGETS[chosen.target](Place(folder, free_port(), url, chosen.schedulers, redis))
            try:
                target.create(measures.workloads(times))
                for name, figures in measure(target, chosen, times, commit):
                    results[name] = figures
                    print(report.table({name: figures}), flush=True)
            finally:
                target.stop()
    document = {
        "target": chosen.target,
        "database": chosen.database,
        "schedulers": chosen.schedulers,
        "machine": machine,
        "results": results,
    }
    if chosen.json:
        chosen.json.write_text(json.dumps(document, indent=2) + "\n")
    missed = [name for name, _, aim in report.rows(results) if aim.endswith("MISSED")]
    print(f"missed: {', '.join(missed)}" if missed else "every aim was met")
    return 0


if __name__ == "__main__":
    sys.exit(main())
