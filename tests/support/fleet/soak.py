"""One soak: a fleet under load, faults from a seed, the history checked, a report that says all of it."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from penstock import process_tree
from support.fleet.checker import check
from support.fleet.fleet import GRACE, Fleet, fleet
from support.fleet.history import History, read_rows
from support.fleet.injector import Injector
from support.fleet.load import Load, Watcher
from support.fleet.plan import SCHEDULERS, as_json, plan_faults, plan_load
from support.fleet.project import Schedule, make_project, schedules, write_schedules
from support.fleet.words import read_words
from support.waiting import NotInTime, wait_until

LEAD_SECONDS = 12
"""Between the writing of the schedules and their first tick: the code must be published meanwhile."""


LEFT_SECONDS = 8.0
"""What the kernel, and a runner's own patience, may need to bury the dead."""


@dataclass(frozen=True)
class Soak:
    """What to do. `kinds` narrows the faults; `bound` is how long after the last fault everything must have ended."""

    seed: int
    seconds: float = 600.0
    runs: int = 1000
    every: float = 3.0
    longest: float = 60.0
    bound: float = 120.0
    kinds: tuple[str, ...] | None = None
    python_path: str = ""


@dataclass
class Outcome:
    """What came of it. `breaches` is the checker's words; none means that every promise held."""

    soak: Soak
    breaches: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    not_injected: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the report."""
        return json.dumps(asdict(self), indent=1)


def run_soak(soak: Soak, home: Path, tell: Callable[[str], None] = lambda _text: None) -> Outcome:
    """Run one soak in an empty folder; a breach is in the outcome, and anything else that goes wrong is raised."""
    faults = plan_faults(soak.seed, soak.seconds, soak.every, kinds=soak.kinds, longest=soak.longest)
    asks = plan_load(soak.seed, soak.seconds, soak.runs)
    (home / "plan.json").write_text(json.dumps({"soak": asdict(soak), "faults": as_json(faults)}, indent=1))
    tell(f"seed {soak.seed}: {len(faults)} faults in {soak.seconds:g} s, {len(asks)} runs of five blocks")
    maker = make_project(home)
    outcome = Outcome(soak)
    with fleet(home, maker, python_path=soak.python_path) as running:
        outcome.not_injected = running.not_injected
        wanted = _schedule(running, soak)
        watcher = Watcher(running.postgres.url)
        watcher.start()
        injector, load = Injector(running, faults, soak.seed, tell), Load(running, asks)
        began = time.monotonic()
        injector.start(began)
        load.start(began)
        injector.wait()
        over = time.time()
        tell(f"{time.monotonic() - began:6.1f} s  the faults are over")
        load.wait()
        stuck = _settle(running, wanted, soak, tell)
        watcher.stop()
        history = History(
            **read_rows(running.postgres.url()),
            schedules=wanted,
            seen=watcher.seen,
            asked=load.asked,
            upstream={slug: up for one in maker.pipelines.values() for slug, up in one.upstream().items()},
            frozen=injector.frozen,
            parent_frozen=frozenset(injector.parent_frozen),
            killed=frozenset(injector.killed),
            disk_was_full=injector.disk_was_full,
            grace=GRACE,
            faults_over=over,
            bound=soak.bound,
        )
        history.words = read_words(maker.witness / "words.jsonl", time.time() - time.monotonic())
        history.living = [*_loops_that_stopped(running), *_left_by_blocks(running, history), *running.stop()]
        outcome.breaches = [*check(history), *stuck]
        outcome.figures = _figures(history, injector, load)
    outcome.faults = [asdict(one) for one in injector.done]
    return outcome


def _schedule(running: Fleet, soak: Soak) -> list[Schedule]:
    """Write the schedules, and wait until they are known; their first tick is still to come then."""
    start = math.ceil(time.time()) + LEAD_SECONDS
    wanted = schedules(start, int(soak.seconds))
    write_schedules(running.maker, wanted)

    def known() -> bool:
        return len(running.ask("GET", "/triggers?limit=200").json()["items"]) >= len(
            [one for one in wanted if one.sound]
        )

    wait_until(known, LEAD_SECONDS + 30, running.said)
    assert time.time() < start, "the schedules were taken up too late for their first tick; the machine is too busy"
    return wanted


def _settle(running: Fleet, wanted: Iterable[Schedule], soak: Soak, tell: Callable[[str], None]) -> list[str]:
    """Wait until nothing is open and no tick is to come; what is, where that does not happen in time."""
    patience = soak.bound + max(0.0, max(one.end for one in wanted) - time.time())

    def open_ones() -> list[tuple[Any, ...]]:
        text = (
            "SELECT 'run', id, pipeline, status FROM runs WHERE status IN ('queued', 'running') UNION ALL "
            "SELECT 'trigger', id, pipeline, name FROM triggers "
            "WHERE next_due_at IS NOT NULL AND active AND deleted_at IS NULL"
        )
        with psycopg.connect(running.postgres.url()) as connection:
            return connection.execute(text).fetchall()

    try:
        wait_until(lambda: not open_ones(), patience, look=0.25)
    except NotInTime:
        left = open_ones()
        tell(f"stuck: {left[:10]}")
        return [f"I3: {len(left)} are open {patience:.0f} s after the load, such as {' '.join(left[0])}"]
    return []


def _loops_that_stopped(running: Fleet) -> list[str]:
    """I8: after all of it, each scheduler works."""
    try:
        wait_until(lambda: len(running.working()) == len(SCHEDULERS), 40, look=0.25)
    except NotInTime:
        return [f"only {len(running.working())} schedulers work at the end"]
    return []


def _left_by_blocks(running: Fleet, history: History) -> list[str]:
    """I6: all blocks have ended, and with them every process of theirs, while their schedulers live on."""
    made = {word.pid: word.block for word in history.words if word.event == "child"}

    def left() -> list[str]:
        blocks = [f"process {pid} of a block that has ended" for pid, _ in running.blocks_running()]
        return blocks + [f"{block}'s own process {pid}" for pid, block in made.items() if is_child(pid)]

    try:
        wait_until(lambda: not left(), LEFT_SECONDS, look=0.1)
    except NotInTime:
        return left()
    return []


def is_child(pid: int) -> bool:
    """Whether the process is one that FAMILY started: its number may be another's by now."""
    try:
        return process_tree.is_running(pid) and b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False


