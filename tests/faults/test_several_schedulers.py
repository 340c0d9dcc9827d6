"""Three schedulers on Postgres and Redis: they share the work, and the death or freeze of any of them loses nothing."""

from __future__ import annotations

import itertools
import os
import signal
import time
from pathlib import Path

import pytest
import redis

from penstock import process_tree
from support.installation import FAST
from support.project_maker import ProjectMaker
from support.several import several
from support.waiting import stays_so, wait_until
from support.witness import Witness, seconds

FENCED = 71
NOT_ALLOWED = 75
LEASE = float(FAST["PENSTOCK_MEMBER_LEASE_SECONDS"])
POLL = float(FAST["PENSTOCK_POLL_SECONDS"])
GRACE = float(FAST["PENSTOCK_STATEMENT_TIMEOUT_SECONDS"]) + POLL
SLACK = 2.0
"""For a machine that is busy with other tests."""
HELD = "wait_for('go-' + kwargs['pipeline_run_id'])\nvalue = 1"
WIDE = 6
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def make_project(home) -> ProjectMaker:
    maker = ProjectMaker(home)
    wide = maker.pipeline("wide")
    names = [f"part{number}" for number in range(WIDE)]
    for name in names:
        wide.block(name, HELD)
    wide.block("sum", "value = sum(args)", names).write()
    maker.pipeline("short").chain(["a", "b", "c"]).write()
    maker.pipeline("one").block("only", HELD).write()
    maker.pipeline("ticking").block("tick", "").write().triggers(
        {
            "name": "each second",
            "pipeline_uuid": "ticking",
            "schedule_type": "time",
            "status": "active",
            "settings": {"interval_seconds": 1, "catch_up": "all"},
        }
    )
    return maker


@pytest.fixture
def maker(tmp_path):
    return make_project(tmp_path)


@pytest.fixture
def witness(maker):
    return Witness(maker.witness)


@pytest.fixture
def environ(postgres_url, redis_url):
    return {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "PENSTOCK_SLOTS": "3", "PENSTOCK_DRAIN_SECONDS": "1"}


@pytest.fixture
def fleet(maker, environ):
    with several(maker.folder.parent, maker.folder, environ=environ) as running:
        yield running


def started(witness, run, count=WIDE):
    """Return the words of so many parts of a wide run, once they have begun."""
    return wait_until(lambda: len(found := witness.of(run)) >= count and found, 30, "not all parts began")


def check(fleet, maker, run, *, beside=False):
    fleet.wait(run, "succeeded")
    assert fleet.output(run, "wide_sum") == WIDE
    fleet.check_history(maker, run, beside=beside)


def attempts(fleet, run):
    return [attempt for row in fleet.blocks(run) for attempt in row["attempts"]]


def test_three_schedulers_share_a_run(maker, environ, witness):
    with several(maker.folder.parent, maker.folder, environ={**environ, "PENSTOCK_SLOTS": "2"}) as fleet:
        run = fleet.run("wide")
        words = started(witness, run)
        assert {fleet.scheduler_of(word.pid) for word in words} == fleet.working()
        witness.tell(f"go-{run}")
        check(fleet, maker, run)
        assert len(attempts(fleet, run)) == WIDE + 1


def test_the_doctor_sees_them_and_redis(fleet):
    said = " ".join(fleet.cli("doctor", "--project", str(fleet.project)).out.split())
    assert "3 share the work" in said
    assert "it answers; schedulers share the work" in said


def test_without_redis_a_second_one_stands_by_and_says_what_to_set(maker, environ):
    alone = {name: value for name, value in environ.items() if name != "REDIS_URL"}
    with several(maker.folder.parent, maker.folder, 1, environ=alone) as fleet:
        (holder,) = fleet.working()
        second = fleet.launch_scheduler()
        assert second.wait(30) == NOT_ALLOWED
        said = fleet.said()
        assert f"process {holder} on " in said
        assert "set REDIS_URL for each of them" in said
        # As stacks have it: it waits for as long as it takes, and then works.
        patient = fleet.launch_scheduler(environ={"PENSTOCK_STANDBY_SECONDS": "unlimited"})
        wait_until(
            lambda: any(one["standby"] for one in fleet.get("/cluster")["schedulers"]), 20, "no standby is shown"
        )
        stays_so(lambda: patient.poll() is None and fleet.working() == {holder}, 2 * LEASE, "it did not stand by")
        fleet.kill(holder, signal.SIGTERM)
        wait_until(lambda: fleet.working() == {patient.pid}, 20, "it did not take over")
        fleet.wait(fleet.run("short"), "succeeded")


def test_kill_of_one_of_three_is_mended_by_the_others(fleet, maker, witness):
    run = fleet.run("wide")
    words = started(witness, run)
    victim = fleet.scheduler_of(words[0].pid)
    its_own = {word.block for word in words if fleet.scheduler_of(word.pid) == victim}
    fleet.kill(victim)
    killed = time.time()
    for block in its_own:
        witness.wait_for_start(run, block, 2)
    again = [word for word in witness.of(run) if word.at > killed]
    assert {word.block for word in again} == its_own
    # From the kill to the first claim of another: the lease, its grace, and one pass.
    assert min(word.at for word in again) - killed <= LEASE + GRACE + 2 * POLL + SLACK
    assert {fleet.scheduler_of(word.pid) for word in again} <= fleet.working() - {victim}
    witness.tell(f"go-{run}")
    check(fleet, maker, run)
    lost = [one["exit_reason"] for one in attempts(fleet, run) if one["status"] != "succeeded"]
    assert lost == ["lost"] * len(its_own)


