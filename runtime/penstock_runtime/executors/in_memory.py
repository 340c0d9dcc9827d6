"""InMemoryExecutor: the Executor port over plain Python callables, with nothing started and nothing waited for.

An attempt goes one step at each `observe`: pending, running, and then its callable is asked whether it has ended. So a
test decides the order of everything. It is complete: labels, asks, block events, timeouts, cancel, drain, logs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.ports.executor import (
    AttemptWork,
    BlockEvent,
    Broker,
    BrokerRefusal,
    ExternalId,
    Observation,
    ObservedState,
    WorkRefused,
)
from penstock_runtime.ports.log_store import LogKey, LogLine, LogStore, encode_line


@dataclass(frozen=True, slots=True)
class Death:
    """What a callable returns to die without a result."""

    reason: ExitReason = ExitReason.ERROR
    exit_code: int | None = None
    message: str = "the process ended before it had a result"


class Living:
    """What a callable sees of its attempt."""

    def __init__(self, work: AttemptWork, broker: Broker, say: Callable[[LogKey, str], None]) -> None:
        """Start with no end in sight."""
        self.work = work
        self.step = 0
        self.ending: ExitReason | None = None
        self.events: list[BlockEvent] = []
        self._broker = broker
        self._say = say

    def ask(self, what: str, **args: Any) -> object:
        """Ask the engine; raises BrokerRefusal, and for any other failure of the broker RuntimeError."""
        try:
            return self._broker.answer(self.work.attempt_id, what, args)
        except BrokerRefusal:
            raise
        except Exception as error:
            raise RuntimeError("the engine could not answer") from error

    def log(self, message: str) -> None:
        """Write a line to the attempt's log."""
        self._say(self.work.log_key, message)


Program = Callable[[Living], Mapping[str, Any] | Death | None]
"""Called at each step from the first running one (`step` counts from 1): a RESULT, a Death, or None to go on living.

`ending` is set once it was asked to end; it may go on until its grace is over. What it raises is a failed result.
"""


class _Attempt:
    def __init__(self, work: AttemptWork, living: Living, due: float | None) -> None:
        self.work = work
        self.living = living
        self.due = due
        self.kill_due: float | None = None
        self.started_at: datetime | None = None
        self.state = ObservedState.PENDING


def _utc_now() -> datetime:
    return datetime.now(UTC)


