"""The connection is lost at each statement of a run's life in turn, before it and after it: the run ends as it should.

The life is the whole of it: creation by a caller who tries again with the same key, claims, starts, endings, passes of
the scheduler and heartbeats, on a real Postgres; only what runs blocks is in memory.
"""

from __future__ import annotations

from collections import Counter

import pytest

from penstock_runtime.domain.blocks import ExecutorType, RetryPolicy
from penstock_runtime.domain.errors import StoreContention, StoreUnavailable
from penstock_runtime.domain.runs import RUN_ENDED, RunStatus
from penstock_runtime.executors.in_memory import InMemoryExecutor
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.ports.environments import EnvironmentRef
from penstock_runtime.runs.create import CreateRun, create_run
from penstock_runtime.runs.membership import Membership
from penstock_runtime.runs.services import RunServices
from penstock_runtime.scheduler.loop import Scheduler
from penstock_runtime.storage.memory_artifacts import InMemoryArtifactStore
from penstock_runtime.storage.memory_logs import InMemoryLogStore
from penstock_runtime.testing.clock import FakeClock
from penstock_runtime.testing.memory_wakeups import Board, InMemoryWakeups
from penstock_runtime.worker.environment_gate import EnvironmentGate
from penstock_runtime.worker.loop import Worker
from penstock_runtime.worker.parts import WorkerParts
from support.cut_connections import Cutter, open_to_be_cut
from support.engine_rig import BUNDLE, Plans, plan_of

