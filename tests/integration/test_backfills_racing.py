"""Several schedulers at one backfill, on Postgres: never a logical time twice, never more at once than allowed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count

import pytest

from penstock_runtime.domain.errors import StoreContention, StoreUnavailable
from penstock_runtime.domain.runs import ExitReason, RunStatus
from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.ports.run_store import RunFilter
from penstock_runtime.runs import backfill_turns, backfills
from penstock_runtime.runs.backfill_turns import advance_backfills
from penstock_runtime.runs.backfills import CreateBackfill
from support.clocks import FakeClock
from support.engine_rig import Rig, plan_of

HOUR = timedelta(hours=1)
TIMES, CONCURRENCY, SCHEDULERS = 60, 4, 3
PATIENCE_SECONDS = 60.0


@pytest.fixture
def rigs(postgres_url):
    """Schedulers with connections of their own, and one clock."""
    clock = FakeClock()
    stores = [SqlRunStore.open(DatabaseOptions(postgres_url, pool_size=2)) for _ in range(SCHEDULERS + 1)]
    made = [Rig(store, clock) for store in stores]
    for rig in made:
        rig.add(plan_of({"a": []}))
    yield made
    for store in stores:
        store.close()


def fill(rig, **asked):
    end = rig.clock.now().replace(minute=0, second=0, microsecond=0)
    request = CreateBackfill("p", {"schedule_interval": "@hourly"}, end - (TIMES - 1) * HOUR, end, **asked)
    return backfills.create_backfill(rig.services, request)[0]


@contextmanager
def schedulers(rigs):
    """Let every rig but the last look after the backfills, as fast as it can, until the block ends."""
    over = threading.Event()
    broken = []

    def work(rig):
        while not over.is_set():
            try:
                advance_backfills(rig.services)
            except (StoreUnavailable, StoreContention):
                continue
            except Exception as error:  # noqa: BLE001 - a thread's edge: the test is told below
                broken.append(error)
                return

    threads = [threading.Thread(target=work, args=(rig,)) for rig in rigs[:-1]]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
    assert not broken, broken
    assert not any(thread.is_alive() for thread in threads)


def unfinished(rig, backfill):
    with rig.store.transaction(read_only=True) as tx:
        counts = tx.backfill_counts([backfill.id]).get(backfill.id, {})
    return counts.get(RunStatus.QUEUED, 0) + counts.get(RunStatus.RUNNING, 0)


def drive(rig, backfill, reason=ExitReason.SUCCESS):
    """Finish what is claimed until the backfill is over; return the most runs seen unfinished at once."""
    most, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        most = max(most, unfinished(rig, backfill))
        with suppress(StoreContention):
            for one in rig.claim():
                most = max(most, unfinished(rig, backfill))
                rig.finish(one, reason)
        if backfills.found_backfill(rig.services, backfill.id).ended_at is not None:
            return most
    raise AssertionError("the backfill did not come to its end")


def runs_of(rig, backfill):
    with rig.store.transaction(read_only=True) as tx:
        return tx.runs(RunFilter(trigger_id=backfill.id), 1000).items


def test_several_schedulers_make_each_time_once_and_keep_the_limit(rigs):
    backfill = fill(rigs[-1], concurrency=CONCURRENCY)
    with schedulers(rigs):
        most = drive(rigs[-1], backfill)
    times = Counter(run.logical_at for run in runs_of(rigs[-1], backfill))
    assert (len(times), set(times.values())) == (TIMES, {1})
    assert most == CONCURRENCY
    assert backfills.found_backfill(rigs[-1].services, backfill.id).status.value == "succeeded"


def test_turns_that_die_halfway_lose_nothing_and_double_nothing(rigs, monkeypatch):
    """Every seventh run that is made takes its transaction with it, as a killed process or a lost connection would."""
    real, calls = backfill_turns.create_run_in, count(1)

    def dying(tx, services, request):
        made = real(tx, services, request)
        if next(calls) % 7 == 0:
            raise StoreUnavailable("the connection was lost")
        return made

    monkeypatch.setattr(backfill_turns, "create_run_in", dying)
    backfill = fill(rigs[-1], concurrency=CONCURRENCY)
    with schedulers(rigs):
        most = drive(rigs[-1], backfill)
    found = runs_of(rigs[-1], backfill)
    assert len({run.logical_at for run in found}) == len(found) == TIMES
    assert most <= CONCURRENCY
    assert backfills.found_backfill(rigs[-1].services, backfill.id).made == TIMES


def test_the_failed_go_again_once_and_within_the_limit(rigs):
    worker = rigs[-1]
    backfill = fill(worker, concurrency=CONCURRENCY)
    with schedulers(rigs):
        drive(worker, backfill, ExitReason.ERROR)
        worker.clock.advance(1)
        backfills.retry_backfill(worker.services, backfill.id)
        worker.clock.advance(1)
        most = drive(worker, backfill, ExitReason.ERROR)
    assert most <= CONCURRENCY
    assert {run.epoch for run in runs_of(worker, backfill)} == {2}
    assert backfills.found_backfill(worker.services, backfill.id).status.value == "failed"


def test_a_cancel_amid_the_making_leaves_nothing_going(rigs):
    worker = rigs[-1]
    backfill = fill(worker, concurrency=CONCURRENCY)
    with schedulers(rigs):
        for one in worker.claim(2):
            worker.finish(one)
        backfills.cancel_backfill(worker.services, backfill.id)
        drive(worker, backfill, ExitReason.CANCELLED)
    ended = runs_of(worker, backfill)
    assert {run.status for run in ended} <= {RunStatus.SUCCEEDED, RunStatus.CANCELLED}
    assert advance_backfills(worker.services) == 0
    assert len(runs_of(worker, backfill)) == len(ended) < TIMES
