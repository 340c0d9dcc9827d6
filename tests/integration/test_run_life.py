"""The life of a run, rule by rule, on both databases: no process, no wall clock."""

from __future__ import annotations

import threading

import pytest

from penstock_runtime.domain.blocks import BlockType, RetryPolicy
from penstock_runtime.domain.errors import (
    IdempotencyConflict,
    InvalidInput,
    PipelineInvalid,
    PipelineNotFound,
    RunFinished,
    RunNotFinished,
)
from penstock_runtime.domain.runs import AttemptStatus, BlockRunKind, BlockRunStatus, ExitReason, RunStatus
from penstock_runtime.domain.verdicts import MAX_LOSSES
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.runs.abandon import abandon_run
from penstock_runtime.runs.cancel import cancel_run
from penstock_runtime.runs.create import RunLimitReached
from penstock_runtime.runs.due import admit_waiting_runs, make_due_ready
from penstock_runtime.runs.rescue import end_expired_members, rescue_lost_attempts
from penstock_runtime.runs.retry import RetryRun, retry_run
from penstock_runtime.runs.whole_pipeline import record_block_event
from support.clocks import FakeClock
from support.engine_rig import BUNDLE, Rig, plan_of, slugs

B = BlockRunStatus
DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


@pytest.fixture
def rig(run_store):
    return Rig(run_store, FakeClock())


def test_a_diamond_runs_in_order_and_succeeds(rig):
    rig.add(plan_of(DIAMOND))
    run = rig.create()
    assert run.status is RunStatus.QUEUED
    assert slugs(first := rig.claim()) == ["a"]
    assert rig.run(run.id).status is RunStatus.RUNNING
    assert rig.finish(first[0]).made_ready == 2
    b, c = sorted(rig.claim(), key=lambda one: one.block_run.block)
    assert rig.finish(c).run_status is None
    assert rig.claim() == [], "d waits for both"
    rig.finish(b)
    last = rig.finish(rig.claim()[0])
    assert last.run_status is RunStatus.SUCCEEDED
    ended = rig.run(run.id)
    assert (ended.status, ended.open_block_runs) == (RunStatus.SUCCEEDED, 0)
    assert ended.ended_at is not None


def test_a_failure_ends_what_depends_on_it_and_nothing_else(rig):
    rig.add(plan_of({"a": [], "b": ["a"], "c": ["b"], "x": []}))
    run = rig.create()
    rig.run_all({"a": {"reason": ExitReason.ERROR, "error": {"type": "ValueError", "message": "no"}}})
    assert rig.statuses(run.id) == {"a": B.FAILED, "b": B.UPSTREAM_FAILED, "c": B.UPSTREAM_FAILED, "x": B.SUCCEEDED}
    assert rig.run(run.id).status is RunStatus.FAILED
    error = next(row.error for row in rig.rows(run.id) if row.block == "a")
    assert error == {"type": "ValueError", "message": "no"}


def test_a_false_conditional_skips_what_depends_on_it_and_the_run_succeeds(rig):
    rig.add(plan_of({"a": [], "b": ["a"], "c": ["b"]}))
    run = rig.create()
    rig.run_all({"b": {"status": "skipped"}})
    assert rig.statuses(run.id) == {"a": B.SUCCEEDED, "b": B.SKIPPED, "c": B.SKIPPED}
    assert rig.run(run.id).status is RunStatus.SUCCEEDED


def test_a_success_without_a_result_of_its_own_is_a_failure(rig):
    # I5: whatever the platform says, nothing has succeeded that did not write so itself.
    rig.add(plan_of({"a": []}))
    run = rig.create()
    rig.finish(rig.claim()[0], status="no idea")
    assert rig.run(run.id).status is RunStatus.FAILED
    assert rig.rows(run.id)[0].error["type"] == "no_result"


def test_retries_wait_as_rows_with_growing_delays(rig):
    retry = RetryPolicy(retries=2, delay_seconds=5, max_delay_seconds=60)
    rig.add(plan_of({"a": []}, blocks={"a": {"retry": retry}}))
    run = rig.create()
    for wait in (5, 10):
        rig.finish(rig.claim()[0], ExitReason.ERROR)
        assert rig.statuses(run.id) == {"a": B.RETRY_WAIT}
        rig.clock.advance(wait - 0.001)
        assert make_due_ready(rig.services) == 0
        rig.clock.advance(0.001)
        assert make_due_ready(rig.services) == 1
    rig.finish(rig.claim()[0], ExitReason.TIMEOUT)
    row = rig.rows(run.id)[0]
    assert (row.status, row.attempts, row.failures) == (B.FAILED, 3, 3)


