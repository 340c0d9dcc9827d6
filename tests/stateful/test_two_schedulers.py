"""Two schedulers on one Postgres, against what follows from the graph: whatever is done to them, the promises hold.

The rules are people (create, cancel, retry), blocks (they end in some way), the turns of each loop in any order, and
accidents: kill -9, freezing, a cut wire, clocks that differ, a drain. The model knows no counts and no due times: it
looks at a run's whole graph and says what may be so (I1 to I5).
"""

from __future__ import annotations

import itertools
import shutil
from collections import Counter, defaultdict
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from penstock_runtime.domain.blocks import RetryPolicy
from penstock_runtime.domain.errors import Conflict, InvalidInput, RunFinished
from penstock_runtime.domain.runs import (
    BLOCK_RUN_ENDED,
    RUN_ENDED,
    AttemptStatus,
    BlockRunKind,
    BlockRunStatus,
    ExitReason,
    RunStatus,
)
from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.ports.run_store import RunFilter
from penstock_runtime.runs.abandon import abandon_run
from penstock_runtime.runs.cancel import cancel_run
from penstock_runtime.runs.create import CreateRun, create_run
from penstock_runtime.runs.retry import RetryRun, retry_run
from support.engine_rig import BUNDLE, Plans, plan_of
from support.two_schedulers import GRACE, LEASE, MOST_SKEW, Node, World, death, failure, result

