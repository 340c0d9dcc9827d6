"""The life of runs against a dictionary: whatever order things happen in, the store and the model agree.

The model knows nothing of the engine's bookkeeping (counts, due times, epochs in rows): it holds a status a block and
works out what follows by looking at the whole graph each time. Crashes, late words, cancels and retries are rules.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from penstock_runtime.domain.blocks import RetryPolicy
from penstock_runtime.domain.runs import (
    BLOCK_RUN_ENDED,
    RUN_ENDED,
    AttemptStatus,
    BlockRunKind,
    BlockRunStatus,
    ExitReason,
    RunStatus,
)
from penstock_runtime.domain.verdicts import MAX_LOSSES
from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.runs.abandon import abandon_run
from penstock_runtime.runs.cancel import cancel_run
from penstock_runtime.runs.due import admit_waiting_runs, make_due_ready
from penstock_runtime.runs.rescue import end_expired_members, rescue_lost_attempts
from penstock_runtime.runs.retry import RetryRun, retry_run
from support.clocks import FakeClock
from support.engine_rig import Rig, plan_of

B = BlockRunStatus
PLANS = {
    "diamond": plan_of({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, slug="diamond"),
    "stubborn": plan_of(
        {"a": [], "b": ["a"]}, slug="stubborn", blocks={"a": {"retry": RetryPolicy(retries=1, delay_seconds=5)}}
    ),
    "fan": plan_of(
        {"items": [], "each": ["items"], "join": ["each"], "side": []},
        slug="fan",
        blocks={"items": {"dynamic": True}, "each": {"reduce_output": True}},
    ),
    "single": plan_of({"a": [], "b": ["a"]}, slug="single", run_limit=1),
    "narrow": plan_of({"a": [], "b": [], "c": []}, slug="narrow", block_run_limit=1),
}
LATER = 3600.0


@dataclass
class ModelRun:
    """One run, as a person would keep it on paper."""

    pipeline: str
    blocks: dict[str, B]
    instances: dict[int, B] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    losses: Counter[tuple[str, int]] = field(default_factory=Counter)
    items: int = 0
    cancelling: bool = False
    admitted: bool = True

    @property
    def plan(self):
        return PLANS[self.pipeline]

    @property
    def status(self) -> str:
        """What the run's status must be: open, or its end."""
        if any(status not in BLOCK_RUN_ENDED for status in [*self.blocks.values(), *self.instances.values()]):
            return "open"
        values = set(self.blocks.values())
        if B.CANCELLED in values:
            return RunStatus.CANCELLED.value
        failed = values & {B.FAILED, B.UPSTREAM_FAILED}
        return RunStatus.FAILED.value if failed else RunStatus.SUCCEEDED.value

    def settle(self) -> None:
        """Draw every consequence, looking at the graph from the top until nothing changes."""
        changed = True
        while changed:
            changed = False
            for block in self.plan.blocks:
                before = self.blocks[block.slug]
                self.blocks[block.slug] = self._next(block.slug, before, [self.blocks[up] for up in block.upstream])
                changed |= self.blocks[block.slug] is not before

    def _next(self, slug: str, now: B, upstream: list[B]) -> B:
        if slug == "each" and now is B.RUNNING:
            return self._group()
        if now is not B.PENDING:
            return now
        if B.FAILED in upstream or B.UPSTREAM_FAILED in upstream:
            return B.UPSTREAM_FAILED
        if B.SKIPPED in upstream:
            return B.SKIPPED
        if all(status is B.SUCCEEDED for status in upstream) and self.admitted and not self.cancelling:
            return self._free(slug)
        return now

    def _free(self, slug: str) -> B:
        if slug != "each":
            return B.READY
        self.instances = dict.fromkeys(range(self.items), B.READY)
        return B.RUNNING if self.items else B.SUCCEEDED

    def _group(self) -> B:
        found = list(self.instances.values())
        if any(status not in BLOCK_RUN_ENDED for status in found):
            return B.RUNNING
        if B.FAILED in found:
            return B.FAILED
        if B.CANCELLED in found:
            return B.CANCELLED
        return B.SKIPPED if all(status is B.SKIPPED for status in found) else B.SUCCEEDED

    def put(self, slug: str, index: int, status: B) -> None:
        if index >= 0:
            self.instances[index] = status
        else:
            self.blocks[slug] = status


