"""`penstock up --topology autoscale`: a load comes, schedulers follow; it goes, they go, and no attempt is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from penstock import process_tree
from support.installation import PENSTOCK, Installation, short_folder
from support.project_maker import ProjectMaker
from support.waiting import wait_until

QUICK = {
    "PENSTOCK_SCALER_LOOK_SECONDS": "0.5",
    "PENSTOCK_SCALER_DELAY_SECONDS": "1",
    "PENSTOCK_SCALER_COOLDOWN_UP_SECONDS": "1",
    "PENSTOCK_SCALER_COOLDOWN_DOWN_SECONDS": "4",
    "PENSTOCK_SLOTS": "2",
    "PENSTOCK_DRAIN_SECONDS": "20",
}
RUNS, BLOCKS, BLOCK_SECONDS = 6, 6, 2.0
PATIENCE = 90.0


class Fleet(Installation):
    """One that `penstock up` keeps."""

    def launch(self) -> subprocess.Popen[bytes]:
        words = ["up", str(self.project), "--topology", "autoscale", "--json", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [PENSTOCK, *words],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.home,
            )
        return self.process

    @property
    def cluster(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/cluster", decisions=500)
        return found

    @property
    def decider(self) -> int | None:
        """The process id of the web server that sets the number of schedulers."""
        found = [lease["holder"] for lease in self.cluster["leases"] if lease["name"] == "scaler"]
        return int(found[0].split(":")[1]) if found else None

    @property
    def working(self) -> int:
        return len([one for one in self.cluster["schedulers"] if not one["standby"]])


@contextmanager
def fleet(database_url: str, **environ: str) -> Iterator[tuple[Fleet, ProjectMaker]]:
    with short_folder() as home:
        maker = ProjectMaker(home)
        wide = maker.pipeline("wide")
        for index in range(BLOCKS):
            wide.block(f"part_{index}", f"time.sleep({BLOCK_SECONDS})\nvalue = {index}")
        wide.write()
        made = Fleet(Path(home), maker.folder, {**QUICK, "DATABASE_URL": database_url, **environ})
        try:
            yield made.start(), maker
            made.stop()
        finally:
            made.destroy()


def changes(cluster: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return what was set, oldest first: (before, wanted)."""
    return [(one["before"], one["wanted"]) for one in reversed(cluster["scaling"]) if one["applied"]]


@pytest.mark.timeout(300)
def test_a_load_is_followed_up_and_down_and_nothing_is_lost(empty_postgres_url: str):
    with fleet(empty_postgres_url) as (house, maker):
        wait_until(lambda: house.cluster["scaler"] is not None, PATIENCE, house.said)
        least = house.cluster["scaler"]["min"]
        most = house.cluster["scaler"]["max"]
        assert house.cluster["scaler"]["target_supported"] is True
        runs = [house.run("wide") for _ in range(RUNS)]
        wait_until(lambda: house.working > least, PATIENCE, lambda: f"{house.cluster['scaling'][:5]}\n{house.said()}")
        for run in runs:
            house.wait(run, "succeeded", PATIENCE)
        wait_until(lambda: house.working == least, PATIENCE, lambda: f"{house.cluster['scaling'][:5]}\n{house.said()}")

        made = changes(house.cluster)
        grown = [pair for pair in made if pair[1] > pair[0]]
        shrunk = [pair for pair in made if pair[1] < pair[0]]
        assert grown
        assert all(before - wanted == 1 for before, wanted in shrunk)
        assert made == grown + shrunk, "it turned round once"
        assert max(wanted for _, wanted in grown) <= most
        lost = [
            (attempt["exit_reason"], block["block"])
            for run in runs
            for block in house.blocks(run)
            for attempt in block["attempts"]
            if attempt["status"] != "succeeded"
        ]
        assert lost == []
        house.check_history(maker, *runs)


@pytest.mark.timeout(200)
def test_a_dry_run_says_and_sets_nothing(empty_postgres_url: str):
    with fleet(empty_postgres_url, PENSTOCK_SCALER_DRY_RUN="on") as (house, _):
        least = wait_until(lambda: (house.cluster["scaler"] or {}).get("min"), PATIENCE, house.said)
        run = [house.run("wide") for _ in range(3)][-1]
        wait_until(lambda: house.cluster["scaler"]["wanted"] > least, PATIENCE, house.said)
        house.wait(run, "succeeded", PATIENCE)
        cluster = house.cluster
        assert cluster["scaler"]["dry_run"] is True
        assert changes(cluster) == []
        assert {one["before"] for one in cluster["scaling"]} == {least}


@pytest.mark.timeout(200)
def test_after_the_one_that_decides_is_killed_another_follows_the_load(empty_postgres_url: str):
    with fleet(empty_postgres_url) as (house, _):
        holder = wait_until(lambda: house.decider, PATIENCE, house.said)
        least = house.cluster["scaler"]["min"]
        house.kill(holder)
        wait_until(lambda: not process_tree.is_running(holder), PATIENCE)
        run = [house.run("wide") for _ in range(4)][-1]
        wait_until(lambda: house.decider not in (None, holder), PATIENCE, house.said)
        wait_until(lambda: house.working > least, PATIENCE, lambda: f"{house.cluster['scaling'][:5]}\n{house.said()}")
        house.wait(run, "succeeded", PATIENCE)