B = BlockRunStatus
PLANS = {
    "diamond": plan_of({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, slug="diamond"),
    "stubborn": plan_of(
        {"a": [], "b": ["a"]}, slug="stubborn", blocks={"a": {"retry": RetryPolicy(retries=1, delay_seconds=2)}}
    ),
    "fan": plan_of(
        {"items": [], "each": ["items"], "join": ["each"]},
        slug="fan",
        blocks={"items": {"dynamic": True}, "each": {"reduce_output": True}},
    ),
    "single": plan_of({"a": [], "b": ["a"]}, slug="single", run_limit=1),
    "narrow": plan_of({"a": [], "b": [], "c": []}, slug="narrow", block_run_limit=1),
    "ticked": plan_of({"a": []}, slug="ticked"),
}
ASKED_FOR = [name for name in PLANS if name != "ticked"]
RANK = {status: 2 if status in RUN_ENDED else int(status is RunStatus.RUNNING) for status in RunStatus}
SETTLING_SECONDS = 400
BOTH = st.integers(0, 1)
_examples = itertools.count()


class TwoSchedulers(RuleBasedStateMachine):
    """Every rule is something that happens in the life of a fleet."""

    def __init__(self, store, folder) -> None:
        super().__init__()
        self.world = World(store, Plans({(BUNDLE, slug): plan for slug, plan in PLANS.items()}), folder)
        self.runs: list[str] = []
        self.best: dict[str, tuple[int, int]] = {}
        self.ticks_from = self.world.now()
        number = next(_examples)
        self.triggers = [
            self.world.add_trigger(f"all-{number}", "ticked", 3, "all"),
            self.world.add_trigger(f"latest-{number}", "ticked", 4, "latest"),
        ]

    def node(self, index: int) -> Node:
        return self.world.nodes[index]

    # --- people --------------------------------------------------------------------------------------------------
    @rule(pipeline=st.sampled_from(ASKED_FOR), index=BOTH)
    def create(self, pipeline, index):
        services = self.node(index).services
        if not self.node(index).store.cut:
            self.runs.append(create_run(services, CreateRun(pipeline))[0].id)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def cancel(self, data):
        with suppress(RunFinished):
            cancel_run(self._web(), data.draw(st.sampled_from(self.runs)))

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), whole=st.booleans())
    def retry(self, data, whole):
        run_id = data.draw(st.sampled_from(self.runs))
        first = PLANS[self._run(run_id).pipeline].blocks[0].slug
        request = RetryRun(run_id, "from_block", first) if whole else RetryRun(run_id)
        # InvalidInput: nothing of it has failed. Conflict: it has not ended, or its limit is reached.
        with suppress(Conflict, InvalidInput):
            retry_run(self._web(), request)

    # --- loops, in any order --------------------------------------------------------------------------------------
    @rule(index=BOTH, turns=st.integers(1, 4))
    def loops_turn(self, index, turns):
        """One scheduler alone goes on, at the same instant."""
        for _ in range(turns):
            self.node(index).look()
            self.node(index).work()

    @rule(seconds=st.integers(1, 4), first=BOTH)
    def life_goes_on(self, seconds, first):
        """Whoever is able to goes on as usual."""
        for _ in range(seconds):
            self.world.pass_time(1.0)
            for index in (first, 1 - first):
                self.node(index).look()
                self.node(index).work()
                self.node(index).work()

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 6.0, LEASE + GRACE + 1.0]))
    def time_passes(self, seconds):
        self.world.pass_time(seconds)

    @precondition(lambda self: self._undecided())
    @rule(data=st.data(), how=st.sampled_from(["good", "good", "good", "skip", "bad", "dies"]), items=st.integers(0, 2))
    def block_ends(self, data, how, items):
        self.world.fates[data.draw(st.sampled_from(self._undecided()))] = {
            "good": result(fan_out=items),
            "skip": result(status="skipped"),
            "bad": failure(),
            "dies": death(ExitReason.ERROR),
        }[how]

    @precondition(lambda self: self._undecided())
    @rule()
    def all_blocks_end_well(self):
        for attempt in self._undecided():
            self.world.fates[attempt] = result(fan_out=2)

    # --- accidents -----------------------------------------------------------------------------------------------
    @rule(index=BOTH, what=st.sampled_from(["killed", "buried", "frozen", "cut", "drained"]), long=st.booleans())
    def accident(self, index, what, long):
        node = self.node(index)
        if what in {"killed", "buried"}:
            self._kill(index, buried=what == "buried")
        elif what == "frozen":
            node.frozen = True
        elif what == "cut":
            node.store.cut = True
        elif node.acts and not node.store.cut:
            node.drain()
        if long:
            self.world.go_on_without(node)

    @rule(index=BOTH, when=st.sampled_from(["before", "after"]))
    def frozen_amid_a_turn(self, index, when):
        """Stopped for longer than its lease just before, or just after, the next write that it makes."""
        node = self.node(index)
        if node.acts and not node.store.cut:
            node.store.hiccup_at = when
            node.work()
            node.store.hiccup_at = None

    @rule(index=BOTH)
    def mended(self, index):
        self.node(index).frozen = self.node(index).store.cut = False

    @rule(index=BOTH, skew=st.floats(-MOST_SKEW, MOST_SKEW))
    def clock_jumps(self, index, skew):
        self.node(index).clock.skew = skew

    def _kill(self, index, *, buried):
        """kill -9; `buried`: its supervisor saw it and has ended its processes, so that nobody waits for its lease."""
        node = self.node(index)
        node.kill()
        if buried:
            with self.world.store.transaction() as tx:
                tx.leave(node.membership.owner.member_id, self.world.now())
        self.world.nodes[index] = Node(self.world)

    # --- what must hold at each step ------------------------------------------------------------------------------
    @invariant()
    def no_attempt_starts_twice_or_beside_another(self):
        assert not [one for one, count in self.world.started.items() if count > 1], "I4: started twice"
        assert self.world.beside == [], "I4"

    @invariant()
    def rows_are_consistent(self):
        for run_id in self._all_runs():
            run, rows, attempts = self._read(run_id)
            now = (run.epoch, RANK[run.status])
            assert now >= self.best.get(run_id, now), f"I2: went back from {self.best[run_id]} to {now}"
            self.best[run_id] = now
            open_rows = [row for row in rows if row.status not in BLOCK_RUN_ENDED]
            assert run.open_block_runs == len(open_rows), "I2: the count of open block runs"
            assert (run.status in RUN_ENDED) is (not open_rows), "I3: a run ends with its last block"
            self._check_attempts(rows, attempts)
            self._check_graph(run, rows)

    def _check_attempts(self, rows, attempts):
        mine = defaultdict(list)
        for attempt in attempts:
            mine[attempt.block_run_id].append(attempt)
        for row in rows:
            found = sorted(mine[row.id], key=lambda one: one.number)
            assert [one.number for one in found] == list(range(1, row.attempts + 1)), "I2: numbers"
            running = [one for one in found if one.status is AttemptStatus.RUNNING]
            is_group = row.kind is BlockRunKind.BLOCK and row.block == "each"
            assert len(running) == int(row.status is B.RUNNING and not is_group), "I2: one running attempt"
            assert not running or running[0] is found[-1], "I2: only the newest attempt may run"
            good = Counter(one.epoch for one in found if one.status is AttemptStatus.SUCCEEDED)
            assert not good or max(good.values()) == 1, "I2: one success in an epoch"
            for one in found:
                if one.status is AttemptStatus.SUCCEEDED:
                    assert one.id in self.world.succeeded, "I5: no success without the attempt's own result"

    def _check_graph(self, run, rows):
        """Look at the whole graph: what each block is must follow from those above it."""
        plan = PLANS[run.pipeline]
        status = {row.block: row.status for row in rows if row.kind is BlockRunKind.BLOCK}
        assert set(status) == {block.slug for block in plan.blocks}, "I2: one row for each block"
        for block in plan.blocks:
            above = {status[one] for one in block.upstream}
            if status[block.slug] in (B.READY, B.RUNNING, B.SUCCEEDED, B.RETRY_WAIT, B.FAILED):
                assert above <= {B.SUCCEEDED}, f"{block.slug} is {status[block.slug]} below {above}"
            if status[block.slug] is B.UPSTREAM_FAILED:
                assert above & {B.FAILED, B.UPSTREAM_FAILED}
            if status[block.slug] is B.PENDING and run.admitted and run.cancel_requested_at is None:
                assert not above <= {B.SUCCEEDED}, f"{block.slug} waits for nothing"
        if run.status is RunStatus.SUCCEEDED:
            assert set(status.values()) <= {B.SUCCEEDED, B.SKIPPED}
        if run.status is RunStatus.FAILED:
            assert B.FAILED in status.values()

    @invariant()
    def limits_hold(self):
        going = Counter()
        for run_id in self._all_runs():
            run = self._run(run_id)
            going[run.pipeline] += run.admitted and run.status not in RUN_ENDED
            limit = PLANS[run.pipeline].block_run_limit
            if limit is not None:
                assert sum(row.status is B.RUNNING for row in self._read(run_id)[1]) <= limit, "block limit"
        assert going["single"] <= 1, "run limit"

    @invariant()
    def no_tick_is_doubled(self):
        for trigger in self.triggers:
            self._check_ticks(trigger, complete=False)

    def _check_ticks(self, trigger, *, complete):
        interval = trigger.settings["interval_seconds"]
        with self.world.store.transaction(read_only=True) as tx:
            runs = [tx.run(one) for one in self._tick_runs(tx, trigger)]
            lost = tx.lost_ticks(trigger.id, 500).items
        first = trigger.next_due_at
        times = Counter((run.logical_at - first).total_seconds() / interval for run in runs)
        for gap in lost:
            begin, end = ((at - first).total_seconds() / interval for at in (gap.first_at, gap.last_at))
            times.update(float(number) for number in range(int(begin), int(end) + 1))
        assert not times or max(times.values()) == 1, f"I1: ticks made twice: {times}"
        assert all(one == int(one) and one >= 0 for one in times), f"I1: what is no tick: {times}"
        latest = (self.world.now() - first).total_seconds() + MOST_SKEW
        assert not times or max(times) * interval <= latest, "I1: a tick before its time"
        if complete:
            due = int((self.world.now() - first).total_seconds() // interval)
            assert sorted(times) == [float(number) for number in range(due + 1)], "I1: ticks are lost"

    # --- the end: everything mended, everything ends ---------------------------------------------------------------
    def teardown(self):
        try:
            self._settle()
        finally:
            self._leave_nothing()

    def _leave_nothing(self):
        """The next example, and a repeat of this one, work on the same database."""
        with self.world.store.transaction() as tx:
            for trigger in self.triggers:
                tx.delete_trigger(trigger.id, self.world.now())
        for node in self.world.nodes:
            node.frozen, node.store.cut = False, False
            node.leave()
        for run_id in self._all_runs():
            if self._run(run_id).status not in RUN_ENDED:
                abandon_run(self.world.nodes[0].services, run_id, "the example is over")

    def _settle(self):
        for node in self.world.nodes:
            node.frozen, node.store.cut, node.clock.skew = False, False, 0.0
        for _ in range(SETTLING_SECONDS):
            self.world.pass_time(1.0)
            for attempt in self._undecided():
                self.world.fates[attempt] = result(fan_out=1)
            for node in list(self.world.nodes):
                node.look()
                node.work()
                node.work()
            self._stop_schedules_when_all_are_made()
            if not self.triggers and all(self._run(one).status in RUN_ENDED for one in self._all_runs()):
                break
        else:
            stuck = {one: self._read(one)[1] for one in self._all_runs() if self._run(one).status not in RUN_ENDED}
            raise AssertionError(f"I3: stuck after {SETTLING_SECONDS} s: {stuck or self.triggers}")
        self.rows_are_consistent()
        self._check_starts()

    def _stop_schedules_when_all_are_made(self):
        with self.world.store.transaction(read_only=True) as tx:
            due = [tx.trigger(one.id).tick_at for one in self.triggers]
        if self.triggers and all(one > self.world.now() for one in due):
            for trigger in self.triggers:
                self._check_ticks(trigger, complete=True)
            with self.world.store.transaction() as tx:
                for trigger in self.triggers:
                    tx.delete_trigger(trigger.id, self.world.now())
            self.ended_triggers, self.triggers = self.triggers, []

    def _check_starts(self):
        """I4: each start has its row; what has none was ended by the platform, or the block died as it began."""
        known = {}
        for run_id in self._all_runs():
            known |= {one.id: one for one in self._read(run_id)[2]}
        assert self.world.started.keys() <= known.keys(), "I4: code began without a row"
        for one in known.values():
            if one.id not in self.world.started:
                assert one.exit_reason in (ExitReason.LOST, ExitReason.DRAINED, ExitReason.CANCELLED), one

    # --- looking ---------------------------------------------------------------------------------------------------
    def _web(self):
        """A web server: it is nobody's wire, and true to the database's time."""
        node = next((one for one in self.world.nodes if one.clock.skew == 0.0 and not one.store.cut), None)
        if node is None:
            node = self.world.nodes[0]
            node.store.cut, node.clock.skew = False, 0.0
        return node.services

    def _undecided(self):
        return sorted(one for one in self.world.alive if one not in self.world.fates)

    def _run(self, run_id):
        with self.world.store.transaction(read_only=True) as tx:
            return tx.run(run_id)

    def _read(self, run_id):
        with self.world.store.transaction(read_only=True) as tx:
            return tx.run(run_id), tx.block_runs(run_id), tx.attempts(run_id)

    def _all_runs(self):
        with self.world.store.transaction(read_only=True) as tx:
            ticks = [run for trigger in self._every_trigger() for run in self._tick_runs(tx, trigger)]
        return [*self.runs, *ticks]

    def _every_trigger(self):
        return [*self.triggers, *getattr(self, "ended_triggers", [])]

    @staticmethod
    def _tick_runs(tx, trigger):
        return [run.id for run in tx.runs(RunFilter(trigger_id=trigger.id), 500, None).items]


RULES = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    # Each example ends by bringing a whole fleet to rest: making a failing one smaller would take minutes.
    phases=(Phase.explicit, Phase.generate),
)


@pytest.mark.timeout(600)
def test_two_schedulers_keep_every_promise(postgres_url, tmp_path):
    store = SqlRunStore.open(DatabaseOptions(postgres_url))
    run_state_machine_as_test(lambda: TwoSchedulers(store, tmp_path), settings=RULES)
    store.close()
    shutil.rmtree(tmp_path, ignore_errors=True)
