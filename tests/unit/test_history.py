"""What the history policy lets go, on stores in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from penstock_runtime.domain.ids import made_at, new_id
from penstock_runtime.domain.runs import Run, RunStatus
from penstock_runtime.ports.log_store import LogKey
from penstock_runtime.runs.history import BATCH, HistoryParts, HistoryPolicy, Pruned, prune, sweep
from penstock_runtime.storage.memory_artifacts import InMemoryArtifactStore
from penstock_runtime.storage.memory_logs import InMemoryLogStore
from penstock_runtime.testing.memory_run_store import InMemoryRunStore

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class History:
    """Stores with runs of chosen ages."""

    def __init__(self) -> None:
        self.removed: list[str] = []
        self.parts = HistoryParts(
            InMemoryRunStore(),
            InMemoryArtifactStore(),
            InMemoryLogStore(),
            self.removed.extend,
        )

    def run(self, days_ago: float, pipeline: str = "p", *, ended: bool = True, bundle: str = "b") -> str:
        at = NOW - DAY * days_ago
        run = Run(
            id=new_id(),
            pipeline=pipeline,
            status=RunStatus.SUCCEEDED if ended else RunStatus.RUNNING,
            epoch=1,
            bundle=bundle,
            created_at=at,
            ended_at=at if ended else None,
        )
        with self.parts.store.transaction() as tx:
            tx.insert_run(run)
        self.files(run.id)
        return run.id

    def files(self, run_id: str) -> None:
        self.parts.artifacts.put_bytes(f"runs/{run_id}/load/0/1/out", b"1")
        self.parts.logs.append(LogKey(run_id, "load", None, 1), b"{}\n")

    def prune(self, days: float = 30, keep: int = 0) -> Pruned:
        return list(prune(self.parts, HistoryPolicy(days, keep), NOW))[-1]

    def left(self) -> tuple[set[str], set[str], set[str]]:
        """Runs by their rows, outputs and logs."""
        with self.parts.store.transaction(read_only=True) as tx:
            from penstock_runtime.ports.run_store import RunFilter

            rows = {run.id for run in tx.runs(RunFilter(), 1000).items}
        return rows, set(self.parts.artifacts.folders("runs/")), set(self.parts.logs.run_ids())


@pytest.fixture
def history() -> History:
    return History()


def test_a_run_goes_with_its_outputs_and_logs(history: History):
    history.run(31)
    stays = history.run(29)
    assert history.prune().runs == 1
    assert history.left() == ({stays}, {stays}, {stays})


def test_what_has_not_ended_stays_however_old(history: History):
    stays = history.run(400, ended=False)
    assert history.prune().runs == 0
    assert history.left()[0] == {stays}


def test_the_newest_of_each_pipeline_stay(history: History):
    for pipeline in "ab":
        for age in (50, 60, 70):
            history.run(age, pipeline)
    alone = history.run(300, "c")
    assert history.prune(keep=2).runs == 2
    rows = history.left()[0]
    assert len(rows) == 5
    assert alone in rows


def test_runs_behind_those_that_stay_are_reached(history: History):
    for _ in range(BATCH + 5):
        history.run(90, "kept")
    gone = [history.run(80 - number / 100, "busy") for number in range(2 * BATCH)]
    for _ in range(3):
        history.run(1, "busy")
    assert history.prune(keep=BATCH + 5).runs == len(gone) + 3 - (BATCH + 5)


def test_unlimited_keeps_everything(history: History):
    history.run(4000)
    assert list(prune(history.parts, HistoryPolicy(float("inf"), 0), NOW)) == []
    assert len(history.left()[0]) == 1


def test_it_can_be_left_after_any_step_and_goes_on(history: History):
    for _ in range(3 * BATCH):
        history.run(60)
    steps = prune(history.parts, HistoryPolicy(30, 0), NOW)
    assert next(steps).runs == BATCH
    steps.close()
    assert history.prune().runs == 2 * BATCH
    assert history.left() == (set(), set(), set())


def test_code_that_no_run_names_goes_but_never_the_newest(history: History):
    with history.parts.store.transaction() as tx:
        for digest, age in (("old", 90), ("used", 80), ("fresh", 1), ("newest", 50)):
            tx.publish_code_version(digest, NOW - DAY * age)
    history.run(1, bundle="used")
    assert history.prune().bundles == 1
    assert history.removed == ["old"]
    with history.parts.store.transaction() as tx:
        assert tx.unused_bundles(NOW - 30 * DAY) == []
        newest = tx.newest_code_version()
        assert newest is not None
        assert (newest.digest, newest.number) == ("newest", 4)


def test_files_without_a_row_go_after_a_day(history: History):
    known = history.run(0)
    orphan = new_id()
    history.files(orphan)
    born = made_at(orphan)
    assert born is not None
    list(sweep(history.parts, made_at, born + DAY / 2))
    assert history.left()[1] == {known, orphan}
    history.files("not-one-of-ours")
    done = list(sweep(history.parts, made_at, born + 2 * DAY))
    assert done[-1].orphans == 1
    assert history.left()[1:] == ({known, "not-one-of-ours"}, {known, "not-one-of-ours"})


def test_an_id_tells_when_it_was_made():
    before = datetime.now(UTC)
    at = made_at(new_id())
    assert at is not None
    assert abs(at - before) < timedelta(seconds=5)
    assert made_at("4dbb7a0e-4b0a-4b1e-9a43-0d5c5f6f1a11") is None
    assert made_at("runs") is None
