"""The database restarts, or dies and its standby takes over, while three schedulers are at work: all runs end right."""

from __future__ import annotations

import os
import time

import pytest

from support.databases import _numbers, folder_of, migrate
from support.postgres_pair import Address, postgres_pair
from support.project_maker import ProjectMaker
from support.several import several
from support.waiting import wait_until
from support.witness import Witness

HELD = "wait_for('go-' + kwargs['pipeline_run_id'])\nvalue = 1"
PARTS = ["part0", "part1", "part2", "part3"]
SHORT_RUNS = 12
# Longer than the database is away: nobody is declared dead meanwhile, so nothing needs to run twice.
PATIENT = {"PENSTOCK_MEMBER_LEASE_SECONDS": "30", "PENSTOCK_MEMBER_HEARTBEAT_SECONDS": "1", "PENSTOCK_SLOTS": "4"}


@pytest.fixture
def maker(tmp_path):
    maker = ProjectMaker(tmp_path)
    wide = maker.pipeline("wide")
    for name in PARTS:
        wide.block(name, HELD)
    wide.block("sum", "value = sum(args)", PARTS).write()
    maker.pipeline("short").chain(["a", "b", "c"], "time.sleep(0.2)\nvalue = 1").write()
    return maker


@pytest.fixture
def pair(pytestconfig):
    with postgres_pair(folder_of(pytestconfig), f"pair-{os.getpid()}-{next(_numbers)}") as made:
        migrate(made.primary.url())
        yield made


@pytest.fixture
def address():
    """An address that leads nowhere yet."""
    made = []

    def make(target):
        made.append(Address(target))
        return made[-1]

    yield make
    for one in made:
        one.close()


def begin(fleet, witness):
    """Bring a fleet into the midst of its work; return all its runs, the one that is held first."""
    held = fleet.run("wide")
    wait_until(lambda: len(witness.of(held)) == len(PARTS), 30, "not all parts began")
    short = [fleet.run("short") for _ in range(SHORT_RUNS)]
    wait_until(lambda: any(witness.of(run) for run in short), 30, "the short runs do not begin")
    return [held, *short]


def check(fleet, maker, runs):
    """All ended right, and the code of each attempt began once."""
    for run in runs:
        fleet.wait(run, "succeeded")
    fleet.check_history(maker, *runs)
    starts = [word.attempt for run in runs for word in Witness(maker.witness).of(run)]
    assert len(starts) == len(set(starts))
    rows = [attempt for run in runs for row in fleet.blocks(run) for attempt in row["attempts"]]
    # Only the repeat of a claim whose answer was lost may cost an attempt, and never one whose code had begun.
    assert set(starts) <= {attempt["id"] for attempt in rows}
    assert not {one["id"] for one in rows if one["status"] == "lost"} & set(starts)
    assert all(one.poll() is None for one in fleet.schedulers)


def test_a_restart_during_runs(maker, durable_postgres, redis_url):
    witness = Witness(maker.witness)
    environ = {**PATIENT, "DATABASE_URL": durable_postgres.url(), "REDIS_URL": redis_url}
    with several(maker.folder.parent, maker.folder, environ=environ) as fleet:
        runs = begin(fleet, witness)
        for mode in ("immediate", "kill", "fast"):
            durable_postgres.stop(mode)
            durable_postgres.start()
        witness.tell(f"go-{runs[0]}")
        check(fleet, maker, runs)


@pytest.mark.parametrize("way", ["one address that moves", "both hosts in the URL"])
def test_a_standby_takes_over_during_runs(maker, pair, address, redis_url, way):
    witness = Witness(maker.witness)
    first = address(pair.primary.folder)
    hosts = f"127.0.0.1:{first.port}"
    if way == "both hosts in the URL":
        hosts += f",127.0.0.1:{address(pair.standby.folder).port}"
    url = f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"
    with several(
        maker.folder.parent, maker.folder, environ={**PATIENT, "DATABASE_URL": url, "REDIS_URL": redis_url}
    ) as fleet:
        runs = begin(fleet, witness)
        died = time.monotonic()
        pair.fail_over()
        first.lead_to(pair.standby.folder if way == "one address that moves" else None)
        later = wait_until(lambda: started(fleet), 30, "no run can be started after the failover")
        print(f"from the death of the primary to the next accepted run: {time.monotonic() - died:.2f} s")
        witness.tell(f"go-{runs[0]}")
        check(fleet, maker, [*runs, later])


def started(fleet):
    found = fleet.ask("POST", "/pipelines/short/runs", json={"variables": {}})
    return found.json()["id"] if found.is_success else None