def test_a_loss_costs_no_retry_and_is_given_up_in_the_end(rig):
    rig.add(plan_of({"a": []}))
    run = rig.create()
    for _ in range(MAX_LOSSES):
        rig.finish(rig.claim()[0], ExitReason.DRAINED)
        rig.clock.advance(3600)
        make_due_ready(rig.services)
    assert rig.statuses(run.id) == {"a": B.READY}
    rig.finish(rig.claim()[0], ExitReason.LOST)
    row = rig.rows(run.id)[0]
    assert (row.status, row.failures, row.losses) == (B.FAILED, 0, MAX_LOSSES + 1)


def test_a_sensor_is_deferred_without_holding_anything_until_its_timeout(rig):
    rig.add(plan_of({"s": []}, blocks={"s": {"type": BlockType.SENSOR, "poll_seconds": 30, "timeout_seconds": 50}}))
    run = rig.create()
    rig.finish(rig.claim()[0], status="deferred")
    assert rig.claim() == []
    rig.clock.advance(30)
    make_due_ready(rig.services)
    rig.finish(rig.claim()[0], status="deferred")
    assert rig.statuses(run.id) == {"s": B.DEFERRED}
    rig.clock.advance(30)
    make_due_ready(rig.services)
    rig.finish(rig.claim()[0], status="deferred")
    assert rig.statuses(run.id) == {"s": B.FAILED}
    assert "50 s" in rig.rows(run.id)[0].error["message"]


# --- fan-out -----------------------------------------------------------------------------------------------------
FAN = {"items": [], "each": ["items"], "again": ["each"], "join": ["again"]}
FAN_BLOCKS = {"items": {"dynamic": True}, "again": {"reduce_output": True}}


def test_a_dynamic_block_fans_out_and_reduce_output_joins(rig):
    rig.add(plan_of(FAN, blocks=FAN_BLOCKS))
    run = rig.create()
    rig.finish(rig.claim()[0], fan_out=3, outputs=[{"name": "output_0"}])
    each = sorted(rig.claim(), key=lambda one: one.block_run.map_index)
    assert [one.block_run.map_index for one in each] == [0, 1, 2]
    assert each[2].inputs["dynamic_input"] == {"block": "items", "index": 2}
    for one in each:
        rig.finish(one, outputs=[{"name": "output_0", "inline": one.block_run.map_index}])
    again = sorted(rig.claim(), key=lambda one: one.block_run.map_index)
    assert [one.inputs["inputs"][0]["outputs"][0]["inline"] for one in again] == [0, 1, 2]
    for one in reversed(again):
        rig.finish(one, outputs=[{"name": "output_0", "inline": 10 + one.block_run.map_index}])
    join = rig.claim()
    assert [entry["outputs"][0]["inline"] for entry in join[0].inputs["inputs"]] == [10, 11, 12]
    assert all(entry["reduced"] for entry in join[0].inputs["inputs"])
    rig.finish(join[0])
    assert rig.run(run.id).status is RunStatus.SUCCEEDED
    assert set(rig.statuses(run.id).values()) == {B.SUCCEEDED}


def test_an_empty_list_makes_empty_groups_that_succeed(rig):
    rig.add(plan_of(FAN, blocks=FAN_BLOCKS))
    run = rig.create()
    rig.finish(rig.claim()[0], fan_out=0)
    join = rig.claim()
    assert slugs(join) == ["join"]
    assert join[0].inputs["inputs"] == [{"block": "again", "map_index": None, "reduced": True, "outputs": []}]
    rig.finish(join[0])
    assert rig.run(run.id).status is RunStatus.SUCCEEDED


