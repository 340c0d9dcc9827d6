"""InMemoryExecutor keeps the executor's port."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_runtime.executors.in_memory import Death, InMemoryExecutor, Living
from penstock_runtime.ports.environments import EnvironmentRef
from penstock_runtime.ports.executor import AttemptWork, BlockEvent, BrokerRefusal
from penstock_runtime.ports.log_store import LogKey
from penstock_runtime.storage.memory_logs import InMemoryLogStore
from penstock_runtime.testing.conformance.executor import ExecutorBench, ExecutorConformance, ScriptedBroker


def succeeded(value: object) -> dict[str, Any]:
    outputs = [{"name": "output_0", "format": "json", "inline": value}]
    return {"status": "succeeded", "error": None, "outputs": outputs, "fan_out": None, "tests": []}


def asks(living: Living) -> dict[str, Any]:
    answers = []
    for name in ("known", "unknown", "broken"):
        try:
            answers.append(living.ask("secret", name=name))
        except (BrokerRefusal, RuntimeError) as refusal:
            answers.append(str(refusal))
    return succeeded(answers)


def program(living: Living) -> Any:
    behaviour = living.work.payload["behaviour"]
    if behaviour == "fails":
        raise ValueError("no such luck")
    if behaviour == "out_of_memory":
        raise MemoryError
    if behaviour == "dies":
        return Death(exit_code=3)
    if behaviour == "hangs":
        return Death(living.ending) if living.ending else None
    if behaviour == "stubborn":
        return None
    if behaviour == "prints":
        living.log("first")
        living.log("second")
    if behaviour == "asks":
        return asks(living)
    if behaviour == "pipeline":
        living.events += [BlockEvent("a", None), BlockEvent("a", None, succeeded(1))]
    return succeeded({"answer": 42})


class InMemoryBench(ExecutorBench):
    def __init__(self) -> None:
        super().__init__()
        self.broker = ScriptedBroker()
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.executor = InMemoryExecutor(program, self.broker, InMemoryLogStore(), lambda: self.time)

    def work(self, behaviour: str, **fields: Any) -> AttemptWork:
        attempt_id = str(uuid.uuid4())
        environment = EnvironmentRef("own", "python", "sdk")
        log = LogKey(f"run-{attempt_id}", behaviour, None, 1)
        return AttemptWork(attempt_id, log.run_id, {"behaviour": behaviour}, environment, log, **fields)

    def pass_time(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class TestInMemoryExecutor(ExecutorConformance):
    @pytest.fixture
    def bench(self) -> InMemoryBench:
        return InMemoryBench()
