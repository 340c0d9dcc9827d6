"""What the executor remembers of one attempt, and the judgement of how it ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.executors.local_process.frames import Channel
from penstock_runtime.executors.local_process.log_pump import LogSource
from penstock_runtime.executors.local_process.timers import Timer
from penstock_runtime.executors.local_process.warm_parent import ChildExit, WarmParent
from penstock_runtime.ports.executor import AttemptWork, BlockEvent, ExternalId, Observation, ObservedState

GOOD_RESULTS = frozenset({"succeeded", "skipped", "deferred"})


@dataclass(frozen=True, slots=True)
class Cut:
    """Why we are ending an attempt."""

    reason: ExitReason
    message: str


@dataclass(frozen=True, slots=True)
class Ending:
    """All that is known when an attempt's process is gone. `status` is a wait status; None when nobody could say."""

    result: Mapping[str, Any] | None
    status: int | None
    cut: Cut | None
    memory_bytes: int | None = None
    kernel_killed: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it ended."""

    reason: ExitReason
    message: str | None = None
    exit_code: int | None = None


def judge(ending: Ending) -> Verdict:
    """Decide the reason. Success needs the attempt's own result; what we did to it counts unless it won the race."""
    code = None if ending.status is None else os.waitstatus_to_exitcode(ending.status)
    result = ending.result
    good = result is not None and result.get("status") in GOOD_RESULTS
    if good and (code in {0, None} or ending.cut is not None):
        return Verdict(ExitReason.SUCCESS, None, code)
    if ending.cut is not None:
        return Verdict(ending.cut.reason, ending.cut.message, code)
    if result is not None and not good:
        return _judge_error(result, code)
    if code is None:
        return Verdict(ExitReason.LOST, "the runner process died, and this attempt with it")
    return _judge_death(ending, code, had_result=result is not None)


def _judge_error(result: Mapping[str, Any], code: int | None) -> Verdict:
    error = result.get("error") or {}
    kind = str(error.get("type", "Error"))
    # NumPy and Arrow have subclasses of their own.
    reason = ExitReason.OUT_OF_MEMORY if kind.endswith("MemoryError") else ExitReason.ERROR
    return Verdict(reason, f"{kind}: {error.get('message', '')}", code)


def _judge_death(ending: Ending, code: int, *, had_result: bool) -> Verdict:
    when = "after it sent its result" if had_result else "before it had a result"
    if code >= 0:
        text = f"the process ended with exit code {code} {when}: something in it ended it, as os._exit does"
        return Verdict(ExitReason.ERROR, text, code)
    name = _signal_name(-code)
    if -code == signal.SIGXCPU:
        return Verdict(ExitReason.TIMEOUT, "the process used up its CPU seconds", code)
    if ending.kernel_killed:
        return Verdict(ExitReason.OUT_OF_MEMORY, "the machine ran out of memory; the kernel killed the process", code)
    limit = f" (its memory limit was {ending.memory_bytes} bytes)" if ending.memory_bytes else ""
    return Verdict(ExitReason.ERROR, f"the process was killed by {name} {when}{limit}", code)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Attempt:
    """One attempt from submit to its end."""

    def __init__(self, work: AttemptWork) -> None:
        """Start as pending."""
        self.work = work
        self.external_id = ExternalId(f"local-{work.attempt_id}")
        self.state = ObservedState.PENDING
        self.parent: WarmParent | None = None
        self.channel: Channel | None = None
        self.pid: int | None = None
        self.log: LogSource | None = None
        self.started_at: datetime | None = None
        self.result: Mapping[str, Any] | None = None
        self.breach: str | None = None
        self.cut: Cut | None = None
        self.exit: ChildExit | None = None
        self.parent_lost = False
        self.log_abandoned = False
        self.kernel_killed = False
        self.peak_memory_bytes = 0
        self.events: list[BlockEvent] = []
        self.timers: dict[str, Timer] = {}
        self.kill_due = float("inf")
        self.verdict: Verdict | None = None

    @property
    def ended(self) -> bool:
        """Whether the end has been judged."""
        return self.verdict is not None

    def finish(self) -> None:
        """Judge the end; nothing changes after this."""
        status = self.exit.status if self.exit else None
        limit = self.work.memory_bytes
        self.verdict = judge(Ending(self.result, status, self.cut, limit, self.kernel_killed))
        self.state = ObservedState.FINISHED
        for timer in self.timers.values():
            timer.cancel()

    def observe(self) -> Observation:
        """Say what is known, and forget the events said."""
        verdict = self.verdict
        events, self.events = tuple(self.events), []
        peak = max(self.peak_memory_bytes, self.exit.max_rss_bytes if self.exit else 0)
        return Observation(
            external_id=self.external_id,
            attempt_id=self.work.attempt_id,
            state=self.state,
            reason=verdict.reason if verdict else None,
            exit_code=verdict.exit_code if verdict else None,
            message=verdict.message if verdict else None,
            result=self.result if verdict else None,
            peak_memory_bytes=peak or None,
            cpu_seconds=self.exit.cpu_seconds if self.exit else None,
            pid=self.pid,
            started_at=self.started_at,
            events=events,
        )