POLL = 0.05
MOST_STEPS = 400
PLAN = plan_of({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, blocks={"b": {"retry": RetryPolicy(1, 0.1)}})


class Life:
    """One run, from its creation to its end, with a worker and a scheduler of its own."""

    def __init__(self, store, cutter, tmp_path, name) -> None:
        self.store, self.cutter, self.name = store, cutter, name
        self.clock = FakeClock()
        self.started: Counter[str] = Counter()
        self.blocks: Counter[str] = Counter()
        plans = Plans({(BUNDLE, "p"): PLAN})
        self.services = RunServices(store, plans, self.clock, InMemoryWakeups(Board()))
        with store.transaction() as tx:
            if tx.newest_code_version() is None:
                tx.publish_code_version(BUNDLE, self.clock.now())
        self.membership = Membership(self.services, "scheduler", 10.0)
        executor = InMemoryExecutor(self.program, None, InMemoryLogStore(), self.clock.now)
        environment = EnvironmentRef("own", "python", "sdk")
        gate = EnvironmentGate(lambda _bundle, _line: environment, lambda: None)
        gate.wait(BUNDLE, 10)
        self.worker = Worker(
            WorkerParts(
                services=self.services,
                membership=self.membership,
                executors={ExecutorType.LOCAL_PYTHON: executor},
                artifacts=InMemoryArtifactStore(),
                logs=InMemoryLogStore(),
                environments=gate,
                bundle_dir=lambda _bundle: tmp_path,
                project_dir=tmp_path,
                staging_root=tmp_path / "staging",
                render_sql=lambda *_: (None, None),
                slots=4,
                poll_seconds=POLL,
            )
        )
        self.scheduler = Scheduler(self.services, POLL, lambda: None)

    def program(self, living):
        """The code of every block; b fails at its first attempt."""
        block = living.work.payload["block"]["slug"]
        if living.step == 1:
            self.started[living.work.attempt_id] += 1
            self.blocks[block] += 1
        if block == "b" and self.blocks["b"] == 1:
            raise ValueError("once")
        return {"status": "succeeded", "outputs": [], "fan_out": None, "tests": []}

    def create(self):
        while True:
            try:
                return create_run(self.services, CreateRun("p", idempotency_key=self.name))[0].id
            except (StoreUnavailable, StoreContention):
                # What any caller does who got no answer.
                continue

    def live(self) -> str:
        """Go on until the run has ended; return its id."""
        run_id = self.create()
        for _ in range(MOST_STEPS):
            self.worker.step(0)
            self.scheduler.run_pass()
            self.beat()
            self.clock.advance(POLL)
            if self.ended(run_id) and not self.worker.active:
                return run_id
        raise AssertionError(f"the run does not end; cut at {self.cutter.cut!r}")

    def beat(self) -> None:
        try:
            assert self.membership.heartbeat()
        except (StoreUnavailable, StoreContention):
            return

    def ended(self, run_id) -> bool:
        try:
            with self.store.transaction(read_only=True) as tx:
                return tx.run(run_id).status in RUN_ENDED
        except (StoreUnavailable, StoreContention):
            return False

    def check(self, run_id) -> None:
        with self.store.transaction(read_only=True) as tx:
            run = tx.run(run_id)
            rows = tx.block_runs(run_id)
            attempts = tx.attempts(run_id)
        at = f"cut at {self.cutter.cut!r}"
        assert run.status is RunStatus.SUCCEEDED, at
        assert run.open_block_runs == 0, at
        assert set(self.started.values()) == {1}, f"code of an attempt began twice: {at}"
        ids = {one.id for one in attempts}
        assert self.started.keys() <= ids, f"code began without a row: {at}"
        assert all(one.ended_at is not None for one in attempts), at
        for row in rows:
            mine = sorted((one for one in attempts if one.block_run_id == row.id), key=lambda one: one.number)
            assert [one.number for one in mine] == list(range(1, len(mine) + 1)), at
            reasons = [one.exit_reason.value for one in mine]
            assert reasons.count("success") == 1, (row.block, reasons, at)
            assert reasons.count("error") == (1 if row.block == "b" else 0), (row.block, reasons, at)
            # Of an attempt that was lost nothing had begun: a cut costs no work, only the repeat of a claim.
            assert not {one.id for one in mine if one.exit_reason.value == "lost"} & self.started.keys(), at

    def end(self) -> None:
        self.cutter.disarm()
        self.worker.close()
        self.services.wakeups.close()
        self.membership.leave()


@pytest.fixture
def cutter():
    return Cutter()


@pytest.fixture
def store(postgres_url, cutter):
    store = SqlRunStore(open_to_be_cut(postgres_url, cutter))
    yield store
    store.close()


def live_once(store, cutter, tmp_path, name, at, *, answer_lost=False):
    life = Life(store, cutter, tmp_path, name)
    cutter.arm(at, answer_lost=answer_lost)
    try:
        run_id = life.live()
        cutter.disarm()
        life.check(run_id)
    finally:
        life.end()
    return cutter.count


@pytest.mark.parametrize("answer_lost", [False, True], ids=["before", "after"])
def test_a_cut_at_each_statement_loses_and_doubles_nothing(store, cutter, tmp_path, answer_lost):
    count = live_once(store, cutter, tmp_path, "whole", None)
    assert count > 50
    cut = Counter()
    for at in range(1, count + 1):
        live_once(store, cutter, tmp_path, f"cut-{at}", at, answer_lost=answer_lost)
        if cutter.cut is not None:
            cut[cutter.cut.split()[0]] += 1
    # The life is the same each time up to the cut, so every statement had its turn.
    assert cut.total() >= count - 2, cut
    assert {"BEGIN", "COMMIT", "WITH", "INSERT", "UPDATE", "SELECT"} <= cut.keys()


def test_a_connection_to_what_has_become_a_standby_is_not_kept(postgres_url):
    from penstock_runtime.persistence.engine import DatabaseOptions

    store = SqlRunStore.open(DatabaseOptions(postgres_url, pool_size=1))
    clock = FakeClock()
    try:
        with store.database.transaction(read_only=True) as session:
            session.text("SELECT set_config('default_transaction_read_only', 'on', false)")
        with pytest.raises(StoreUnavailable), store.transaction() as tx:
            tx.publish_code_version("a", clock.now())
        with store.transaction() as tx:
            tx.publish_code_version("a", clock.now())
    finally:
        store.close()
