"""The life of a run as a person sees it: start, repeat, cancel, retry, defer, limit, time out; on small projects."""

from __future__ import annotations

import itertools
import json

import httpx
import pytest

from support.installation import Installation, installed
from support.project_maker import ProjectMaker
from support.waiting import stays_so, wait_until
from support.witness import Witness


def make_project(home) -> ProjectMaker:
    maker = ProjectMaker(home)
    maker.pipeline("plain").chain(["a", "b", "c"]).write()
    maker.pipeline("echo", variables={"word": "from the pipeline", "number": 3}).block(
        "say", "value = {'word': kwargs['word'], 'number': kwargs['number']}"
    ).write()
    maker.pipeline("held").block("wait", "tell('held-' + kwargs['pipeline_run_id'])\nwait_for('never', 100)").block(
        "after", "", ["wait"]
    ).write()
    maker.pipeline("mended").block("first", "value = 1").block("second", "raise ValueError('broken')", ["first"]).block(
        "third", "value = args[0] + 1", ["second"]
    ).write()
    maker.pipeline("again").block(
        "flaky",
        "tries = sum(told('flaky-%d' % i) for i in range(9))\ntell('flaky-%d' % tries)\n"
        "if tries < 2:\n    raise RuntimeError('try %d' % tries)\nvalue = tries",
        retry_config={"retries": 3, "delay": 0.4, "exponential_backoff": True},
    ).write()
    maker.pipeline("slow").block("sleeper", "wait_for('never', 100)", timeout=1).write()
    maker.pipeline("narrow", concurrency_config={"block_run_limit": 2}).block("a", BUSY).block("b", BUSY).block(
        "c", BUSY
    ).block("d", BUSY).block("e", BUSY).write()
    maker.pipeline(
        "one_at_a_time", concurrency_config={"pipeline_run_limit": 1, "on_pipeline_run_limit_reached": "wait"}
    ).block("only", "tell('one-' + kwargs['pipeline_run_id'])\nwait_for('go-' + kwargs['pipeline_run_id'])").write()
    maker.pipeline(
        "one_or_none", concurrency_config={"pipeline_run_limit": 1, "on_pipeline_run_limit_reached": "skip"}
    ).block("only", "wait_for('go-' + kwargs['pipeline_run_id'])").write()
    maker.pipeline("sensed").block(
        "look", "tell('asked-%d' % os.getpid())\nvalue = told('open')", type="sensor", configuration={"poll_seconds": 1}
    ).block("after", "value = 'went on'", ["look"]).write()
    maker.pipeline("chatty").block(
        "talk", "print('first', flush=True)\nwait_for('talk-on')\nkwargs['logger'].warning('second')"
    ).write()
    maker.pipeline("ticking").block("tick", "value = kwargs['execution_date'].isoformat()").write().triggers(
        {
            "name": "every second",
            "pipeline_uuid": "ticking",
            "schedule_type": "time",
            "status": "active",
            "settings": {"interval_seconds": 1},
        }
    )
    return maker


BUSY = "tell('busy-' + kwargs['block_uuid'])\nwait_for('go-busy')"


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("life"))


@pytest.fixture(scope="module")
def penstock(maker):
    with installed(maker.folder.parent, maker.folder, environ={"PENSTOCK_SLOTS": "8"}) as running:
        yield running


@pytest.fixture
def witness(maker):
    return Witness(maker.witness)


def test_a_run_succeeds_and_its_history_holds(penstock: Installation, maker):
    run = penstock.run("plain")
    ended = penstock.wait(run, "succeeded")
    assert ended["blocks_by_status"] == {"succeeded": 3}
    assert ended["started_at"] <= ended["ended_at"]
    assert penstock.output(run, "plain_c") == "plain_c"
    penstock.check_history(maker, run)


def test_variables_of_the_run_win_over_the_pipelines(penstock: Installation):
    run = penstock.run("echo", {"word": "from the run"})
    penstock.wait(run, "succeeded")
    assert penstock.output(run, "echo_say") == {"word": "from the run", "number": 3}


