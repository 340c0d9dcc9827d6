"""Two `penstock start` on one project: one schedules; the other waits, takes over, or says why it ends."""

from __future__ import annotations

import signal

import pytest

from penstock import process_tree
from support.installation import Installation, installed
from support.project_maker import ProjectMaker
from support.waiting import stays_so, wait_until
from support.witness import Witness

NOT_ALLOWED = 75
HELD = "wait_for('go-' + kwargs['pipeline_run_id'])\nvalue = 5"


@pytest.fixture
def maker(tmp_path):
    maker = ProjectMaker(tmp_path)
    maker.pipeline("held").block("only", HELD).block("after", "value = args[0] + 1", ["only"]).write()
    return maker


@pytest.fixture
def penstock(maker):
    with installed(maker.folder.parent, maker.folder) as running:
        yield running


def second(penstock: Installation, **environ: str) -> Installation:
    """Another server on the same project, with a port and a log of its own."""
    other = Installation(penstock.home, penstock.project, environ={**penstock.environ, **environ})
    other.log = penstock.home / "second.log"
    other.key = penstock.key
    other.client.headers["Authorization"] = f"Bearer {penstock.key}"
    return other


def test_the_second_ends_with_an_error_that_names_the_holder_and_the_way_out(penstock, maker):
    holder = penstock.scheduler_pid
    other = second(penstock)
    process = other.launch()
    assert process.wait(30) == NOT_ALLOWED
    said = other.said()
    assert str(holder) in said
    assert "REDIS_URL" in said
    assert "standby" in said
    run = penstock.run("held")
    Witness(maker.witness).tell(f"go-{run}")
    penstock.wait(run, "succeeded")
    assert penstock.scheduler_pid == holder
    other.client.close()


def test_the_same_port_is_refused_before_anything_starts(penstock):
    other = second(penstock)
    other.port = penstock.port
    assert other.launch().wait(30) not in {0, NOT_ALLOWED}
    assert str(penstock.port) in other.said()
    assert "--port" in other.said()
    other.client.close()


def test_a_standby_shows_itself_and_takes_over_when_the_first_stops(penstock, maker):
    other = second(penstock, PENSTOCK_STANDBY_SECONDS="60")
    try:
        other.start()
        shown = wait_until(
            lambda: [one for one in other.get("/cluster")["schedulers"] if one["standby"]], 20, "no standby is shown"
        )
        assert len(shown) == 1
        assert other.mine(shown[0]["pid"])
        penstock.end()
        run = other.run("held")
        Witness(maker.witness).tell(f"go-{run}")
        other.wait(run, "succeeded")
        other.check_history(maker)
        other.stop()
    finally:
        other.destroy()


def test_a_frozen_scheduler_is_replaced_and_fenced_when_it_wakes(penstock, maker):
    witness = Witness(maker.witness)
    other = second(penstock, PENSTOCK_STANDBY_SECONDS="60")
    try:
        other.start()
        frozen = penstock.scheduler_pid
        run = penstock.run("held")
        first = witness.wait_for_start(run, "held_only")
        penstock.kill(frozen, signal.SIGSTOP)
        later = witness.wait_for_start(run, "held_only", 2)
        assert later.attempt != first.attempt
        witness.tell(f"go-{run}")
        other.wait(run, "succeeded")
        rows = other.block(run, "held_only")["attempts"]
        assert [one["status"] for one in rows] == ["lost", "succeeded"]
        penstock.kill(frozen, signal.SIGCONT)
        wait_until(lambda: not process_tree.is_running(frozen), 20, "a scheduler whose term is over goes on")
        assert other.block(run, "held_only")["attempts"] == rows
        other.check_history(maker, run, beside=True)
        # The first server's scheduler starts again, as a standby of the second's.
        wait_until(lambda: len(other.get("/cluster")["schedulers"]) == 2, 20, "the fenced one did not come back")
        penstock.end()
        other.stop()
    finally:
        other.destroy()


def test_a_stopping_server_lets_its_blocks_finish_for_longer_than_a_lease(maker):
    """SIGTERM drains: the block gets PENSTOCK_DRAIN_SECONDS, its word counts, and the next server goes on."""
    witness = Witness(maker.witness)
    penstock = Installation(maker.folder.parent, maker.folder, environ={"PENSTOCK_DRAIN_SECONDS": "25"})
    try:
        penstock.start()
        run = penstock.run("held")
        witness.wait_for_start(run, "held_only")
        scheduler = penstock.scheduler_pid
        penstock.kill(penstock.web_pid, signal.SIGTERM)
        # Twice the lease: a scheduler that did not say that it lives would be taken for dead by now.
        stays_so(lambda: process_tree.is_running(scheduler), 4.0, "it did not wait for its block")
        witness.tell(f"go-{run}")
        penstock.stop()
        penstock.start()
        penstock.wait(run, "succeeded")
        assert [one["status"] for one in penstock.block(run, "held_only")["attempts"]] == ["succeeded"]
        penstock.check_history(maker)
        penstock.stop()
    finally:
        penstock.destroy()


def test_a_stopping_server_ends_what_does_not_finish_as_drained(maker):
    witness = Witness(maker.witness)
    penstock = Installation(maker.folder.parent, maker.folder, environ={"PENSTOCK_DRAIN_SECONDS": "0.3"})
    try:
        penstock.start()
        run = penstock.run("held")
        witness.wait_for_start(run, "held_only")
        penstock.stop()
        penstock.start()
        witness.tell(f"go-{run}")
        penstock.wait(run, "succeeded")
        attempts = penstock.block(run, "held_only")["attempts"]
        assert [one["exit_reason"] for one in attempts] == ["drained", "success"]
        assert penstock.block(run, "held_only")["failures"] == 0
        penstock.check_history(maker)
        penstock.stop()
    finally:
        penstock.destroy()
