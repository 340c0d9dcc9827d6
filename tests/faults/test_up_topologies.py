"""`penstock up`: each topology runs; any process may be killed or frozen, the page stays, the run ends right."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from pathlib import Path

import httpx
import psutil
import pytest

from penstock import process_tree
from penstock_runtime.bootstrap.up_file import settings_of_up
from penstock_runtime.settings import read_settings
from support.installation import FAST, Installation, installed, private_state, short_folder
from support.oracles import golden_demo_figures
from support.other_user import as_nobody
from support.project_maker import ProjectMaker
from support.standing import Eye, Standing, can_read_environments, secrets_seen
from support.waiting import wait_until
from support.witness import Witness

NOT_ALLOWED = 75
HELD = "wait_for('go-' + kwargs['pipeline_run_id'])\nvalue = 5"
HA = ("postgres", "redis", "scheduler-1", "scheduler-2", "web-1", "web-2")


@pytest.fixture
def home():
    """A folder that Postgres' own user may pass through, where we are root."""
    with short_folder() as folder:
        yield folder


@contextlib.contextmanager
def standing(home, project, topology, *options, **given):
    up = Standing(home, project, topology=topology, options=options, **given)
    try:
        yield up.start()
        up.stop()
        assert up.process.returncode == 0
    finally:
        up.destroy()


def small_project(home) -> ProjectMaker:
    maker = ProjectMaker(home)
    maker.pipeline("held").block("only", HELD).block("after", "value = args[0] + 1", ["only"]).write()
    maker.pipeline("small").block("only", "value = 1").write()
    return maker


@pytest.mark.timeout(300)  # the first run on a machine installs the demo's requirements
def test_every_kind_of_process_is_killed_during_the_demo_and_it_ends_right(home):
    said = Installation(home, home / "flights").cli("init", str(home / "flights"), "--demo")
    assert said.code == 0, said.err
    with standing(home, home / "flights", "ha") as up:
        up.all_ready(*HA)
        with Eye(f"http://127.0.0.1:{up.port}/healthz") as eye:
            run = up.run("flight_delays")
            for name in ("web-1", "scheduler-1", "postgres", "redis"):
                killed = up.hurt(name)
                up.replaced(name, killed)
            run = up.wait(run, "succeeded", patience=200)["id"]
        assert eye.refused == []
        assert len(eye.broken) <= 1
        assert eye.asked > 20
        months = up.output(run, "monthly_summary")["months"]
        wanted = ("month", "flights", "mean_dep_delay")
        assert [{key: row[key] for key in wanted} for row in months] == golden_demo_figures()
        up.all_ready(*HA)
    # The data is there at the next start, and the first one left nothing alive that would be in its way.
    with standing(home, home / "flights", "ha") as again:
        assert again.status(run) == "succeeded"


def test_frozen_processes_are_replaced_and_the_page_stays(home):
    maker = small_project(home)
    witness = Witness(maker.witness)
    with standing(home, maker.folder, "ha") as up:
        up.all_ready(*HA)
        run = up.run("held")
        witness.wait_for_start(run, "held_only")
        frozen = {name: up.hurt(name, signal.SIGSTOP) for name in ("web-2", "scheduler-2", "redis")}
        for name, pid in frozen.items():
            up.replaced(name, pid)
            assert not process_tree.is_running(pid)
        witness.tell(f"go-{run}")
        up.wait(run, "succeeded")
        assert [event["process"] for event in up.events() if event["event"] == "hung"].count("web-2") == 1
        up.check_history(maker, run, beside=True)


def test_a_dead_schedulers_work_is_taken_up_long_before_its_lease_has_passed(home):
    maker = small_project(home)
    witness = Witness(maker.witness)
    with standing(home, maker.folder, "split", environ={"PENSTOCK_MEMBER_LEASE_SECONDS": "100"}) as up:
        run = up.run("held")
        witness.wait_for_start(run, "held_only")
        up.hurt("scheduler-1")
        witness.wait_for_start(run, "held_only", 2, patience=40)
        witness.tell(f"go-{run}")
        up.wait(run, "succeeded")
        up.check_history(maker)


@pytest.mark.parametrize(
    ("topology", "names"),
    [("single", {"penstock"}), ("split", {"postgres", "web-1", "scheduler-1"})],
)
def test_the_small_topologies_run_and_say_once_how_to_get_in(home, topology, names):
    maker = small_project(home)
    with standing(home, maker.folder, topology) as up:
        up.all_ready(*names)
        up.wait(up.run("small"), "succeeded")
        (address,) = [event["text"] for event in up.events() if event["event"] == "address"]
        assert f"http://localhost:{up.port}" in address
        assert address.count("/sign-in/") == 1
        settings = read_settings({**up.environment()}, project_dir=maker.folder)
        assert settings_of_up(settings)["PENSTOCK_PORT"] == str(up.port)
        if topology == "split":
            assert "ready to accept" in (maker.folder / ".penstock" / "process-logs" / "postgres.log").read_text()
    assert settings_of_up(settings) == {}
    assert list((home / "state" / "keys").glob("*.up")) == []
    order = [event["process"] for event in up.events() if event["event"] == "stopping"]
    assert order == {"single": ["penstock"], "split": ["scheduler-1", "web-1", "postgres"]}[topology]