def test_an_unknown_pipeline_is_a_404_that_names_it(penstock: Installation):
    found = penstock.ask("POST", "/pipelines/nowhere/runs", json={"variables": {}})
    assert found.status_code == httpx.codes.NOT_FOUND
    assert "nowhere" in found.json()["detail"]


def test_an_unknown_variable_reaches_the_block_as_a_keyword(penstock: Installation):
    run = penstock.run("echo", {"unknown": [1, {"deep": None}]})
    found = penstock.wait(run, "succeeded")
    assert found["variables"]["unknown"] == [1, {"deep": None}]


def test_the_same_idempotency_key_is_the_same_run_and_another_body_a_conflict(penstock: Installation):
    first = penstock.run("echo", {"word": "a"}, idempotency_key="key-1")
    assert penstock.run("echo", {"word": "a"}, idempotency_key="key-1") == first
    other = penstock.ask("POST", "/pipelines/echo/runs", json={"variables": {"word": "b"}, "idempotency_key": "key-1"})
    assert other.status_code == httpx.codes.CONFLICT
    penstock.wait(first, "succeeded")
    assert len([one for one in penstock.get("/runs", pipeline="echo")["items"] if one["id"] == first]) == 1


def test_a_cancelled_run_ends_its_blocks_and_starts_no_other(penstock: Installation, maker, witness):
    run = penstock.run("held")
    pid = witness.wait_for_start(run, "held_wait").pid
    assert penstock.post(f"/runs/{run}/cancel")["cancel_requested_at"]
    penstock.wait(run, "cancelled")
    assert {one["block"]: one["status"] for one in penstock.blocks(run)} == {
        "held_wait": "cancelled",
        "held_after": "cancelled",
    }
    assert penstock.block(run, "held_wait")["attempts"][0]["exit_reason"] == "cancelled"
    assert not process_lives(pid)
    penstock.check_history(maker, run)
    assert penstock.ask("POST", f"/runs/{run}/cancel").status_code == httpx.codes.CONFLICT


def process_lives(pid: int) -> bool:
    from penstock import process_tree

    return process_tree.is_running(pid)


def test_break_mend_retry_on_the_current_and_on_the_pinned_code(penstock: Installation, maker):
    run = penstock.run("mended")
    old = penstock.wait(run, "failed")
    assert penstock.errors(run)["mended_second"]["message"] == "broken"
    assert penstock.block(run, "mended_third")["status"] == "upstream_failed"

    maker.write_block("mended_second", "value = args[0] + 10")
    wait_until(lambda: penstock.get("/pipelines/mended")["bundle"] != old["bundle"], 20, "the mended code is not seen")

    pinned = penstock.post(f"/runs/{run}/retry", {"scope": "failed", "code": "pinned"})
    assert (pinned["epoch"], pinned["bundle"]) == (2, old["bundle"])
    penstock.wait(run, "failed")
    assert penstock.errors(run)["mended_second"]["message"] == "broken"

    current = penstock.post(f"/runs/{run}/retry", {"scope": "failed", "code": "current"})
    assert current["epoch"] == 3
    assert penstock.wait(run, "succeeded")["bundle"] != old["bundle"]
    assert penstock.output(run, "mended_third") == 12
    assert [a["number"] for a in penstock.block(run, "mended_second")["attempts"]] == [1, 2, 3]
    assert len(penstock.block(run, "mended_first")["attempts"]) == 1
    penstock.check_history(maker, run)


def test_retries_wait_longer_each_time_and_then_succeed(penstock: Installation, maker):
    run = penstock.run("again")
    penstock.wait(run, "succeeded")
    attempts = penstock.block(run, "again_flaky")["attempts"]
    assert [one["exit_reason"] for one in attempts] == ["error", "error", "success"]
    first, second = (gap_between(*pair) for pair in itertools.pairwise(attempts))
    assert first >= 0.4
    assert second >= 0.8
    penstock.check_history(maker, run)


def gap_between(before, after) -> float:
    from support.witness import seconds

    return seconds(after["started_at"]) - seconds(before["ended_at"])


def test_a_timeout_ends_the_block_and_says_so(penstock: Installation, maker, witness):
    run = penstock.run("slow")
    penstock.wait(run, "failed")
    (attempt,) = penstock.block(run, "slow_sleeper")["attempts"]
    assert attempt["exit_reason"] == "timeout"
    assert not process_lives(witness.of(run)[0].pid)
    penstock.check_history(maker, run)


