"""LocalProcessExecutor: the Executor port over warm parents on this machine."""

from __future__ import annotations

import signal
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from penstock.process_marks import ATTEMPT_VARIABLE, OWNER_VARIABLE, PLACEHOLDER
from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.executors.local_process.attempt import Attempt, Cut
from penstock_runtime.executors.local_process.conversation import Conversation
from penstock_runtime.executors.local_process.leftovers import kill_marked, owner_mark, owner_of
from penstock_runtime.executors.local_process.log_pump import LogPump
from penstock_runtime.executors.local_process.memory_sampler import MemorySampler
from penstock_runtime.executors.local_process.pool import DATA, LIGHT, Pool, PoolEvents, PoolRules
from penstock_runtime.executors.local_process.reactor import Reactor
from penstock_runtime.executors.local_process.warm_parent import ChildExit, IdleChild, WarmParent
from penstock_runtime.ports.environments import EnvironmentRef
from penstock_runtime.ports.executor import (
    AttemptWork,
    Broker,
    ExternalId,
    Observation,
    ObservedState,
    WorkRefused,
)
from penstock_runtime.ports.log_store import LogKey, LogLine, LogStore

REMEMBERED = 4096
"""Ended attempts that are still known by id, so that a repeated submit starts nothing."""
LOG_PATIENCE_SECONDS = 2.0
"""How long an end waits for the last of the log once the process is gone."""
SWEEP_PATIENCE = 250
SWEEP_SECONDS = 0.02
RUNNER_PATIENCE_SECONDS = 15.0
"""A runner that has not carried out a kill after this is stuck, and is killed itself."""
FINISH_PATIENCE_SECONDS = 10.0
"""How long a child may take to exit once it sent its result."""
CUT_MESSAGES = {
    ExitReason.CANCELLED: "cancelled",
    ExitReason.TIMEOUT: "ran longer than its timeout",
    ExitReason.DRAINED: "the worker was asked to leave",
}


