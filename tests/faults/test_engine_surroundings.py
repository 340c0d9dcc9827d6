"""What the engine stands on fails: its database goes and comes back, its disk is full. It says so, and goes on."""

from __future__ import annotations

import os
import sqlite3

import pytest

from support.installation import Installation, installed
from support.project_maker import ProjectMaker
from support.waiting import stays_so, wait_until
from support.witness import Witness

HELD = "wait_for('go-%s-%s' % (kwargs['pipeline_run_id'], kwargs['block_uuid']))\nvalue = kwargs['block_uuid']"
DISK_MIB = 24


def chain_project(home) -> ProjectMaker:
    maker = ProjectMaker(home)
    maker.pipeline("steps").block("a", HELD).block("b", HELD, ["a"]).block("c", HELD, ["b"]).write()
    maker.pipeline("small").block("only", "print('a word')\nvalue = 1").write()
    maker.pipeline("large").block("only", f"value = os.urandom({(DISK_MIB + 8) << 20})").write()
    maker.pipeline("filler").block(
        "fill",
        "path = os.environ['ROOM'] + '/filler'\n"
        "with open(path, 'wb', buffering=0) as file:\n"
        "    try:\n"
        "        while True:\n"
        "            file.write(bytes(65536))\n"
        "    except OSError:\n"
        "        pass\n"
        "tell('full')\n"
        "wait_for('empty')\n"
        "os.unlink(path)\n",
    ).write()
    return maker


def go(witness: Witness, run: str, *blocks: str) -> None:
    for block in blocks:
        witness.tell(f"go-{run}-{block}")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgres_stops_and_comes_back_during_a_run(tmp_path, durable_postgres, mode):
    maker = chain_project(tmp_path)
    witness = Witness(maker.witness)
    with installed(tmp_path, maker.folder, environ={"DATABASE_URL": durable_postgres.url()}) as penstock:
        scheduler = penstock.scheduler_pid
        run = penstock.run("steps")
        pid = witness.wait_for_start(run, "steps_a").pid
        durable_postgres.stop(mode)
        # The block ends while nobody can write it down: its word must not be lost, nor the block run again.
        go(witness, run, "steps_a")
        wait_until(lambda: not process_lives(pid), 10, "the block did not end")
        refused = penstock.ask("POST", "/pipelines/steps/runs", json={"variables": {}})
        assert refused.status_code in {500, 503}
        durable_postgres.start()
        go(witness, run, "steps_b", "steps_c")
        penstock.wait(run, "succeeded")
        attempts = penstock.block(run, "steps_a")["attempts"]
        assert attempts[-1]["status"] == "succeeded"
        if penstock.scheduler_pid == scheduler:
            # Nobody could take over meanwhile, so nothing was lost either.
            assert len(attempts) == 1
        penstock.check_history(maker)


def process_lives(pid: int) -> bool:
    from penstock import process_tree

    return process_tree.is_running(pid)


def test_a_writer_that_holds_sqlite_for_long_delays_and_breaks_nothing(tmp_path):
    maker = chain_project(tmp_path)
    witness = Witness(maker.witness)
    with installed(tmp_path, maker.folder) as penstock:
        run = penstock.run("steps")
        witness.wait_for_start(run, "steps_a")
        with sqlite3.connect(maker.folder / ".penstock" / "penstock.db", isolation_level=None) as connection:
            connection.execute("BEGIN IMMEDIATE")
            go(witness, run, "steps_a")
            stays_so(lambda: not witness.of(run, "start", "steps_b"), 3.0, "somebody wrote")
            connection.execute("ROLLBACK")
        connection.close()
        go(witness, run, "steps_b", "steps_c")
        penstock.wait(run, "succeeded")
        penstock.check_history(maker)


@pytest.fixture
def small_disk(tmp_path):
    """An installation whose data, but not its database, is on a tmpfs of its own, seen by its processes alone."""
    maker = chain_project(tmp_path)
    room = tmp_path / "room"
    room.mkdir()
    mount = f"mount -t tmpfs -o size={DISK_MIB}m tmpfs '{room}' && exec \"$@\""
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    made = Installation(
        tmp_path,
        maker.folder,
        environ={
            "PENSTOCK_DATA_DIR": str(room / "data"),
            "DATABASE_URL": f"sqlite:///{tmp_path / 'penstock.db'}",
            "ROOM": str(room),
            "PENSTOCK_BLOCK_ENV": "ROOM",
        },
        wrapper=[*namespace, "sh", "-c", mount, "sh"],
    )
    try:
        yield maker, made.start()
        made.stop()
    finally:
        made.destroy()


def test_an_output_larger_than_the_disk_fails_its_pipeline_alone(small_disk):
    maker, penstock = small_disk
    scheduler = penstock.scheduler_pid
    large = penstock.run("large")
    penstock.wait(large, "failed")
    said = penstock.errors(large)["large_only"]
    assert "space" in said["message"].lower(), said
    small = penstock.run("small")
    penstock.wait(small, "succeeded")
    assert "a word" in penstock.log_text(small)
    assert penstock.scheduler_pid == scheduler
    # What the failed attempt had written is gone: the same again fits, or fails, as it did.
    penstock.wait(penstock.run("large"), "failed")
    penstock.wait(penstock.run("small"), "succeeded")
    penstock.check_history(maker)


def test_while_the_disk_is_full_runs_end_and_afterwards_all_is_well(small_disk):
    maker, penstock = small_disk
    witness = Witness(maker.witness)
    scheduler = penstock.scheduler_pid
    filler = penstock.run("filler")
    witness.read("full")
    during = penstock.run("small")
    penstock.wait(during)
    witness.tell("empty")
    penstock.wait(filler, "succeeded")
    after = penstock.run("small")
    penstock.wait(after, "succeeded")
    assert "a word" in penstock.log_text(after)
    assert penstock.scheduler_pid == scheduler
    penstock.check_history(maker)
