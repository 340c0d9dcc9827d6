"""Limits hold however many schedulers race for the work: reserved in the database, never counted in memory.

Each thread is a scheduler with connections of its own. What runs is counted between the commit of a claim and the
beginning of its ending, so that the count is never more than what the database has.
"""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.runs.claim import Claims, Want, claim, claim_limited
from penstock_runtime.runs.due import admit_waiting_runs
from penstock_runtime.testing.clock import FakeClock
from support.engine_rig import Rig, plan_of
from support.waiting import wait_until

SCHEDULERS = 3
CHAINED, WIDE = 15, 4
RUN_LIMIT, BLOCK_LIMIT = 2, 3
PARTS = [f"part{number}" for number in range(8)]


class Watch:
    """What runs at this moment, and the most that ever did."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.by: Counter[int] = Counter()

    def began(self, what: str, who: int) -> None:
        with self.lock:
            self.now[what] += 1
            self.most[what] = max(self.most[what], self.now[what])
            self.by[who] += 1

    def ends(self, what: str) -> None:
        with self.lock:
            self.now[what] -= 1


class Racer(threading.Thread):
    """A scheduler: admits, claims a few, ends them, until told to stop."""

    def __init__(self, number: int, url: str, watch: Watch, over: threading.Event) -> None:
        super().__init__()
        self.number, self.watch, self.over = number, watch, over
        self.store = SqlRunStore.open(DatabaseOptions(url, pool_size=2))
        self.rig = Rig(self.store, FakeClock())
        for plan in plans():
            self.rig.add(plan)
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.over.is_set():
                admit_waiting_runs(self.rig.services)
                claims = Claims()
                with self.store.transaction() as tx:
                    want = Want(self.rig.owner, 4, self.rig.clock.now())
                    claim(tx, self.rig.plans, want, claims)
                    claim_limited(tx, self.rig.plans, want, claims)
                for one in claims.claimed:
                    self.began(one)
                for one in claims.claimed:
                    self.end(one)
        except BaseException as error:  # noqa: BLE001 - the test's thread raises it
            self.failure = error
        finally:
            self.store.close()

    def began(self, one) -> None:
        if one.run.pipeline == "wide":
            self.watch.began(one.run.id, self.number)
        elif one.block_run.block == "first":
            self.watch.began("chained runs", self.number)

    def end(self, one) -> None:
        if one.run.pipeline == "wide":
            self.watch.ends(one.run.id)
        elif one.block_run.block == "last":
            self.watch.ends("chained runs")
        self.rig.finish(one)


def plans():
    yield plan_of({"first": [], "mid": ["first"], "last": ["mid"]}, slug="chained", run_limit=RUN_LIMIT)
    yield plan_of({part: [] for part in PARTS}, slug="wide", block_run_limit=BLOCK_LIMIT)


@pytest.fixture
def race(postgres_url):
    watch, over = Watch(), threading.Event()
    racers = [Racer(number, postgres_url, watch, over) for number in range(SCHEDULERS)]
    rig = racers[0].rig
    runs = [rig.create("chained").id for _ in range(CHAINED)] + [rig.create("wide").id for _ in range(WIDE)]
    store = SqlRunStore.open(DatabaseOptions(postgres_url, pool_size=1))
    for racer in racers:
        racer.start()

    def ended():
        with store.transaction(read_only=True) as tx:
            return all(tx.run(run).ended_at for run in runs) or any(racer.failure for racer in racers)

    try:
        wait_until(ended, 60, "the runs do not end")
    finally:
        over.set()
        for racer in racers:
            racer.join(20)
        store.close()
    assert [racer.failure for racer in racers] == [None] * SCHEDULERS
    return watch, runs


def test_limits_hold_while_three_schedulers_race(race):
    watch, runs = race
    assert watch.most["chained runs"] == RUN_LIMIT
    wide = [watch.most[run] for run in runs[CHAINED:]]
    assert max(wide) == BLOCK_LIMIT
    assert all(most <= BLOCK_LIMIT for most in wide)
    # It was a race: more than one had a share of it.
    assert len(watch.by) > 1


def test_who_counts_the_runs_of_a_pipeline_waits_for_who_counts_them_already(postgres_url):
    """Room for one run, and two schedulers that see it: the second counts only once the first has committed."""
    store = SqlRunStore.open(DatabaseOptions(postgres_url, pool_size=3))
    try:
        rig = Rig(store, FakeClock())
        rig.add(plan_of({"a": []}, slug="narrow", run_limit=1))
        runs = [rig.create("narrow").id for _ in range(3)]
        rig.add(plan_of({"a": []}, slug="narrow", run_limit=2))
        second = threading.Thread(target=admit_waiting_runs, args=(rig.services,))
        with store.transaction() as tx:
            tx.lock_limit("pipeline:narrow")
            tx.admit_run(runs[2], rig.clock.now())
            second.start()
            second.join(0.5)
            assert second.is_alive(), "it counted beside another"
        second.join(10)
        assert not second.is_alive()
        admitted = [run for run in runs if rig.run(run).admitted]
        assert admitted == [runs[0], runs[2]]
    finally:
        store.close()