def test_one_failed_instance_fails_its_group_once_all_have_ended(rig):
    rig.add(plan_of(FAN, blocks=FAN_BLOCKS))
    run = rig.create()
    rig.finish(rig.claim()[0], fan_out=3)
    first, second, third = sorted(rig.claim(), key=lambda one: one.block_run.map_index)
    rig.finish(second, ExitReason.ERROR)
    assert rig.statuses(run.id)["each"] is B.RUNNING
    rig.finish(first)
    rig.finish(third)
    assert rig.statuses(run.id) == {
        "items": B.SUCCEEDED, "each": B.FAILED, "again": B.UPSTREAM_FAILED, "join": B.UPSTREAM_FAILED,
    }  # fmt: skip
    assert "1 of 3 instances failed: 1" in next(r.error["message"] for r in rig.rows(run.id) if r.block == "each")


def test_a_dynamic_block_that_is_mapped_numbers_its_items_through(rig):
    graph = {"outer": [], "inner": ["outer"], "leaf": ["inner"]}
    rig.add(plan_of(graph, blocks={"outer": {"dynamic": True}, "inner": {"dynamic": True}}))
    rig.create()
    rig.finish(rig.claim()[0], fan_out=2)
    inner = sorted(rig.claim(), key=lambda one: one.block_run.map_index)
    rig.finish(inner[1], fan_out=1, outputs=[{"name": "second"}])
    rig.finish(inner[0], fan_out=2, outputs=[{"name": "first"}])
    leaves = sorted(rig.claim(), key=lambda one: one.block_run.map_index)
    found = [(one.inputs["inputs"][0]["outputs"][0]["name"], one.inputs["dynamic_input"]["index"]) for one in leaves]
    assert found == [("first", 0), ("first", 1), ("second", 0)]


# --- fencing and rescue (I2, I3) ---------------------------------------------------------------------------------
def test_a_second_word_about_an_attempt_changes_nothing(rig):
    rig.add(plan_of({"a": []}))
    run = rig.create()
    one = rig.claim()[0]
    assert rig.finish(one) is not None
    assert rig.finish(one, ExitReason.ERROR) is None
    assert rig.run(run.id).status is RunStatus.SUCCEEDED


def test_a_dead_members_attempt_is_rescued_once_and_its_late_word_is_refused(rig):
    rig.add(plan_of({"a": []}))
    run = rig.create()
    frozen = rig.claim()[0]
    rig.clock.advance(11)
    assert end_expired_members(rig.services) == [rig.owner.member_id]
    assert len(rescue_lost_attempts(rig.services)) == 1
    assert rescue_lost_attempts(rig.services) == []
    assert rig.finish(frozen, status="succeeded") is None, "it speaks for an attempt that was declared lost"
    assert rig.claim() == [], "a member that has ended claims nothing"
    again = rig.claim(owner=(heir := rig.join()))[0]
    assert again.attempt.number == 2
    assert rig.finish(frozen, status="succeeded") is None
    rig.finish(again, owner=heir)
    assert rig.run(run.id).status is RunStatus.SUCCEEDED
    with rig.store.transaction(read_only=True) as tx:
        assert [(a.number, a.status) for a in tx.attempts(run.id)] == [
            (1, AttemptStatus.LOST), (2, AttemptStatus.SUCCEEDED),
        ]  # fmt: skip


def test_nobody_else_ends_a_living_members_attempt(rig):
    rig.add(plan_of({"a": []}))
    run = rig.create()
    one = rig.claim()[0]
    assert rig.finish(one, owner=rig.join()) is None
    assert rescue_lost_attempts(rig.services) == []
    assert rig.statuses(run.id) == {"a": B.RUNNING}