def test_autoscale_scales_between_its_bounds_and_drains_the_youngest(home):
    maker = small_project(home)
    witness = Witness(maker.witness)
    with standing(home, maker.folder, "autoscale", environ={"PENSTOCK_SLOTS": "2"}) as up:
        up.all_ready(*HA)
        settings = read_settings({**up.environment()}, project_dir=maker.folder)
        target = settings_of_up(settings)["PENSTOCK_SCALER_TARGET"].removeprefix("local:")
        assert Path(target).stat().st_mode & 0o777 == 0o600
        assert ask(target, {"service": "scheduler", "count": 3})["wanted"] == 3
        up.all_ready(*HA, "scheduler-3")
        runs = [up.run("held") for _ in range(4)]
        for run in runs:
            witness.wait_for_start(run, "held_only")
        pid = up.pids()["scheduler-3"]
        assert ask(target, {"service": "scheduler", "count": 2}) == {
            "service": "scheduler", "count": 2, "wanted": 2, "min": 2, "max": 6,
        }  # fmt: skip
        for run in runs:
            witness.tell(f"go-{run}")
        for run in runs:
            up.wait(run, "succeeded")
        wait_until(lambda: not process_tree.is_running(pid), 20, "the youngest did not go")
        up.all_ready(*HA)
        up.check_history(maker)


def ask(target, request):
    with socket.socket(socket.AF_UNIX) as there:
        there.connect(target)
        there.sendall(json.dumps(request).encode() + b"\n")
        with there.makefile() as file:
            return json.loads(file.readline())


def test_a_second_one_says_who_holds_the_folder_and_a_killed_one_leaves_nothing(home):
    maker = small_project(home)
    with standing(home, maker.folder, "split") as up:
        second = up.cli("up", str(maker.folder), "--topology", "single", "--port", "0")
        assert second.code == 1
        assert f"process {up.web_pid} (split, 127.0.0.1:{up.port})" in second.err
        run = up.run("held")
        Witness(maker.witness).wait_for_start(run, "held_only")
        below = psutil.Process(up.web_pid).children(recursive=True)
        assert len(below) > 5
        up.kill(up.web_pid)
        up.process.wait()
        _, alive = psutil.wait_procs(below, 20)
        assert alive == []
        # Without a word from anybody: the next start takes the folder, the data and the run.
        up.start()
        Witness(maker.witness).tell(f"go-{run}")
        up.wait(run, "succeeded")
        up.check_history(maker, run)


def test_a_second_ctrl_c_ends_at_once(home):
    maker = small_project(home)
    with standing(home, maker.folder, "split", environ={"PENSTOCK_DRAIN_SECONDS": "60"}) as up:
        run = up.run("held")
        Witness(maker.witness).wait_for_start(run, "held_only")
        up.kill(up.web_pid, signal.SIGINT)
        wait_until(lambda: "stopping" in {event["event"] for event in up.events()}, 10)
        assert up.process.poll() is None
        up.kill(up.web_pid, signal.SIGINT)
        assert up.process.wait(15) == 0
        up.assert_all_gone()


def test_as_somebody_who_is_not_root_from_another_folder_and_without_a_secret_in_sight(home):
    maker = small_project(home)
    private_state(home)
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    wrapper = as_nobody(home)
    with standing(home, maker.folder, "ha", wrapper=wrapper, environ={"HOME": str(elsewhere)}) as up:
        up.all_ready(*HA)
        up.wait(up.run("small"), "succeeded")
        settings = read_settings({**up.environment()}, project_dir=maker.folder)
        given = settings_of_up(settings)
        password = httpx.URL(given["DATABASE_URL"]).password
        secrets = [given["PENSTOCK_ENCRYPTION_KEY"], password, given["REDIS_URL"].rpartition("=")[2]]
        assert all(len(secret) > 20 for secret in secrets)
        everyone = {**up.pids(), "up": up.web_pid}
        assert len(everyone) == len(HA) + 1
        if can_read_environments():
            assert secrets_seen(everyone, secrets) == []
            # The search itself works.
            assert secrets_seen(everyone, [str(maker.folder)]) != []
        assert not any(secret in up.log.read_text() for secret in secrets)
        if os.geteuid() == 0:
            assert {psutil.Process(pid).uids().real for pid in up.pids().values()} != {0}


def test_other_databases_are_used_where_they_are_named(home, postgres_url, redis_url):
    maker = small_project(home)
    environ = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url}
    with standing(home, maker.folder, "ha", environ=environ) as up:
        up.all_ready("scheduler-1", "scheduler-2", "web-1", "web-2")
        up.wait(up.run("small"), "succeeded")
        assert not (maker.folder / ".penstock" / "postgres").exists()


def test_it_ends_and_names_the_holder_where_another_server_schedules(home):
    maker = small_project(home)
    with installed(home, maker.folder) as server:
        second = server.cli("up", str(maker.folder), "--port", "0")
        assert second.code == NOT_ALLOWED
        assert f"process {server.scheduler_pid}" in second.out


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        (("--topology", "single", "--schedulers", "2"), {}, "topology single has one scheduler"),
        (("--topology", "ha", "--web", "1"), {}, "ha needs at least 2"),
        (("--topology", "ha"), {"DATABASE_URL": "sqlite:////nowhere/x.db"}, "which SQLite is not for"),
        (("--topology", "split"), {"DATABASE_URL": "postgresql://a@127.0.0.1:1/b"}, "PENSTOCK_ENCRYPTION_KEY"),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(home, words, environ, said):
    maker = small_project(home)
    asked = Installation(home, maker.folder)
    answer = asked.cli("up", str(maker.folder), "--port", "0", *words, environ={**FAST, **environ})
    assert answer.code != 0
    assert said in answer.err
    assert "Traceback" not in answer.err
    asked.client.close()
