"""What every Executor does. Subclass it and give the fixture `bench`: an executor and works that behave as named."""

from __future__ import annotations

import select
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.ports.executor import (
    AttemptWork,
    BrokerRefusal,
    Executor,
    ExternalId,
    Observation,
    ObservedState,
    WorkRefused,
)

FINISHED = ObservedState.FINISHED
PATIENCE_SECONDS = 30.0


class ScriptedBroker:
    """Answers `secret` for the name `known`; refuses `unknown`; breaks for `broken`. Keeps what was asked."""

    def __init__(self) -> None:
        """Start with no question asked."""
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []

    def answer(self, attempt_id: str, what: str, args: Mapping[str, Any]) -> object:
        """Answer by the name."""
        self.asked.append((attempt_id, what, args))
        if args["name"] == "known":
            return "s3cret"
        if args["name"] == "unknown":
            raise BrokerRefusal("no secret is called unknown")
        raise KeyError("broken")


class ExecutorBench(ABC):
    """An executor under test. `broker` is the one it was made with."""

    executor: Executor
    broker: ScriptedBroker
    _seen: dict[ExternalId, list[Observation]]

    def __init__(self) -> None:
        """Start with nothing observed."""
        self._seen = {}

    @abstractmethod
    def work(self, behaviour: str, **fields: Any) -> AttemptWork:
        """Return new work with the AttemptWork fields given, whose code does what the behaviour names.

        succeeds: returns {"answer": 42} as output_0 · fails: raises ValueError("no such luck") · dies: ends its process
        with code 3 · out_of_memory: raises MemoryError · hangs: until it is ended, and ends on SIGTERM · stubborn:
        until it is ended, and ignores SIGTERM · prints: logs "first", "second" · asks: asks `secret` for known, unknown
        and broken, and returns the answers or the errors' texts · pipeline: reports block `a` started and finished.
        """

    def pass_time(self, seconds: float) -> None:  # noqa: B027 - nothing to do on real time
        """Let time pass for the executor."""

    def under_way(self, behaviour: str) -> None:  # noqa: B027 - nothing to wait for where running means that it runs
        """Wait until the code of a running work has come to where it ignores SIGTERM."""

    def settle(
        self, ids: Collection[ExternalId], state: ObservedState = FINISHED, patience: float = PATIENCE_SECONDS
    ) -> dict[ExternalId, list[Observation]]:
        """Observe until each id has been seen in the state; return all that was ever observed, by id."""
        give_up = time.monotonic() + patience
        while not all(any(one.state is state for one in self._seen.get(external_id, ())) for external_id in ids):
            assert time.monotonic() < give_up, f"not {state} in time: {self._seen}"
            self.wait()
            for observation in self.executor.observe():
                self._seen.setdefault(observation.external_id, []).append(observation)
        return self._seen

    def wait(self) -> None:
        """Wait for news where there is a descriptor for it."""
        fd = self.executor.fileno()
        if fd is not None:
            poller = select.poll()
            poller.register(fd, select.POLLIN)
            poller.poll(PATIENCE_SECONDS * 1000)

    def end_of(self, external_id: ExternalId) -> Observation:
        """Return the observation of its end."""
        return self.settle([external_id])[external_id][-1]