def test_two_claimers_at_once_never_take_the_same(rig):
    rig.add(plan_of({f"b{n}": [] for n in range(20)}))
    rig.create()
    taken: list[str] = []
    ready = threading.Barrier(4)

    def take(owner):
        ready.wait()
        for _ in range(10):
            taken.extend(one.block_run.id for one in rig.claim(3, owner))

    threads = [threading.Thread(target=take, args=(rig.join(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 20


# --- creating (I1) -----------------------------------------------------------------------------------------------
def test_one_run_for_a_trigger_and_logical_time_however_many_ask_at_once(rig):
    rig.add(plan_of({"a": []}))
    trigger = Trigger("t1", "p", "hourly", "schedule", active=True)
    with rig.store.transaction() as tx:
        tx.put_trigger(trigger)
    at = rig.clock.now()
    made: list[str] = []
    ready = threading.Barrier(6)

    def ask():
        ready.wait()
        made.append(rig.create(trigger=trigger, logical_at=at).id)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    assert len(set(made)) == 1
    assert len(rig.claim()) == 1


def test_an_idempotency_key_gives_the_same_run_and_refuses_another_body(rig):
    rig.add(plan_of({"a": []}))
    first = rig.create(idempotency_key="k", variables={"x": 1})
    assert rig.create(idempotency_key="k", variables={"x": 1}).id == first.id
    with pytest.raises(IdempotencyConflict, match=first.id):
        rig.create(idempotency_key="k", variables={"x": 2})
    assert len(rig.claim()) == 1


def test_what_cannot_run_is_refused_by_name(rig):
    rig.add(plan_of({"a": []}, slug="broken", problems=("pipelines/broken/metadata.yaml:3: a cycle",)))
    rig.add(plan_of({}, slug="empty"))
    with pytest.raises(PipelineInvalid, match=r"metadata\.yaml:3: a cycle"):
        rig.create("broken")
    with pytest.raises(PipelineInvalid, match="no blocks"):
        rig.create("empty")
    with pytest.raises(PipelineNotFound):
        rig.create("absent")
    rig.add(plan_of({"a": []}))
    with pytest.raises(InvalidInput, match="variables"):
        rig.create(variables={"x": object()})
    with pytest.raises(InvalidInput, match="variables"):
        rig.create(variables={"x": float("nan")})


# --- limits ------------------------------------------------------------------------------------------------------
def test_a_block_limit_holds_within_a_run(rig):
    rig.add(plan_of({f"b{n}": [] for n in range(5)}, block_run_limit=2))
    run = rig.create()
    first = rig.claim()
    assert len(first) == 2
    assert rig.claim() == []
    rig.finish(first[0])
    assert len(rig.claim()) == 1
    assert len([row for row in rig.rows(run.id) if row.status is B.RUNNING]) == 2


def test_a_run_limit_holds_runs_back_until_one_ends(rig):
    rig.add(plan_of({"a": []}, run_limit=1))
    first, second = rig.create(), rig.create()
    assert (first.admitted, second.admitted) == (True, False)
    claimed = rig.claim()
    assert len(claimed) == 1
    assert admit_waiting_runs(rig.services) == 0
    rig.finish(claimed[0])
    assert admit_waiting_runs(rig.services) == 1
    rig.finish(rig.claim()[0])
    assert rig.run(second.id).status is RunStatus.SUCCEEDED


def test_a_run_limit_that_says_skip_refuses(rig):
    rig.add(plan_of({"a": []}, run_limit=1, run_limit_reached="skip"))
    rig.create()
    with pytest.raises(RunLimitReached):
        rig.create()


# --- cancelling --------------------------------------------------------------------------------------------------
def test_cancelling_ends_what_waits_and_lets_the_worker_end_what_runs(rig):
    rig.add(plan_of({"a": [], "b": ["a"], "c": []}))
    run = rig.create()
    a = next(one for one in rig.claim(1))
    cancel_run(rig.services, run.id)
    assert rig.run(run.id).status is RunStatus.RUNNING
    with rig.store.transaction(read_only=True) as tx:
        assert tx.attempts_to_cancel(rig.owner.member_id) == [(a.attempt.id, run.id)]
    ended = rig.finish(a, ExitReason.CANCELLED)
    assert ended.run_status is RunStatus.CANCELLED
    assert set(rig.statuses(run.id).values()) == {B.CANCELLED}
    with pytest.raises(RunFinished):
        cancel_run(rig.services, run.id)


def test_cancelling_a_run_that_has_not_begun_ends_it_at_once(rig):
    rig.add(plan_of(DIAMOND))
    run = rig.create()
    assert cancel_run(rig.services, run.id).status is RunStatus.CANCELLED
    assert rig.claim() == []


def test_cancelling_amid_a_fan_out_ends_with_the_last_running_instance(rig):
    rig.add(plan_of(FAN, blocks=FAN_BLOCKS))
    run = rig.create()
    rig.finish(rig.claim()[0], fan_out=3)
    first, second = rig.claim(2)
    cancel_run(rig.services, run.id)
    rig.finish(first, ExitReason.CANCELLED)
    assert rig.run(run.id).status is RunStatus.RUNNING
    rig.finish(second)
    ended = rig.run(run.id)
    assert (ended.status, ended.open_block_runs) == (RunStatus.CANCELLED, 0)


# --- manual retries ----------------------------------------------------------------------------------------------
def test_a_retry_of_what_failed_opens_an_epoch_and_keeps_what_succeeded(rig):
    rig.add(plan_of(DIAMOND))
    run = rig.create()
    rig.run_all({"c": {"reason": ExitReason.ERROR}})
    assert rig.run(run.id).status is RunStatus.FAILED
    again = retry_run(rig.services, RetryRun(run.id))
    assert (again.status, again.epoch) == (RunStatus.QUEUED, 2)
    assert rig.run_all() == ["c", "d"]
    assert rig.run(run.id).status is RunStatus.SUCCEEDED
    numbers = {row.block: row.attempts for row in rig.rows(run.id)}
    assert numbers == {"a": 1, "b": 1, "c": 2, "d": 1}, "attempt numbers go on"


def test_a_retry_takes_the_current_code_or_the_pinned(rig):
    rig.add(plan_of({"a": []}))
    run = rig.create()
    rig.run_all({"a": {"reason": ExitReason.ERROR}})
    rig.add(plan_of({"a": [], "added": ["a"]}, "bundle-2"))
    rig.publish("bundle-2")
    retry_run(rig.services, RetryRun(run.id, code="pinned"))
    assert rig.run_all({"a": {"reason": ExitReason.ERROR}}) == ["a"]
    assert rig.run(run.id).bundle == BUNDLE
    retry_run(rig.services, RetryRun(run.id, code="current"))
    assert rig.run_all() == ["a", "added"]
    assert rig.run(run.id).bundle == "bundle-2"
    assert rig.run(run.id).status is RunStatus.SUCCEEDED


def test_a_retry_from_a_block_does_all_that_follows_again(rig):
    rig.add(plan_of(DIAMOND))
    run = rig.create()
    rig.run_all()
    retry_run(rig.services, RetryRun(run.id, scope="from_block", block="b"))
    assert rig.run_all() == ["b", "d"]
    with pytest.raises(InvalidInput, match="nothing to retry"):
        retry_run(rig.services, RetryRun(run.id))


def test_a_retry_of_a_going_run_is_refused(rig):
    rig.add(plan_of(DIAMOND))
    run = rig.create()
    with pytest.raises(RunNotFinished):
        retry_run(rig.services, RetryRun(run.id))


def test_a_retry_fans_out_afresh_and_numbers_of_an_index_go_on(rig):
    rig.add(plan_of(FAN, blocks=FAN_BLOCKS))
    run = rig.create()
    rig.finish(rig.claim()[0], fan_out=3)
    for one in rig.claim():
        rig.finish(one, ExitReason.ERROR)
    retry_run(rig.services, RetryRun(run.id))
    again = sorted(rig.claim(), key=lambda one: one.block_run.map_index)
    assert [(one.block_run.map_index, one.attempt.number) for one in again] == [(0, 2), (1, 2), (2, 2)]
    for one in again:
        rig.finish(one)
    rig.run_all()
    assert rig.run(run.id).status is RunStatus.SUCCEEDED
    assert rig.run(run.id).open_block_runs == 0


def test_a_retry_that_fans_out_less_leaves_no_stale_instance_among_the_inputs(rig):
    rig.add(plan_of(FAN, blocks=FAN_BLOCKS))
    run = rig.create()
    rig.run_all({"items": {"fan_out": 3}, "join": {"reason": ExitReason.ERROR}})
    retry_run(rig.services, RetryRun(run.id, scope="from_block", block="items"))
    rig.finish(rig.claim()[0], fan_out=1)
    rig.finish(rig.claim()[0], outputs=[{"name": "output_0"}])
    rig.finish(rig.claim()[0], outputs=[{"name": "output_0"}])
    join = rig.claim()[0]
    assert [entry["map_index"] for entry in join.inputs["inputs"]] == [0]
    rig.finish(join)
    assert rig.run(run.id).status is RunStatus.SUCCEEDED


# --- callbacks ---------------------------------------------------------------------------------------------------
def test_a_callback_is_recorded_once_an_epoch_and_does_not_decide_the_run(rig):
    callbacks = {"tell": plan_of({"tell": []}).block("tell")}
    rig.add(plan_of({"a": []}, blocks={"a": {"callbacks": ("tell",)}}, callbacks=callbacks))
    run = rig.create()
    rig.finish(rig.claim()[0], outputs=[{"name": "output_0", "inline": 7}])
    assert rig.run(run.id).status is RunStatus.RUNNING, "the callback is still to run"
    callback = rig.claim()[0]
    assert (callback.block_run.kind, callback.block_run.parent, callback.block_run.event) == (
        BlockRunKind.CALLBACK, "a", "success",
    )  # fmt: skip
    assert callback.inputs["inputs"][0]["outputs"][0]["inline"] == 7
    rig.finish(callback, ExitReason.ERROR)
    assert rig.run(run.id).status is RunStatus.SUCCEEDED
    retry_run(rig.services, RetryRun(run.id, scope="from_block", block="a"))
    rig.run_all({"a": {"reason": ExitReason.ERROR}})
    events = [(row.epoch, row.event) for row in rig.rows(run.id) if row.kind is BlockRunKind.CALLBACK]
    assert events == [(1, "success"), (2, "failure")]


# --- whole pipelines ---------------------------------------------------------------------------------------------
def report(rig, claimed, event, block, index=None, **result):
    with rig.store.transaction() as tx:
        document = {"event": event, "block": block, "map_index": index, "result": result}
        return record_block_event(tx, claimed.plan, rig.owner, claimed.attempt.id, document, rig.clock.now())


def test_a_pipeline_in_one_process_is_one_attempt_that_reports_its_blocks(rig):
    rig.add(plan_of({"a": [], "b": ["a"]}, in_one_process=True))
    run = rig.create()
    units = rig.claim()
    assert [unit.block_run.kind for unit in units] == [BlockRunKind.PIPELINE]
    assert report(rig, units[0], "block_started", "a")
    assert report(rig, units[0], "block_finished", "a", status="succeeded", outputs=[{"name": "output_0", "inline": 1}])
    assert rig.statuses(run.id)["a"] is B.SUCCEEDED
    report(rig, units[0], "block_started", "b")
    report(rig, units[0], "block_finished", "b", status="succeeded")
    assert rig.finish(units[0]).run_status is RunStatus.SUCCEEDED
    assert rig.run(run.id).open_block_runs == 0


def test_a_lost_unit_goes_on_from_the_blocks_without_a_result(rig):
    rig.add(plan_of({"a": [], "b": ["a"]}, in_one_process=True))
    run = rig.create()
    unit = rig.claim()[0]
    report(rig, unit, "block_started", "a")
    report(rig, unit, "block_finished", "a", status="succeeded", outputs=[{"name": "output_0", "inline": 1}])
    report(rig, unit, "block_started", "b")
    rig.finish(unit, ExitReason.LOST)
    assert not report(rig, unit, "block_finished", "b", status="succeeded"), "its word no longer counts"
    again = rig.claim()[0]
    assert again.inputs["results"] == {"a": [{"name": "output_0", "inline": 1}]}
    report(rig, again, "block_started", "b")
    report(rig, again, "block_finished", "b", status="succeeded")
    rig.finish(again)
    assert rig.run(run.id).status is RunStatus.SUCCEEDED


def test_a_unit_reports_the_instances_of_mapped_blocks_and_a_lost_one_keeps_them(rig):
    rig.add(plan_of(FAN, blocks=FAN_BLOCKS, in_one_process=True))
    run = rig.create()
    unit = rig.claim()[0]
    report(rig, unit, "block_finished", "items", status="succeeded", fan_out=2)
    for index in (0, 1):
        report(rig, unit, "block_started", "each", index)
    report(rig, unit, "block_finished", "each", 1, status="succeeded", outputs=[{"name": "output_0", "inline": 1}])
    assert rig.statuses(run.id)["each"] is B.RUNNING
    rig.finish(unit, ExitReason.LOST)
    again = rig.claim()[0]
    assert again.inputs["results"]["each"] == [{"name": "output_0", "inline": 1, "map_index": 1}]
    report(rig, again, "block_started", "each", 0)
    report(rig, again, "block_finished", "each", 0, status="succeeded")
    assert rig.statuses(run.id)["each"] is B.SUCCEEDED
    for index in (0, 1):
        report(rig, again, "block_finished", "again", index, status="succeeded")
    report(rig, again, "block_finished", "join", status="succeeded")
    assert rig.finish(again).run_status is RunStatus.SUCCEEDED
    assert rig.run(run.id).open_block_runs == 0


def test_a_unit_over_an_empty_list_succeeds(rig):
    rig.add(plan_of(FAN, blocks=FAN_BLOCKS, in_one_process=True))
    run = rig.create()
    unit = rig.claim()[0]
    report(rig, unit, "block_finished", "items", status="succeeded", fan_out=0)
    report(rig, unit, "block_finished", "join", status="succeeded")
    assert rig.finish(unit).run_status is RunStatus.SUCCEEDED
    assert set(rig.statuses(run.id).values()) == {B.SUCCEEDED}


def test_a_unit_whose_sensor_waits_is_asked_again_later(rig):
    rig.add(plan_of({"s": [], "b": ["s"]}, in_one_process=True))
    run = rig.create()
    unit = rig.claim()[0]
    report(rig, unit, "block_started", "s")
    report(rig, unit, "block_finished", "s", status="deferred")
    rig.finish(unit, status="deferred")
    assert rig.statuses(run.id)["s"] is B.PENDING
    rig.clock.advance(60)
    make_due_ready(rig.services)
    assert len(rig.claim()) == 1


def test_a_unit_that_fails_says_which_block_did(rig):
    rig.add(plan_of({"a": [], "b": ["a"], "c": ["b"]}, in_one_process=True))
    run = rig.create()
    unit = rig.claim()[0]
    report(rig, unit, "block_finished", "a", status="succeeded")
    report(rig, unit, "block_started", "b")
    report(rig, unit, "block_finished", "b", status="failed", error={"type": "E", "message": "m"})
    assert rig.finish(unit, ExitReason.ERROR).run_status is RunStatus.FAILED
    found = rig.statuses(run.id)
    assert (found["a"], found["b"], found["c"]) == (B.SUCCEEDED, B.FAILED, B.UPSTREAM_FAILED)
    retry_run(rig.services, RetryRun(run.id))
    unit = rig.claim()[0]
    assert set(unit.inputs["results"]) == {"a"}


# --- abandoning --------------------------------------------------------------------------------------------------
def test_a_run_that_cannot_be_advanced_ends_with_its_reason_and_the_others_go_on(rig):
    rig.add(plan_of(DIAMOND))
    lost, kept = rig.create(), rig.create()
    rig.claim(1)
    abandon_run(rig.services, lost.id, "its code is gone")
    assert rig.run(lost.id).status is RunStatus.FAILED
    assert rig.run(lost.id).open_block_runs == 0
    assert {row.error["message"] for row in rig.rows(lost.id)} == {"its code is gone"}
    assert slugs(rig.claim()) == ["a"]
    assert rig.run(kept.id).status is RunStatus.RUNNING


# --- what a review found -------------------------------------------------------------------------------------------
def test_a_run_whose_code_is_gone_is_claimed_by_nobody_and_can_be_cancelled(rig):
    rig.add(plan_of({"a": []}, slug="gone"))
    rig.add(plan_of({"a": []}))
    gone, kept = rig.create("gone"), rig.create()
    del rig.plans.known[BUNDLE, "gone"]
    claimed = rig.claim()
    assert [one.run.id for one in claimed] == [kept.id]
    assert [one.run_id for one in rig.broken] == [gone.id]
    assert cancel_run(rig.services, gone.id).cancel_requested_at is not None
    abandon_run(rig.services, gone.id, "its code is gone")
    assert rig.run(gone.id).status is RunStatus.FAILED


def test_a_rescue_that_breaks_on_one_run_goes_on_with_the_others(rig):
    rig.add(plan_of({"a": []}, slug="gone"))
    rig.add(plan_of({"a": []}))
    gone, kept = rig.create("gone"), rig.create()
    rig.claim()
    del rig.plans.known[BUNDLE, "gone"]
    rig.clock.advance(60)
    end_expired_members(rig.services)
    rescue_lost_attempts(rig.services)
    assert rig.run(gone.id).status is RunStatus.FAILED
    assert rig.statuses(kept.id) == {"a": B.READY}


def test_a_member_has_a_grace_after_its_lease(rig):
    rig.clock.advance(10)
    assert end_expired_members(rig.services, grace_seconds=6.0) == []
    rig.clock.advance(6)
    assert end_expired_members(rig.services, grace_seconds=6.0) == [rig.owner.member_id]


def test_a_retry_after_the_pipeline_was_told_to_run_in_one_process_has_its_unit(rig):
    rig.add(plan_of({"a": [], "b": ["a"]}))
    run = rig.create()
    rig.run_all({"a": {"reason": ExitReason.ERROR}})
    rig.add(plan_of({"a": [], "b": ["a"]}, "bundle-2", in_one_process=True))
    rig.publish("bundle-2")
    retry_run(rig.services, RetryRun(run.id))
    unit = rig.claim()[0]
    assert unit.block_run.kind is BlockRunKind.PIPELINE
    for block in ("a", "b"):
        report(rig, unit, "block_finished", block, status="succeeded")
    assert rig.finish(unit).run_status is RunStatus.SUCCEEDED
    assert rig.run(run.id).open_block_runs == 0


def test_a_retried_unit_reports_the_instances_of_an_earlier_epoch_again(rig):
    rig.add(plan_of(FAN, blocks=FAN_BLOCKS, in_one_process=True))
    run = rig.create()
    for epoch in (1, 2):
        unit = rig.claim()[0]
        report(rig, unit, "block_finished", "items", status="succeeded", fan_out=2)
        for block in ("each", "again"):
            for index in (0, 1):
                assert report(rig, unit, "block_started", block, index)
                assert report(rig, unit, "block_finished", block, index, status="succeeded")
        report(rig, unit, "block_finished", "join", status="succeeded")
        assert rig.finish(unit).run_status is RunStatus.SUCCEEDED, epoch
        assert rig.run(run.id).open_block_runs == 0
        if epoch == 1:
            retry_run(rig.services, RetryRun(run.id, scope="from_block", block="items"))


def test_a_broken_block_that_the_code_no_longer_has_does_not_fail_the_retry(rig):
    rig.add(plan_of({"a": [], "broken": ["a"], "c": []}))
    run = rig.create()
    rig.run_all({"broken": {"reason": ExitReason.ERROR}, "c": {"reason": ExitReason.ERROR}})
    rig.add(plan_of({"a": [], "c": []}, "bundle-2"))
    rig.publish("bundle-2")
    retry_run(rig.services, RetryRun(run.id))
    assert rig.run_all() == ["c"]
    assert rig.run(run.id).status is RunStatus.SUCCEEDED


def test_a_retry_keeps_the_limit_on_runs(rig):
    rig.add(plan_of({"a": []}, run_limit=1))
    first = rig.create()
    rig.run_all({"a": {"reason": ExitReason.ERROR}})
    rig.create()
    with pytest.raises(RunLimitReached):
        retry_run(rig.services, RetryRun(first.id))
    assert rig.run(first.id).status is RunStatus.FAILED


def test_a_full_pipeline_holds_up_no_other(rig):
    rig.add(plan_of({"a": []}, slug="full", run_limit=1))
    rig.add(plan_of({"a": []}, slug="free", run_limit=1))
    rig.create("full")
    for _ in range(3):
        rig.create("full")
    going, held = rig.create("free"), rig.create("free")
    for one in rig.claim():
        if one.run.id == going.id:
            rig.finish(one)
    assert admit_waiting_runs(rig.services) == 1
    assert rig.run(held.id).admitted


def test_no_callback_starts_after_a_cancel(rig):
    callbacks = {"tell": plan_of({"tell": []}).block("tell")}
    rig.add(plan_of({"a": []}, blocks={"a": {"callbacks": ("tell",)}}, callbacks=callbacks))
    run = rig.create()
    one = rig.claim()[0]
    cancel_run(rig.services, run.id)
    rig.finish(one)
    assert rig.claim() == []
    assert rig.run(run.id).open_block_runs == 0


def test_an_idempotency_key_is_free_again_after_a_week(rig):
    rig.add(plan_of({"a": []}))
    first = rig.create(idempotency_key="k", variables={"x": 1})
    rig.clock.advance(8 * 24 * 3600)
    assert rig.create(idempotency_key="k", variables={"x": 2}).id != first.id