class InMemoryExecutor:
    """See ports.executor. `program` is every attempt's code; `now` is read for timeouts and graces."""

    def __init__(
        self, program: Program, broker: Broker, logs: LogStore, now: Callable[[], datetime] = _utc_now
    ) -> None:
        """Start with no attempt."""
        self._program = program
        self._broker = broker
        self._logs = logs
        self._now = now
        self._attempts: dict[ExternalId, _Attempt] = {}
        self._ended: dict[ExternalId, Observation] = {}
        self._log_keys: dict[ExternalId, LogKey] = {}
        self._untold: list[ExternalId] = []
        self._draining = False

    def submit(self, work: AttemptWork) -> ExternalId:
        """Accept the work; it runs at the next observations."""
        external_id = ExternalId(f"memory-{work.attempt_id}")
        if external_id in self._attempts or external_id in self._ended:
            return external_id
        if self._draining:
            raise WorkRefused("this executor takes no more work: it is being drained")
        due = None if work.timeout_seconds is None else self._seconds() + work.timeout_seconds
        self._attempts[external_id] = _Attempt(work, Living(work, self._broker, self._say), due)
        return external_id

    def observe(self, ids: Collection[ExternalId] | None = None) -> list[Observation]:
        """Let every attempt go one step, then say what is known."""
        changed = [external_id for external_id, attempt in list(self._attempts.items()) if self._step(attempt)]
        self._untold += [external_id for external_id in changed if external_id not in self._untold]
        if ids is None:
            told, self._untold = self._untold, []
            return [self._say_state(external_id) for external_id in told]
        self._untold = [external_id for external_id in self._untold if external_id not in ids]
        return [self._say_state(external_id) for external_id in ids]

    def cancel(
        self, external_id: ExternalId, grace_seconds: float = 10.0, reason: ExitReason = ExitReason.CANCELLED
    ) -> None:
        """Ask the attempt to end; after the grace it is ended."""
        attempt = self._attempts.get(external_id)
        if attempt is None:
            return
        attempt.living.ending = attempt.living.ending or reason
        due = self._seconds() + grace_seconds
        attempt.kill_due = due if attempt.kill_due is None else min(attempt.kill_due, due)

    def find(self, label: str) -> list[ExternalId]:
        """Return the living attempts of that label, attempt id or run id."""
        return [
            external_id
            for external_id, attempt in self._attempts.items()
            if label in attempt.work.labels or label in {attempt.work.attempt_id, attempt.work.run_id}
        ]

    def tail(self, external_id: ExternalId, offset: int = 0) -> tuple[Sequence[LogLine], int]:
        """Read the attempt's log."""
        attempt = self._attempts.get(external_id)
        key = attempt.work.log_key if attempt else self._log_keys.get(external_id)
        return self._logs.read(key, offset) if key else ([], offset)

    def fileno(self) -> None:
        """Return nothing to wait on: this executor is polled."""

    def drain(self, grace_seconds: float) -> None:
        """Cancel everything with the reason `drained`; refuse new work."""
        self._draining = True
        for external_id in list(self._attempts):
            self.cancel(external_id, grace_seconds, ExitReason.DRAINED)

    def close(self) -> None:
        """Forget everything."""
        self._draining = True
        self._attempts.clear()

    # For tests.

    def end(self, external_id: ExternalId, death: Death) -> None:
        """Make an attempt die now, as a platform would (evicted, lost, out of memory)."""
        attempt = self._attempts.get(external_id)
        if attempt is not None:
            self._finish(attempt, external_id, death)
            self._untold.append(external_id)

    def _seconds(self) -> float:
        return self._now().timestamp()

    def _say(self, key: LogKey, message: str) -> None:
        text = self._now().isoformat(timespec="microseconds").replace("+00:00", "Z")
        self._logs.append(key, encode_line(text, "INFO", message))

    def _step(self, attempt: _Attempt) -> bool:
        """Go one step; whether there is something to tell."""
        external_id = ExternalId(f"memory-{attempt.work.attempt_id}")
        living = attempt.living
        now = self._seconds()
        if attempt.due is not None and now >= attempt.due and living.ending is None:
            living.ending, attempt.kill_due = ExitReason.TIMEOUT, now
        if attempt.state is ObservedState.PENDING and living.ending is not None:
            return self._finish(attempt, external_id, Death(living.ending, None, living.ending.value))
        if attempt.state is ObservedState.PENDING:
            attempt.state, attempt.started_at = ObservedState.RUNNING, self._now()
            return True
        living.step += 1
        outcome = self._outcome(living)
        killed = attempt.kill_due is not None and now >= attempt.kill_due
        if outcome is None and living.ending is not None and killed:
            outcome = Death(living.ending, -9, living.ending.value)
        if outcome is None:
            return bool(living.events)
        return self._finish(attempt, external_id, outcome)

    def _outcome(self, living: Living) -> Mapping[str, Any] | Death | None:
        try:
            return self._program(living)
        except Exception as error:  # noqa: BLE001 - what the callable raises is its attempt's failure
            described = {"type": type(error).__name__, "message": str(error), "traceback": ""}
            return {"status": "failed", "error": described, "outputs": [], "fan_out": None, "tests": []}

    def _finish(self, attempt: _Attempt, external_id: ExternalId, outcome: Mapping[str, Any] | Death) -> bool:
        del self._attempts[external_id]
        self._log_keys[external_id] = attempt.work.log_key
        attempt.state = ObservedState.FINISHED
        self._ended[external_id] = self._observation(external_id, attempt, outcome)
        return True

    def _observation(
        self, external_id: ExternalId, attempt: _Attempt, outcome: Mapping[str, Any] | Death | None
    ) -> Observation:
        events, attempt.living.events = tuple(attempt.living.events), []
        work = attempt.work
        reason, code, message, result = None, None, None, None
        if isinstance(outcome, Death):
            reason, code, message = outcome.reason, outcome.exit_code, outcome.message
        elif outcome is not None:
            result, code = outcome, 0
            reason, message = self._judge(attempt.living, outcome)
        return Observation(
            external_id,
            work.attempt_id,
            attempt.state,
            reason,
            code,
            message,
            result,
            started_at=attempt.started_at,
            events=events,
        )

    @staticmethod
    def _judge(living: Living, result: Mapping[str, Any]) -> tuple[ExitReason, str | None]:
        if result["status"] != "failed":
            return ExitReason.SUCCESS, None
        if living.ending is not None:
            return living.ending, living.ending.value
        error = result.get("error") or {}
        kind = str(error.get("type", "Error"))
        reason = ExitReason.OUT_OF_MEMORY if kind.endswith("MemoryError") else ExitReason.ERROR
        return reason, f"{kind}: {error.get('message', '')}"

    def _say_state(self, external_id: ExternalId) -> Observation:
        ended = self._ended.get(external_id)
        if ended is not None:
            return ended
        attempt = self._attempts.get(external_id)
        if attempt is None:
            text = "this worker knows no such attempt"
            state = ObservedState.FINISHED
            return Observation(external_id, external_id.removeprefix("memory-"), state, ExitReason.LOST, message=text)
        return self._observation(external_id, attempt, None)