def test_a_block_limit_holds_the_others_back(penstock: Installation, maker, witness):
    run = penstock.run("narrow")
    wait_until(lambda: len(witness.of(run)) == 2, 20, "two never began")
    stays_so(lambda: len(witness.of(run)) == 2, 1.0, "more than two ran at once")
    witness.tell("go-busy")
    penstock.wait(run, "succeeded")
    penstock.check_history(maker, run)


def test_a_run_limit_makes_the_next_run_wait(penstock: Installation, maker, witness):
    first, second = penstock.run("one_at_a_time"), penstock.run("one_at_a_time")
    witness.wait_for_start(first, "one_at_a_time_only")
    stays_so(lambda: penstock.get(f"/runs/{second}")["held"], 0.7, "the second run is not held back")
    assert witness.of(second) == []
    witness.tell(f"go-{first}")
    witness.wait_for_start(second, "one_at_a_time_only")
    witness.tell(f"go-{second}")
    penstock.wait(second, "succeeded")
    penstock.check_history(maker, first, second)


def test_a_run_limit_with_skip_refuses_the_next_run(penstock: Installation, witness):
    first = penstock.run("one_or_none")
    witness.wait_for_start(first, "one_or_none_only")
    refused = penstock.ask("POST", "/pipelines/one_or_none/runs", json={"variables": {}})
    assert refused.status_code == httpx.codes.CONFLICT
    witness.tell(f"go-{first}")
    penstock.wait(first, "succeeded")


def test_a_sensor_waits_as_a_row_and_holds_no_process(penstock: Installation, maker, witness):
    run = penstock.run("sensed")
    wait_until(lambda: penstock.block(run, "sensed_look")["status"] == "deferred", 20, "it did not defer")
    pid = witness.of(run)[-1].pid
    wait_until(lambda: not process_lives(pid), 5, "the sensor's process is still there")
    assert penstock.status(run) == "running"
    witness.tell("open")
    penstock.wait(run, "succeeded")
    attempts = penstock.block(run, "sensed_look")["attempts"]
    assert [one["status"] for one in attempts][-2:] == ["deferred", "succeeded"]
    assert penstock.output(run, "sensed_after") == "went on"
    penstock.check_history(maker, run)


def test_logs_can_be_followed_while_the_block_runs(penstock: Installation, witness):
    run = penstock.run("chatty")
    events: list[tuple[str, str]] = []
    with penstock.client.stream("GET", f"/runs/{run}/logs", params={"follow": "true"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in stream.iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                events.append((name, value))
                if "first" in value and not (witness.folder / "talk-on").exists():
                    witness.tell("talk-on")
            if name == "end" and field == "data":
                break
    lines = [line for name, value in events if name == "lines" for line in json.loads(value)]
    by_text = {line["message"]: line["level"] for line in lines}
    assert by_text["first"] == "INFO"
    assert by_text["second"] == "WARNING"
    assert json.loads(events[-1][1]) == {"status": "succeeded"}


def test_a_schedule_of_triggers_yaml_fires_by_itself_once_each_tick(penstock: Installation):
    def fired():
        return [
            one for one in penstock.get("/runs", pipeline="ticking", limit=200)["items"] if one["status"] == "succeeded"
        ]

    runs = wait_until(lambda: len(fired()) >= 3 and fired(), 30, "the schedule did not fire three times")
    ticks = [one["logical_at"] for one in runs]
    assert len(set(ticks)) == len(ticks)
    assert all(one["trigger"]["name"] == "every second" for one in runs)
    assert penstock.output(runs[0]["id"], "ticking_tick").startswith(runs[0]["logical_at"][:19])


def test_the_whole_history_of_this_server_holds(penstock: Installation, maker):
    wait_until(lambda: all(one["status"] in {"succeeded", "failed", "cancelled"} for one in others(penstock)), 30)
    penstock.check_history(maker, *[one["id"] for one in others(penstock)])


def others(penstock):
    return [one for one in penstock.get("/runs", limit=200)["items"] if one["pipeline"] != "ticking"]