class ExecutorConformance:
    """Behaviours of the port."""

    def test_success_comes_with_the_attempts_own_result(self, bench: ExecutorBench) -> None:
        work = bench.work("succeeds")
        end = bench.end_of(bench.executor.submit(work))
        assert (end.reason, end.attempt_id, end.state) == (ExitReason.SUCCESS, work.attempt_id, FINISHED)
        assert end.result is not None
        assert end.result["outputs"][0]["inline"] == {"answer": 42}
        assert end.started_at is not None

    def test_an_error_names_its_type_and_text(self, bench: ExecutorBench) -> None:
        end = bench.end_of(bench.executor.submit(bench.work("fails")))
        assert end.reason is ExitReason.ERROR
        assert "ValueError" in (end.message or "")
        assert "no such luck" in (end.message or "")

    def test_a_death_without_a_result_is_an_error_with_its_code(self, bench: ExecutorBench) -> None:
        end = bench.end_of(bench.executor.submit(bench.work("dies")))
        assert (end.reason, end.exit_code, end.result) == (ExitReason.ERROR, 3, None)

    def test_memory_error_is_out_of_memory(self, bench: ExecutorBench) -> None:
        assert bench.end_of(bench.executor.submit(bench.work("out_of_memory"))).reason is ExitReason.OUT_OF_MEMORY

    def test_each_end_is_told_once(self, bench: ExecutorBench) -> None:
        ids = [bench.executor.submit(bench.work("succeeds")) for _ in range(5)]
        seen = bench.settle(ids)
        assert [sum(one.state is FINISHED for one in seen[external_id]) for external_id in ids] == [1] * 5
        assert bench.executor.observe() == []

    def test_a_repeated_submit_starts_nothing(self, bench: ExecutorBench) -> None:
        work = bench.work("asks")
        first = bench.executor.submit(work)
        assert bench.executor.submit(work) == first
        bench.end_of(first)
        assert bench.executor.submit(work) == first
        assert bench.executor.observe([first])[0].state is FINISHED
        assert len(bench.broker.asked) == 3

    def test_asked_by_id_an_ended_attempt_is_still_known(self, bench: ExecutorBench) -> None:
        external_id = bench.executor.submit(bench.work("succeeds"))
        bench.end_of(external_id)
        assert bench.executor.observe([external_id])[0].reason is ExitReason.SUCCESS

    def test_an_unknown_id_is_lost(self, bench: ExecutorBench) -> None:
        (found,) = bench.executor.observe([ExternalId("nobody")])
        assert (found.state, found.reason) == (FINISHED, ExitReason.LOST)

    def test_find_by_label_run_and_attempt_while_it_lives(self, bench: ExecutorBench) -> None:
        work = bench.work("hangs", labels=frozenset({"penstock/x"}))
        external_id = bench.executor.submit(work)
        for label in ("penstock/x", work.run_id, work.attempt_id):
            assert bench.executor.find(label) == [external_id]
        assert bench.executor.find("other") == []
        bench.executor.cancel(external_id, 0)
        bench.end_of(external_id)
        assert bench.executor.find("penstock/x") == []

    @pytest.mark.parametrize("reason", [ExitReason.CANCELLED, ExitReason.TIMEOUT, ExitReason.DRAINED])
    def test_cancel_ends_it_for_the_reason_given(self, bench: ExecutorBench, reason: ExitReason) -> None:
        external_id = bench.executor.submit(bench.work("hangs"))
        bench.settle([external_id], ObservedState.RUNNING)
        bench.executor.cancel(external_id, PATIENCE_SECONDS, reason)
        bench.executor.cancel(external_id, PATIENCE_SECONDS, ExitReason.LOST)
        assert bench.end_of(external_id).reason is reason

    def test_who_ignores_the_request_is_killed_after_the_grace(self, bench: ExecutorBench) -> None:
        external_id = bench.executor.submit(bench.work("stubborn"))
        bench.settle([external_id], ObservedState.RUNNING)
        bench.under_way("stubborn")
        bench.executor.cancel(external_id, 0.3)
        bench.pass_time(0.3)
        end = bench.end_of(external_id)
        assert (end.reason, end.exit_code) == (ExitReason.CANCELLED, -9)

    def test_a_second_cancel_can_shorten_the_grace(self, bench: ExecutorBench) -> None:
        external_id = bench.executor.submit(bench.work("stubborn"))
        bench.settle([external_id], ObservedState.RUNNING)
        bench.under_way("stubborn")
        bench.executor.cancel(external_id, 3600)
        bench.executor.cancel(external_id, 0)
        assert bench.end_of(external_id).reason is ExitReason.CANCELLED

    def test_cancel_at_once_after_submit_and_after_the_end(self, bench: ExecutorBench) -> None:
        external_id = bench.executor.submit(bench.work("hangs"))
        bench.executor.cancel(external_id, 0)
        assert bench.end_of(external_id).reason is ExitReason.CANCELLED
        bench.executor.cancel(external_id, 0)
        bench.executor.cancel(ExternalId("nobody"), 0)
        assert bench.executor.observe([external_id])[0].reason is ExitReason.CANCELLED

    def test_the_timeout_is_kept(self, bench: ExecutorBench) -> None:
        external_id = bench.executor.submit(bench.work("hangs", timeout_seconds=1.0))
        bench.settle([external_id], ObservedState.RUNNING)
        bench.pass_time(1.0)
        assert bench.end_of(external_id).reason is ExitReason.TIMEOUT

    def test_the_log_can_be_tailed(self, bench: ExecutorBench) -> None:
        external_id = bench.executor.submit(bench.work("prints"))
        bench.end_of(external_id)
        found, offset = bench.executor.tail(external_id)
        assert [line.message for line in found] == ["first", "second"]
        assert list(bench.executor.tail(external_id, offset)[0]) == []
        assert list(bench.executor.tail(ExternalId("nobody"))[0]) == []

    def test_asks_are_answered_or_refused(self, bench: ExecutorBench) -> None:
        work = bench.work("asks")
        end = bench.end_of(bench.executor.submit(work))
        assert end.result is not None
        known, unknown, broken = end.result["outputs"][0]["inline"]
        assert known == "s3cret"
        assert "no secret is called unknown" in unknown
        assert "could not answer" in broken
        assert {attempt for attempt, _, _ in bench.broker.asked} == {work.attempt_id}

    def test_blocks_of_a_whole_pipeline_are_reported(self, bench: ExecutorBench) -> None:
        external_id = bench.executor.submit(bench.work("pipeline"))
        seen = bench.settle([external_id])[external_id]
        events = [event for one in seen for event in one.events]
        assert [(event.block, event.result is None) for event in events] == [("a", True), ("a", False)]

    def test_drain_ends_everything_and_takes_no_more(self, bench: ExecutorBench) -> None:
        ids = [bench.executor.submit(bench.work("hangs")) for _ in range(3)]
        bench.settle(ids[:1], ObservedState.RUNNING)
        bench.executor.drain(0.2)
        bench.pass_time(0.2)
        with pytest.raises(WorkRefused):
            bench.executor.submit(bench.work("succeeds"))
        ends = bench.executor.observe(ids)
        if not all(one.state is FINISHED for one in ends):
            unfinished = [one.external_id for one in ends if one.state is not FINISHED]
            bench.settle(unfinished)
        assert {one.reason for one in bench.executor.observe(ids)} == {ExitReason.DRAINED}

    def test_closing_twice_is_nothing(self, bench: ExecutorBench) -> None:
        bench.executor.submit(bench.work("hangs"))
        bench.executor.close()
        bench.executor.close()
