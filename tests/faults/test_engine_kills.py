"""kill -9 and SIGSTOP of each process at each step of a run: the run goes on by itself to a true end (I1 to I6).

A step is a block of the run: the first, one instance of a mapped one, the last. The blocks themselves say when they
are there, and wait for the test.
"""

from __future__ import annotations

import itertools
import os
import signal
from datetime import UTC, datetime

import psutil
import pytest

from penstock import process_tree
from support.installation import Installation, installed
from support.project_maker import ProjectMaker
from support.waiting import wait_until
from support.witness import RUN_ENDED, Witness, seconds

HELD = """
run, block = kwargs['pipeline_run_id'], kwargs['block_uuid']
wait_for('go-%s-%s' % (run, block))
"""
STEPS = ("steps_first", "steps_mapped", "steps_last")
ENVIRON = {"PENSTOCK_STANDBY_SECONDS": "30", "PENSTOCK_DRAIN_SECONDS": "0.5"}


def make_project(home) -> ProjectMaker:
    maker = ProjectMaker(home)
    once = {"retry_config": {"retries": 1, "delay": 0}}
    maker.pipeline("steps").block("first", HELD + "value = [1, 2, 3]", configuration={"dynamic": True}, **once).block(
        "mapped", HELD + "value = args[0] * 2", ["first"], configuration={"reduce_output": True}, **once
    ).block("last", HELD + "value = sum(args[0])", ["mapped"], **once).write()
    maker.pipeline("whole", run_pipeline_in_one_process=True).block("first", HELD + "value = 1").block(
        "second", HELD + "value = args[0] + 1", ["first"]
    ).block("third", HELD + "value = args[0] + 1", ["second"]).write()
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


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def place(request, tmp_path_factory):
    """A project and its installation; the server is started anew by the tests that kill it."""
    home = tmp_path_factory.mktemp(f"kills-{request.param}")
    maker = make_project(home)
    environ = dict(ENVIRON)
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        environ["DATABASE_URL"] = module_database(request, server)
    with installed(home, maker.folder, environ=environ) as running:
        yield maker, running