class LifeOfRuns(RuleBasedStateMachine):
    """Rules are what people, workers and accidents do."""

    def __init__(self, store) -> None:
        super().__init__()
        self.rig = Rig(store, FakeClock())
        for plan in PLANS.values():
            self.rig.add(plan)
        self.model: dict[str, ModelRun] = {}
        self.going = []
        self.dead = []
        self.numbers: dict[str, int] = {}

    def teardown(self):
        """Leave nothing for the next example, which works on the same database."""
        for run_id in self._open():
            abandon_run(self.rig.services, run_id, "the example is over")
        with self.rig.store.transaction() as tx:
            tx.leave(self.rig.owner.member_id, self.rig.clock.now())

    # --- people --------------------------------------------------------------------------------------------------
    @rule(pipeline=st.sampled_from(sorted(PLANS)))
    def create(self, pipeline):
        run = self.rig.create(pipeline)
        model = ModelRun(pipeline, {block.slug: B.PENDING for block in PLANS[pipeline].blocks})
        others = [one for one in self.model.values() if one.pipeline == pipeline]
        limit = PLANS[pipeline].run_limit
        model.admitted = limit is None or sum(one.admitted and one.status == "open" for one in others) < limit
        assert run.admitted is model.admitted
        model.settle()
        self.model[run.id] = model

    @precondition(lambda self: self._open())
    @rule(data=st.data())
    def cancel(self, data):
        run_id = data.draw(st.sampled_from(self._open()))
        model = self.model[run_id]
        cancel_run(self.rig.services, run_id)
        model.cancelling = True
        for slug, status in model.blocks.items():
            if status in (B.PENDING, B.READY, B.RETRY_WAIT, B.DEFERRED):
                model.blocks[slug] = B.CANCELLED
        for index, status in model.instances.items():
            if status in (B.READY, B.RETRY_WAIT):
                model.instances[index] = B.CANCELLED
        if model.blocks.get("each") is B.RUNNING and B.RUNNING not in model.instances.values():
            model.blocks["each"] = B.CANCELLED
        model.settle()

    @precondition(lambda self: self._ended())
    @rule(data=st.data(), whole=st.booleans())
    def retry(self, data, whole):
        run_id = data.draw(st.sampled_from(self._ended()))
        model = self.model[run_id]
        first = {slug for slug, status in model.blocks.items() if status not in (B.SUCCEEDED, B.SKIPPED)}
        if whole:
            first = {model.plan.blocks[0].slug}
        elif not first:
            return
        again = set(first)
        for slug in first:
            again |= model.plan.descendants[slug]
        for block in reversed(model.plan.blocks):
            if block.slug in again:
                again |= {up for up in block.upstream if model.blocks[up] is not B.SUCCEEDED}
        scope = {"scope": "from_block", "block": model.plan.blocks[0].slug} if whole else {"scope": "failed"}
        retry_run(self.rig.services, RetryRun(run_id, **scope))
        model.cancelling, model.admitted = False, True
        for slug in again:
            model.blocks[slug] = B.PENDING
            model.failures.pop(slug, None)
        if "each" in again:
            model.instances = {}
        model.losses = Counter({key: count for key, count in model.losses.items() if key[0] not in again})
        model.settle()

    # --- workers -------------------------------------------------------------------------------------------------
    @rule(free=st.integers(1, 4))
    def claim(self, free):
        for one in self.rig.claim(free):
            model = self.model[one.run.id]
            index = one.block_run.map_index
            known = model.instances[index] if index >= 0 else model.blocks[one.block_run.block]
            assert known is B.READY, f"{one.block_run.block} was claimed while {known}"
            model.put(one.block_run.block, index, B.RUNNING)
            last = self.numbers.get(one.block_run.id, 0)
            assert one.attempt.number == last + 1, "attempt numbers grow by one"
            self.numbers[one.block_run.id] = one.attempt.number
            self.going.append(one)

    @precondition(lambda self: self.going)
    @rule(
        data=st.data(), how=st.sampled_from(["success", "skip", "error", "timeout", "drained"]), items=st.integers(0, 3)
    )
    def finish(self, data, how, items):
        one = self.going.pop(data.draw(st.integers(0, len(self.going) - 1)))
        reason = {"success": ExitReason.SUCCESS, "skip": ExitReason.SUCCESS}.get(how) or ExitReason(how)
        result = {"status": "skipped"} if how == "skip" else {"fan_out": items}
        assert self.rig.finish(one, reason, **result) is not None
        self._ended_as(one, how, items)
        self.dead.append(one)

    @precondition(lambda self: self.dead)
    @rule(data=st.data(), reason=st.sampled_from([ExitReason.SUCCESS, ExitReason.ERROR]))
    def say_it_again_late(self, data, reason):
        assert self.rig.finish(data.draw(st.sampled_from(self.dead)), reason) is None

    # --- accidents and time --------------------------------------------------------------------------------------
    @rule()
    def worker_dies(self):
        self.rig.clock.advance(60)
        assert self.rig.owner.member_id in end_expired_members(self.rig.services)
        assert self.rig.claim() == []
        rescued = rescue_lost_attempts(self.rig.services)
        assert len(rescued) == len(self.going)
        for one in self.going:
            self._ended_as(one, "drained", 0)
        self.dead += self.going
        self.going = []
        self.rig.owner = self.rig.join(lease_seconds=30)

    @rule()
    def time_passes(self):
        self.rig.clock.advance(LATER)
        with self.rig.store.transaction() as tx:
            tx.heartbeat(self.rig.owner.member_id, self.rig.owner.term, self.rig.clock.now(), self.rig.clock.now(), {})
        make_due_ready(self.rig.services)
        for model in self.model.values():
            for slug, status in model.blocks.items():
                if status is B.RETRY_WAIT:
                    model.blocks[slug] = B.READY
            for index, status in model.instances.items():
                if status is B.RETRY_WAIT:
                    model.instances[index] = B.READY

    @rule()
    def admit(self):
        admit_waiting_runs(self.rig.services)
        for pipeline, plan in PLANS.items():
            mine = [one for one in self.model.values() if one.pipeline == pipeline]
            for one in mine:
                going = sum(other.admitted and other.status == "open" for other in mine)
                if not one.admitted and one.status == "open" and going < (plan.run_limit or 1):
                    one.admitted = True
                    one.settle()

    # --- what must hold ------------------------------------------------------------------------------------------
    @invariant()
    def the_store_agrees_with_the_model(self):
        for run_id, model in self.model.items():
            run, rows = self.rig.run(run_id), self.rig.rows(run_id)
            found = {row.block: row.status for row in rows if row.kind is BlockRunKind.BLOCK}
            assert found == model.blocks
            mapped = {row.map_index: row.status for row in rows if row.map_index >= 0 and row.epoch == run.epoch}
            if model.instances or ("each" in model.blocks and model.blocks["each"] is not B.PENDING):
                assert {k: v for k, v in mapped.items() if k in model.instances} == model.instances
            status = run.status.value if run.status in RUN_ENDED else "open"
            assert status == model.status
            assert run.open_block_runs == sum(row.status not in BLOCK_RUN_ENDED for row in rows)

    @invariant()
    def every_running_block_has_one_running_attempt(self):
        claimed = {one.block_run.id for one in self.going}
        for run_id in self.model:
            with self.rig.store.transaction(read_only=True) as tx:
                attempts = tx.attempts(run_id)
            running = [attempt for attempt in attempts if attempt.status is AttemptStatus.RUNNING]
            assert {attempt.block_run_id for attempt in running} == {
                row.id for row in self.rig.rows(run_id) if row.status is B.RUNNING and row.open_instances == 0
            }
            assert {attempt.block_run_id for attempt in running} <= claimed
            seen = Counter((attempt.block_run_id, attempt.number) for attempt in attempts)
            assert not seen or max(seen.values()) == 1

    @invariant()
    def limits_hold(self):
        for pipeline, plan in PLANS.items():
            mine = [run_id for run_id, one in self.model.items() if one.pipeline == pipeline]
            for run_id in mine if plan.block_run_limit else ():
                going = sum(row.status is B.RUNNING for row in self.rig.rows(run_id))
                assert going <= plan.block_run_limit

    def _ended_as(self, one, how: str, items: int) -> None:
        model, slug, index = self.model[one.run.id], one.block_run.block, one.block_run.map_index
        if how == "success":
            model.put(slug, index, B.SUCCEEDED)
            model.items = items if slug == "items" else model.items
        elif how == "skip":
            model.put(slug, index, B.SKIPPED)
        elif model.cancelling:
            model.put(slug, index, B.CANCELLED)
        elif how == "drained":
            model.losses[slug, index] += 1
            lost = model.losses[slug, index]
            model.put(slug, index, B.FAILED if lost > MAX_LOSSES else B.READY if lost == 1 else B.RETRY_WAIT)
        else:
            model.failures[slug] += 1
            again = model.failures[slug] <= model.plan.block(slug).retry.retries
            model.put(slug, index, B.RETRY_WAIT if again else B.FAILED)
        model.settle()

    def _open(self):
        return [run_id for run_id, one in self.model.items() if one.status == "open"]

    def _ended(self):
        return [run_id for run_id, one in self.model.items() if one.status != "open"]


RULES = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_store_and_a_dictionary_agree(kind, request, tmp_path):
    url = request.getfixturevalue(f"{kind}_url")
    store = SqlRunStore.open(DatabaseOptions(url))

    run_state_machine_as_test(lambda: LifeOfRuns(store), settings=RULES)
    store.close()