def test_one_that_wakes_after_its_lease_fences_itself(fleet, maker, witness):
    run = fleet.run("wide")
    words = started(witness, run)
    frozen = fleet.scheduler_of(words[0].pid)
    its_own = {word.block: word.pid for word in words if fleet.scheduler_of(word.pid) == frozen}
    fleet.kill(frozen, signal.SIGSTOP)
    for block in its_own:
        witness.wait_for_start(run, block, 2)
    fleet.kill(frozen, signal.SIGCONT)
    process = next(one for one in fleet.schedulers if one.pid == frozen)
    assert process.wait(20) == FENCED
    wait_until(lambda: not any(map(process_tree.is_running, its_own.values())), 10, "its blocks run on")
    witness.tell(f"go-{run}")
    check(fleet, maker, run, beside=True)
    lost = [one for one in attempts(fleet, run) if one["status"] != "succeeded"]
    assert [one["status"] for one in lost] == ["lost"] * len(its_own)


def test_its_supervisor_starts_a_fenced_one_again(maker, environ, witness):
    supervised = {**environ, "INSTANCE_TYPE": "server_and_scheduler"}
    with several(maker.folder.parent, maker.folder, 0, environ=supervised) as penstock:
        frozen = penstock.scheduler_pid
        run = penstock.run("one")
        witness.wait_for_start(run, "one_only")
        penstock.add()
        penstock.kill(frozen, signal.SIGSTOP)
        witness.wait_for_start(run, "one_only", 2)
        penstock.kill(frozen, signal.SIGCONT)
        wait_until(lambda: not process_tree.is_running(frozen), 20, "it goes on after its lease")
        wait_until(lambda: len(penstock.working()) == 2, 20, "nobody took its place")
        assert f"ended ({FENCED})" in penstock.said()
        witness.tell(f"go-{run}")
        penstock.wait(run, "succeeded")
        penstock.check_history(maker, run, beside=True)


def test_a_start_harms_nothing_that_a_living_one_owns(fleet, maker, witness):
    run = fleet.run("wide")
    words = started(witness, run)
    staging = fleet.data / "artifacts" / ".staging"
    before = sorted(path.name for path in staging.glob("worker-*"))
    assert len(before) == len(fleet.schedulers)
    fleet.add()
    dead = fleet.add()
    fleet.kill(dead.pid)
    dead.wait(10)
    fleet.add()
    assert all(process_tree.is_running(word.pid) for word in words)
    assert set(before) <= {path.name for path in staging.glob("worker-*")}
    stays_so(lambda: len(witness.of(run)) == WIDE, LEASE + GRACE, "a part began again")
    witness.tell(f"go-{run}")
    check(fleet, maker, run)
    assert len(attempts(fleet, run)) == WIDE + 1


def test_one_that_stops_gives_its_blocks_to_the_others(fleet, maker, witness):
    run = fleet.run("wide")
    words = started(witness, run)
    stopping = fleet.scheduler_of(words[0].pid)
    its_own = {word.block for word in words if fleet.scheduler_of(word.pid) == stopping}
    fleet.kill(stopping, signal.SIGTERM)
    process = next(one for one in fleet.schedulers if one.pid == stopping)
    assert process.wait(30) == 0
    witness.tell(f"go-{run}")
    check(fleet, maker, run)
    ended = [one["exit_reason"] for one in attempts(fleet, run) if one["status"] != "succeeded"]
    assert ended == ["drained"] * len(its_own)


def test_redis_may_stop_be_flushed_and_come_back(fleet, maker, witness, redis_server):
    held = fleet.run("wide")
    started(witness, held)
    with redis.Redis.from_url(redis_server.url) as connection:
        connection.flushall()
    redis_server.stop()
    try:
        witness.tell(f"go-{held}")
        check(fleet, maker, held)
        run = fleet.run("short")
        fleet.wait(run, "succeeded")
        fleet.add()
    finally:
        redis_server.start()
    run = fleet.run("short")
    fleet.wait(run, "succeeded")
    # Each process finds its own way back: all of them listen again.
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as connection:
        wait_until(
            lambda: (
                sum(count for _, count in connection.pubsub_numsub(*connection.pubsub_channels("penstock:*:work")))
                == len(fleet.schedulers) + 1
            ),
            20,
            "not everyone came back to Redis",
        )
    fleet.check_history(maker)
    assert fleet.said().count("carries no wake-ups") <= len(fleet.schedulers) + 1


def test_one_process_scans_the_code_and_what_it_publishes_reaches_the_others(fleet, maker):
    maker.pipeline("later").block("only", "value = 7").write()
    wait_until(lambda: "later" in [one["slug"] for one in fleet.get("/pipelines")["items"]], 20, "not published")
    run = fleet.run("later")
    fleet.wait(run, "succeeded")
    assert fleet.said().count("published version 2 ") == 1


@pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not on this machine (Debian: faketime)")
def test_a_machine_whose_clock_is_wrong_fires_no_tick_early_or_twice(maker, environ, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("+5h")
    fake = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with several(maker.folder.parent, maker.folder, 1, environ=environ) as fleet:
        fleet.add(environ=fake)
        os.kill(fleet.schedulers[0].pid, signal.SIGSTOP)

        def ticks():
            return sorted(
                seconds(one["logical_at"]) for one in fleet.get("/runs", pipeline="ticking", limit=200)["items"]
            )

        for jump in ("-3h", "+40d", "+0"):
            count = len(ticks())
            wait_until(lambda: len(ticks()) >= count + 2, 30, lambda: f"no ticks: {jump} {fleet.said()}")  # noqa: B023
            assert ticks()[-1] <= time.time() + 0.2
            clock.write_text(jump)
        os.kill(fleet.schedulers[0].pid, signal.SIGCONT)
        found = ticks()
        assert [after - before for before, after in itertools.pairwise(found)] == [1.0] * (len(found) - 1)
        assert found[-1] <= time.time() + 0.2