def module_database(request, server) -> str:
    """A database for as long as the module's installation: the fixtures give one for each test."""
    from support.databases import TEMPLATE, administer

    name = f"kills_{os.getpid()}"
    administer(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    request.addfinalizer(lambda: administer(server, f"DROP DATABASE {name} WITH (FORCE)"))
    return server.url(name)


@pytest.fixture
def maker(place):
    return place[0]


@pytest.fixture
def penstock(place) -> Installation:
    return place[1]


@pytest.fixture
def witness(maker):
    return Witness(maker.witness)


def let_go(witness: Witness, run: str, *blocks: str) -> None:
    for block in blocks:
        witness.tell(f"go-{run}-{block}")


def reach(penstock: Installation, witness: Witness, step: str) -> tuple[str, int]:
    """Start a run and bring it to a step; return the run and the pid of the child that is there."""
    run = penstock.run("steps")
    let_go(witness, run, *STEPS[: STEPS.index(step)])
    return run, witness.wait_for_start(run, step).pid


def check(penstock: Installation, maker: ProjectMaker, run: str, step: str) -> None:
    """The run has the right result, only the step was tried again, and the history holds."""
    penstock.wait(run, "succeeded")
    assert penstock.output(run, "steps_last") == 12
    for row in penstock.blocks(run):
        if row["block"] != step:
            assert len(row["attempts"]) <= 1, row
    penstock.check_history(maker, run)


@pytest.mark.parametrize("step", STEPS)
def test_kill_of_a_child(penstock, maker, witness, step):
    run, pid = reach(penstock, witness, step)
    penstock.kill(pid)
    let_go(witness, run, *STEPS)
    check(penstock, maker, run, step)
    failed = [a for row in penstock.blocks(run) for a in row["attempts"] if a["status"] != "succeeded"]
    assert [attempt["exit_reason"] for attempt in failed] == ["error"]
    assert "SIGKILL" in failed[0]["error"]["message"]


@pytest.mark.parametrize("step", STEPS)
def test_kill_of_the_warm_parent(penstock, maker, witness, step):
    run, pid = reach(penstock, witness, step)
    scheduler = penstock.scheduler_pid
    penstock.kill(process_tree.parent_of(pid))
    let_go(witness, run, *STEPS)
    check(penstock, maker, run, step)
    assert penstock.scheduler_pid == scheduler
    assert not process_tree.is_running(pid)


@pytest.mark.parametrize("step", STEPS)
def test_kill_of_the_scheduler(penstock, maker, witness, step):
    run, pid = reach(penstock, witness, step)
    scheduler = penstock.scheduler_pid
    penstock.kill(scheduler)
    wait_until(lambda: not process_tree.is_running(pid), 10, "the dead scheduler's child lives on")
    let_go(witness, run, *STEPS)
    check(penstock, maker, run, step)
    assert penstock.scheduler_pid != scheduler
    lost = [a for row in penstock.blocks(run) for a in row["attempts"] if a["status"] != "succeeded"]
    assert lost
    assert {attempt["exit_reason"] for attempt in lost} == {"lost"}


def test_kill_of_the_scheduler_again_and_again(penstock, maker, witness):
    run, _ = reach(penstock, witness, "steps_first")
    for times in range(2, 5):
        penstock.kill(penstock.scheduler_pid)
        witness.wait_for_start(run, "steps_first", times)
    let_go(witness, run, *STEPS)
    check(penstock, maker, run, "steps_first")


@pytest.mark.parametrize("step", ["steps_first", "steps_mapped"])
def test_kill_of_the_web_server(penstock, maker, witness, step):
    run, pid = reach(penstock, witness, step)
    penstock.kill(penstock.web_pid)
    penstock.process.wait(10)
    let_go(witness, run, *STEPS)
    wait_until(lambda: not process_tree.is_running(pid), 30, "the child of a server without a web process lives on")
    penstock.start()
    penstock.wait(run, "succeeded")
    penstock.check_history(maker, run)


def test_a_whole_pipeline_goes_on_from_the_blocks_without_a_result(penstock, maker, witness):
    run = penstock.run("whole")
    let_go(witness, run, "whole_first")
    pid = witness.wait_for_start(run, "whole_second").pid
    wait_until(lambda: penstock.block(run, "whole_first")["status"] == "succeeded", 10, "no word of the first block")
    penstock.kill(penstock.scheduler_pid)
    wait_until(lambda: not process_tree.is_running(pid), 10)
    let_go(witness, run, "whole_second", "whole_third")
    penstock.wait(run, "succeeded")
    assert penstock.output(run, "whole_third") == 3
    assert len(witness.of(run, "start", "whole_first")) == 1
    assert len(witness.of(run, "start", "whole_second")) == 2
    penstock.check_history(maker, run)


def test_a_whole_pipeline_whose_child_is_killed_ends_true(penstock, maker, witness):
    run = penstock.run("whole")
    word = witness.wait_for_start(run, "whole_first")
    penstock.kill(word.pid)
    let_go(witness, run, "whole_first", "whole_second", "whole_third")
    penstock.wait(run)
    penstock.check_history(maker, run)


def test_a_frozen_scheduler_goes_on_once_it_may(penstock, maker, witness):
    """SIGSTOP beyond the lease with nobody to take over: whatever is decided, the run ends true."""
    run, _ = reach(penstock, witness, "steps_first")
    frozen = penstock.scheduler_pid
    penstock.kill(frozen, signal.SIGSTOP)
    let_go(witness, run, *STEPS)
    seen = penstock.get("/cluster")["schedulers"]
    lease = float(penstock.environment()["PENSTOCK_MEMBER_LEASE_SECONDS"])
    wait_until(lambda: psutil.Process(frozen).status() == psutil.STATUS_STOPPED, 5)
    wait_until(lambda: seen_for(seen, penstock) > lease + 0.5, 20, "time does not pass")
    penstock.kill(frozen, signal.SIGCONT)
    penstock.wait(run, "succeeded")
    assert penstock.output(run, "steps_last") == 12
    penstock.check_history(maker, run)


def test_no_tick_of_a_schedule_is_missed_or_doubled_however_often_its_scheduler_dies(penstock, maker):
    def ticks() -> list[float]:
        found = penstock.get("/runs", pipeline="ticking", limit=200)["items"]
        return sorted(seconds(one["logical_at"]) for one in found)

    for _ in range(2):
        count = len(ticks())
        penstock.kill(penstock.scheduler_pid)
        wait_until(lambda: len(ticks()) >= count + 2, 30, "the schedule does not go on")  # noqa: B023 - waited for here
    found = ticks()
    assert [after - before for before, after in itertools.pairwise(found)] == [1.0] * (len(found) - 1)


def seen_for(seen, penstock) -> float:
    """How long the scheduler has said nothing, by the clock of the database's answers."""
    return datetime.now(UTC).timestamp() - max(seconds(one["seen_at"]) for one in seen)


def test_the_whole_history_holds(penstock, maker):
    ended = [one["id"] for one in penstock.get("/runs", limit=200)["items"] if one["status"] in RUN_ENDED]
    penstock.check_history(maker, *ended)