def _figures(history: History, injector: Injector, load: Load) -> dict[str, Any]:
    starts = [word for word in history.words if word.event == "start"]
    in_units = {row["id"] for row in history.block_runs if row["kind"] == "pipeline"}
    units = {attempt["id"] for attempt in history.attempts if attempt["block_run_id"] in in_units}
    begun = {word.attempt for word in starts}
    injected = [one for one in injector.done if not one.left_out]
    return {
        "runs": len(history.runs),
        "runs_asked_for": len(load.asked),
        "runs_by_status": dict(Counter(row["status"] for row in history.runs)),
        "ticks_expected": sum(len(one.expected()) for one in history.schedules if one.sound),
        "runs_of_ticks": sum(row["logical_at"] is not None for row in history.runs),
        "block_runs": len(history.block_runs),
        "attempt_rows": len(history.attempts),
        "attempt_rows_whose_code_began": len(begun & {attempt["id"] for attempt in history.attempts}),
        "attempts_whose_code_began": len(begun),
        "starts": len([word for word in starts if word.attempt not in units]) + len(begun & units),
        "attempts_by_reason": dict(Counter(str(attempt["exit_reason"]) for attempt in history.attempts)),
        "cancelled": load.cancelled,
        "retried": load.retried,
        "schedulers_that_lived": sum(row["role"] == "scheduler" for row in history.members),
        "faults": len(injected),
        "faults_by_kind": dict(Counter(one.fault.kind for one in injected)),
        "left_out": dict(Counter(f"{one.fault.kind}: {one.left_out}" for one in injector.done if one.left_out)),
        "most_that_clocks_differed": _most_that_clocks_differed(history),
        "left_alive": list(history.living),
    }


def _most_that_clocks_differed(history: History) -> float:
    """Return by how much, in seconds, an attempt began before its predecessor's end, by two schedulers' clocks."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for attempt in history.attempts:
        rows.setdefault(attempt["block_run_id"], []).append(attempt)
    pairs = [pair for found in rows.values() for pair in itertools.pairwise(sorted(found, key=lambda a: a["number"]))]
    return round(max([0.0, *((one["ended_at"] or 0.0) - other["started_at"] for one, other in pairs)]), 4)