@dataclass(frozen=True, slots=True)
class LocalProcessOptions:
    """`data_dir` marks whose processes these are; `environ` is all that blocks see, besides the marks."""

    data_dir: Path
    slots: int = 4
    ahead: int = 4
    environ: Mapping[str, str] = field(default_factory=dict)
    grace_seconds: float = 10.0
    data_parent_idle_seconds: float = 600.0
    log_cap_bytes: int = 10 * 1024 * 1024
    sample_seconds: float = 0.5


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LocalProcessExecutor:
    """See ports.executor. `on_log` is called from a thread of its own, after each append."""

    def __init__(
        self,
        options: LocalProcessOptions,
        broker: Broker,
        logs: LogStore,
        on_log: Callable[[LogKey], None] | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Open descriptors and start the log pump; no runner starts before `warm` or the first work."""
        self._options = options
        self._logs = logs
        self._owner = owner_of(options.data_dir)
        self._reactor = Reactor()
        self._reactor.on_wake.append(self._take_notes)
        self._pump = LogPump(logs, options.log_cap_bytes, on_log, self._reactor.wake)
        self._pump.start()
        self._over: deque[tuple[str, int]] = deque()
        self._sampler = MemorySampler(options.sample_seconds, self._on_over)
        self._conversation = Conversation(self._reactor, broker, now, self._on_talk)
        self._pools: dict[tuple[str, str, str], Pool] = {}
        self._attempts: dict[ExternalId, Attempt] = {}
        self._by_pid: dict[int, Attempt] = {}
        self._closing: dict[ExternalId, Attempt] = {}
        self._news: dict[ExternalId, Attempt] = {}
        self._ended: OrderedDict[ExternalId, Attempt] = OrderedDict()
        self._oom_kills = kernel_oom_kills()
        self._draining = self._closed = self._observing = False

    # The port.

    def submit(self, work: AttemptWork) -> ExternalId:
        """Hand the work to a child, or queue it until there is one."""
        attempt = Attempt(work)
        known = self._find(attempt.external_id)
        if known is not None:
            return known.external_id
        if self._draining or self._closed:
            raise WorkRefused("this executor takes no more work: it is being drained")
        if len(work.attempt_id.encode()) > len(PLACEHOLDER):
            raise WorkRefused(f"an attempt id has at most {len(PLACEHOLDER)} bytes")
        self._attempts[attempt.external_id] = attempt
        if work.timeout_seconds is not None:
            attempt.timers["timeout"] = self._reactor.after(work.timeout_seconds, lambda: self._time_out(attempt))
        self._pool(work.environment).enqueue(attempt)
        return attempt.external_id

    def observe(self, ids: Collection[ExternalId] | None = None) -> list[Observation]:
        """Handle what has come, then say what is known."""
        self._observing = True
        try:
            if not self._closed:
                self._reactor.dispatch()
        finally:
            self._observing = False
        if ids is None:
            seen = [attempt.observe() for attempt in self._news.values()]
            self._news.clear()
            return seen
        seen = [self._observe_one(external_id) for external_id in ids]
        if self._news and not self._closed:
            self._reactor.wake()
        return seen

    def _observe_one(self, external_id: ExternalId) -> Observation:
        attempt = self._find(external_id)
        if attempt is None:
            state, text = ObservedState.FINISHED, "this worker knows no such attempt"
            return Observation(external_id, external_id.removeprefix("local-"), state, ExitReason.LOST, message=text)
        self._news.pop(external_id, None)
        return attempt.observe()

    def cancel(
        self, external_id: ExternalId, grace_seconds: float = 10.0, reason: ExitReason = ExitReason.CANCELLED
    ) -> None:
        """SIGTERM to the child's group, and after the grace SIGKILL to its tree."""
        attempt = self._attempts.get(external_id)
        if attempt is not None and not attempt.ended:
            self._cut(attempt, Cut(reason, CUT_MESSAGES.get(reason, reason.value)), grace_seconds)

    def find(self, label: str) -> list[ExternalId]:
        """Return the living attempts of that label, attempt id or run id."""
        return [
            external_id
            for external_id, attempt in self._attempts.items()
            if label in attempt.work.labels or label in {attempt.work.attempt_id, attempt.work.run_id}
        ]

    def tail(self, external_id: ExternalId, offset: int = 0) -> tuple[Sequence[LogLine], int]:
        """Read the attempt's log from the log store."""
        attempt = self._find(external_id)
        return self._logs.read(attempt.work.log_key, offset) if attempt else ([], offset)

    def fileno(self) -> int:
        """Return the epoll descriptor, readable when there is something for `observe`."""
        return self._reactor.fileno()

    def drain(self, grace_seconds: float) -> None:
        """Cancel everything with the reason `drained`; refuse new work."""
        self._draining = True
        for external_id in list(self._attempts):
            self.cancel(external_id, grace_seconds, ExitReason.DRAINED)

    def close(self) -> None:
        """End every runner, which ends every process; then the threads and the descriptors."""
        if self._closed:
            return
        self._draining = self._closed = True
        for pool in self._pools.values():
            pool.close()
        for attempt in [*self._attempts.values(), *self._closing.values()]:
            if attempt.channel is not None:
                attempt.channel.close()
        self._sampler.close()
        self._pump.close()
        self._reactor.close()

    # Besides the port.

    def warm(self, environment: EnvironmentRef, *, tables: bool = False) -> None:
        """Have a runner up for an environment before its first work. Idempotent."""
        self._pool(environment).warm(DATA if tables else LIGHT)

    @property
    def runner_pids(self) -> list[int]:
        """Return the process ids of the runners that are there."""
        return [parent.pid for pool in self._pools.values() for parent in pool.parents()]

    # From here on, how.

    def _find(self, external_id: ExternalId) -> Attempt | None:
        return self._attempts.get(external_id) or self._ended.get(external_id)

    def _pool(self, ref: EnvironmentRef) -> Pool:
        key = (ref.key, ref.python, ref.sdk_path)
        if key not in self._pools:
            marks = {ATTEMPT_VARIABLE: PLACEHOLDER, OWNER_VARIABLE: owner_mark(self._owner)}
            environ = {**self._options.environ, **marks}
            ahead = max(1, min(self._options.ahead, self._options.slots))
            rules = PoolRules(ahead, self._options.data_parent_idle_seconds, environ)
            events = PoolEvents(self._begin, self._on_exit, self._on_parent_gone, self._on_broken)
            self._pools[key] = Pool(ref, rules, self._reactor, events)
        return self._pools[key]

    def _touch(self, attempt: Attempt) -> None:
        """Make `observe` tell of this attempt, and `fileno` readable when we are not inside `observe`."""
        self._news[attempt.external_id] = attempt
        if not self._observing:
            self._reactor.wake()

    def _begin(self, attempt: Attempt, parent: WarmParent, child: IdleChild) -> None:
        """Give the attempt its child: the hot path."""
        attempt.parent, attempt.pid = parent, child.pid
        self._by_pid[child.pid] = attempt
        attempt.log = self._pump.add(child.output_fd, attempt.work.log_key)
        self._conversation.open(attempt, child.control)
        if attempt.work.memory_bytes:
            self._sampler.watch(attempt.external_id, child.pid, attempt.work.memory_bytes)

    def _on_talk(self, attempt: Attempt, event: str) -> None:
        """React to what a child said, beyond what the conversation has noted."""
        self._touch(attempt)
        if event == "started" and attempt.parent is not None:
            self._pool(attempt.work.environment).refill(attempt.parent)
        elif event == "finished":
            self._expect_kill(attempt, FINISH_PATIENCE_SECONDS)
        elif event == "broken":
            text = f"its process broke the protocol of its control socket: {attempt.breach}"
            self._cut(attempt, Cut(ExitReason.ERROR, text), 0)

    def _time_out(self, attempt: Attempt) -> None:
        text = f"ran longer than its timeout of {attempt.work.timeout_seconds:g} s"
        self._cut(attempt, Cut(ExitReason.TIMEOUT, text), self._options.grace_seconds)

    def _cut(self, attempt: Attempt, cut: Cut, grace_seconds: float) -> None:
        """End an attempt: at once when it has no process, else by SIGTERM and, after the grace, SIGKILL."""
        if attempt.ended:
            return
        first = attempt.cut is None
        attempt.cut = attempt.cut or cut
        if attempt.parent is None:
            if self._pool(attempt.work.environment).withdraw(attempt):
                self._finish(attempt)
            return
        if first and grace_seconds > 0:
            attempt.parent.send({"op": "signal", "pid": attempt.pid, "signal": int(signal.SIGTERM)})
        self._expect_kill(attempt, grace_seconds)

    def _expect_kill(self, attempt: Attempt, seconds: float) -> None:
        """Kill the tree after so many seconds, or sooner if that was said before."""
        due = self._reactor.after(seconds, lambda: self._kill(attempt))
        earlier = attempt.timers.get("kill")
        if earlier is not None and earlier.action is not None and earlier.due <= due.due:
            due.cancel()
            return
        if earlier is not None:
            earlier.cancel()
        attempt.timers["kill"] = due
        if seconds <= 0:
            due.cancel()
            self._kill(attempt)

    def _kill(self, attempt: Attempt) -> None:
        if attempt.parent is not None and attempt.exit is None:
            attempt.parent.send({"op": "kill", "pid": attempt.pid})
            attempt.timers["stuck"] = self._reactor.after(RUNNER_PATIENCE_SECONDS, attempt.parent.kill)

    def _on_exit(self, pid: int, end: ChildExit) -> None:
        """Note a child's end; its attempt finishes when its last words are stored."""
        attempt = self._by_pid.pop(pid, None)
        if attempt is None:
            return
        self._conversation.finish(attempt)
        attempt.exit = end
        attempt.kernel_killed = self._kernel_killed(end)
        self._finish_when_logged(attempt)

    def _kernel_killed(self, end: ChildExit) -> bool:
        """Whether the kernel's out-of-memory killer struck since we last looked, when a child died as it kills."""
        if end.status & 0x7F != signal.SIGKILL:
            return False
        before, self._oom_kills = self._oom_kills, kernel_oom_kills()
        return self._oom_kills > before

    def _finish_when_logged(self, attempt: Attempt) -> None:
        if attempt.log is None or attempt.log.done or attempt.log_abandoned:
            self._finish(attempt)
            return
        self._closing[attempt.external_id] = attempt
        attempt.timers["log"] = self._reactor.after(LOG_PATIENCE_SECONDS, lambda: self._abandon_log(attempt))

    def _abandon_log(self, attempt: Attempt) -> None:
        attempt.log_abandoned = True
        self._finish(attempt)

    def _take_notes(self) -> None:
        """Handle what the threads have left for us."""
        for attempt in [one for one in self._closing.values() if one.log is not None and one.log.done]:
            self._finish(attempt)
        while self._over:
            external_id, size = self._over.popleft()
            fat = self._attempts.get(ExternalId(external_id))
            if fat is not None and fat.result is None:
                text = f"used {size} bytes of memory; its limit is {fat.work.memory_bytes}"
                self._cut(fat, Cut(ExitReason.OUT_OF_MEMORY, text), 0)

    def _on_over(self, external_id: str, size: int) -> None:
        """Note that a tree is over its limit. From the sampler's thread."""
        self._over.append((external_id, size))
        self._reactor.wake()

    def _finish(self, attempt: Attempt) -> None:
        """Judge, tell, and remember for a while."""
        if attempt.ended:
            return
        attempt.peak_memory_bytes = self._sampler.forget(attempt.external_id)
        attempt.finish()
        self._closing.pop(attempt.external_id, None)
        self._attempts.pop(attempt.external_id, None)
        self._ended[attempt.external_id] = attempt
        if len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)
        self._touch(attempt)

    def _on_parent_gone(self, parent: WarmParent) -> None:
        """End what the runner's death left, by its marks; then its attempts are lost."""
        orphans = [attempt for attempt in self._by_pid.values() if attempt.parent is parent]
        for attempt in orphans:
            self._by_pid.pop(attempt.pid or 0, None)
            attempt.parent_lost = True
        self._sweep(orphans, SWEEP_PATIENCE)

    def _sweep(self, orphans: list[Attempt], rounds: int) -> None:
        if not orphans:
            return
        ids = {attempt.work.attempt_id for attempt in orphans}
        left = kill_marked(self._owner, lambda marks: marks.attempt_id in ids)
        if left and rounds:
            self._reactor.after(SWEEP_SECONDS, lambda: self._sweep(orphans, rounds - 1))
            return
        for attempt in orphans:
            self._conversation.finish(attempt)
            self._finish_when_logged(attempt)

    def _on_broken(self, attempts: list[Attempt], text: str) -> None:
        """Tell those who wait for an environment that does not start."""
        for attempt in attempts:
            attempt.cut = Cut(ExitReason.IMAGE, text)
            self._finish(attempt)


def kernel_oom_kills() -> int:
    """Return how often this kernel killed for want of memory since boot; 0 where it does not say."""
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
