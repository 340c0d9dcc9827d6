"""The worker's loop."""

from __future__ import annotations

import logging
import os
import selectors
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from penstock_runtime.domain.errors import NotFound, PenstockError, StoreContention, StoreUnavailable
from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.ports.artifact_store import ArtifactStoreFailed
from penstock_runtime.ports.executor import (
    BlockEvent,
    Executor,
    ExecutorUnavailable,
    Observation,
    ObservedState,
)
from penstock_runtime.ports.log_store import encode_line, log_key
from penstock_runtime.ports.run_store import RunTransaction
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.abandon import abandon_run
from penstock_runtime.runs.claim import Claimed, Claims, Want, claim, claim_limited, claim_of_run, executor_of
from penstock_runtime.runs.finish import Ending, Finished, finish_attempt
from penstock_runtime.runs.whole_pipeline import record_block_event
from penstock_runtime.worker import staging, upkeep
from penstock_runtime.worker.assembling import attempt_work
from penstock_runtime.worker.parts import Active, WorkerParts

log = logging.getLogger("penstock.worker")

UNUSABLE = (ArtifactStoreFailed, OSError, ValueError, TypeError, KeyError, AttributeError)
"""What storing the outputs that a child names may raise: a full disk, or a child that names nonsense."""

POLLS_A_COMPARISON = 5
"""What the store has as ours is compared with what we know of at each such poll: it differs after accidents only."""

KILL_GRACE_SECONDS = 5.0
"""How long a cancelled or timed-out attempt has between SIGTERM and SIGKILL."""


class Worker:
    """Runs on one thread; `step` is one turn. `stop_claiming` and `active` serve a drain."""

    def __init__(self, parts: WorkerParts) -> None:
        """Register everything that can wake it."""
        self._parts = parts
        self._active: dict[str, Active] = {}
        self._claiming = True
        self._next_poll = 0.0
        self.turns = 0
        self._polls = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(parts.services.wakeups.fileno(), selectors.EVENT_READ)
        self._nudge_read, self._nudge_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._nudge_read, selectors.EVENT_READ)
        for executor in parts.executors.values():
            descriptor = executor.fileno()
            if descriptor is not None:
                self._selector.register(descriptor, selectors.EVENT_READ)

    @property
    def active(self) -> int:
        """How many attempts are claimed and not yet written down as ended."""
        return len(self._active)

    def nudge(self) -> None:
        """Make the loop turn soon; from any thread."""
        try:
            os.write(self._nudge_write, b".")
        except OSError:
            # A full pipe is a nudge already, and a closed one belongs to a worker that has stopped.
            return

    def stop_claiming(self) -> None:
        """Take nothing more; what is active goes on."""
        self._claiming = False

    def drain(self, grace_seconds: float) -> None:
        """Take nothing more, and ask what runs to end within the grace."""
        self.stop_claiming()
        for active in self._active.values():
            if active.external_id is None and active.outcome is None:
                active.outcome = AttemptOutcome(active.claimed.attempt.id, ExitReason.DRAINED, "the scheduler stopped")
        for executor in self._parts.executors.values():
            executor.drain(grace_seconds)

    def close(self) -> None:
        """End every process at once and release everything."""
        self._selector.close()
        os.close(self._nudge_read)
        os.close(self._nudge_write)
        for executor in self._parts.executors.values():
            executor.close()
        staging.clear(self._parts.staging_root)

    def step(self, timeout: float | None = None) -> None:
        """Wait for news, at most until the next poll, and act on it. Raises nothing of the store's own troubles."""
        clock = self._parts.services.clock
        until_poll = max(0.0, self._next_poll - clock.monotonic())
        self._selector.select(until_poll if timeout is None else min(timeout, until_poll))
        self._drain_nudges()
        topics = {wakeup.topic for wakeup in self._parts.services.wakeups.drain()}
        polling = clock.monotonic() >= self._next_poll
        if polling:
            self._next_poll = clock.monotonic() + self._parts.poll_seconds
        self._observe()
        self._start_waiting()
        try:
            self._advance(look="work" in topics or polling, polling=polling)
            if polling or "cancel" in topics:
                self._cancel_asked()
            if polling:
                upkeep.write_processes(self._parts, self._active)
                self._polls += 1
                if self._polls % POLLS_A_COMPARISON == 0:
                    self._tell(upkeep.give_back_unheard(self._parts, self._active))
                    self._stop_disowned()
        except (StoreUnavailable, StoreContention) as error:
            # Endings stay in `_active` until they are committed, so the next turn tries again.
            log.warning("the database did not take it, trying again: %s", error)
        self.turns += 1

    def _drain_nudges(self) -> None:
        try:
            os.read(self._nudge_read, 4096)
        except BlockingIOError:
            return

    # --- watching ------------------------------------------------------------------------------------------------
    def _observe(self) -> None:
        for executor in self._parts.executors.values():
            for observation in executor.observe():
                active = self._active.get(observation.attempt_id)
                if active is not None:
                    self._note(active, observation)

    def _note(self, active: Active, observation: Observation) -> None:
        active.pid = observation.pid or active.pid
        active.events.extend(observation.events)
        if observation.state is not ObservedState.FINISHED or active.outcome is not None:
            return
        outcome = AttemptOutcome(
            attempt_id=observation.attempt_id,
            reason=observation.reason or ExitReason.LOST,
            message=observation.message,
            result=observation.result,
            exit_code=observation.exit_code,
            pid=active.pid,
            external_id=str(observation.external_id),
            peak_memory_bytes=observation.peak_memory_bytes,
            cpu_seconds=observation.cpu_seconds,
        )
        if not active.events:
            active.outcome = self._adopted(active, outcome)
        else:
            # A whole pipeline's last reports are written first; its own end follows them.
            active.last = outcome

    def _adopted(self, active: Active, outcome: AttemptOutcome) -> AttemptOutcome:
        """Bring the files of a success into the artifact store; if that fails, so does the attempt."""
        folder = self._staging_of(active.claimed)
        result = outcome.result
        if active.spoiled is not None:
            return _not_stored(outcome, active.spoiled)
        try:
            if outcome.reason is ExitReason.SUCCESS and result is not None and result.get("outputs"):
                result = staging.adopt_result(self._parts.artifacts, active.claimed.attempt, folder, result)
        except UNUSABLE as error:
            text = f"its outputs could not be stored: {error}"
            self._say(active.claimed, "ERROR", text)
            return _not_stored(outcome, text)
        finally:
            staging.clear(folder)
        return AttemptOutcome(**{**_fields(outcome), "result": result})

    # --- advancing -----------------------------------------------------------------------------------------------
    def _advance(self, *, look: bool, polling: bool) -> None:
        """Write endings and take new work in one transaction; then start what was taken."""
        self._record_events()
        ended = [one for one in self._active.values() if one.outcome is not None]
        # A worker that is full has no reason to look, whoever says that there is work.
        free = self._claiming and len(self._active) < self._parts.slots
        if not ended and not (look and free):
            return
        try:
            finished, claims = self._transact(ended, polling=polling)
        except (StoreUnavailable, StoreContention):
            raise
        except Exception:
            # One run's trouble must not stop the others: take them one by one, and end alone what cannot go on (I8).
            log.exception("advancing %d attempts together failed, taking them one by one", len(ended))
            finished, claims = self._one_by_one(ended), Claims()
        for active in ended:
            self._active.pop(active.claimed.attempt.id, None)
        # All are known before anything else can fail: what is claimed and not known would run for ever.
        fresh = [Active(one) for one in claims.claimed]
        self._active.update((active.claimed.attempt.id, active) for active in fresh)
        self._tell(finished)
        for broken in claims.broken:
            self._abandon(broken.run_id, broken.reason)
        for active in fresh:
            self._start(active)

    def _transact(self, ended: Sequence[Active], *, polling: bool) -> tuple[list[Finished], Claims]:
        services = self._parts.services
        with services.store.transaction() as tx:
            # Now, not before: a connection may have had to be opened, and what it claims may have ended meanwhile.
            now = services.clock.now()
            finished = [self._finish(tx, active) for active in sorted(ended, key=lambda one: one.claimed.run.id)]
            claims = Claims()
            if self._claiming and not self._parts.membership.lost:
                free = self._parts.slots - (len(self._active) - len(ended))
                self._claim(tx, Want(self._parts.membership.owner, free, now), claims, ended, polling=polling)
        return [one for one in finished if one is not None], claims

    def _claim(self, tx: RunTransaction, want: Want, claims: Claims, ended: Sequence[Active], *, polling: bool) -> None:
        plans = self._parts.services.plans
        if self._parts.only_run is not None:
            claim_of_run(tx, plans, want, self._parts.only_run, claims)
            return
        if polling and want.free > 1:
            # Ahead of the others now and then, with half of what is free: plain runs must not starve limited ones.
            claim_limited(tx, plans, replace(want, free=want.free // 2), claims)
        limited = bool(claims.claimed) if polling else self._limited(ended)
        claim(tx, plans, want, claims)
        if limited:
            claim_limited(tx, plans, want, claims)

    def _limited(self, ended: Sequence[Active]) -> bool:
        """Whether runs with a block limit are worth a look: not amid plain chains, which are the hot path."""
        return not ended or any(one.claimed.run.block_run_limit is not None for one in ended)

    def _finish(self, tx: RunTransaction, active: Active) -> Finished | None:
        services = self._parts.services
        if active.outcome is None:
            raise PenstockError("an attempt without an outcome cannot be finished")
        claimed = active.claimed.attempt
        ending = Ending(self._parts.membership.owner, services.clock.now(), active.claimed.block_run)
        return finish_attempt(tx, services.plans, claimed, active.outcome, ending)

    def _one_by_one(self, ended: Sequence[Active]) -> list[Finished]:
        done = []
        for active in ended:
            try:
                with self._parts.services.store.transaction() as tx:
                    one = self._finish(tx, active)
                if one is not None:
                    done.append(one)
            except (StoreUnavailable, StoreContention):
                raise
            except Exception as error:  # noqa: BLE001 - see below
                # Whatever broke on this run, it ends as failed with the reason, and the worker lives.
                self._abandon(active.claimed.run.id, f"{type(error).__name__}: {error}")
        return done

    def _abandon(self, run_id: str, reason: str) -> None:
        log.error("run %s cannot be advanced: %s", run_id, reason)
        abandon_run(self._parts.services, run_id, f"the run could not be advanced: {reason}")

    def _tell(self, finished: Sequence[Finished]) -> None:
        hints = [Wakeup("run", one.run_id) for one in finished]
        # More became ready than this worker may have taken: others may.
        hints.extend(Wakeup("work", one.run_id) for one in finished if one.made_ready > 1)
        hints.extend(Wakeup("notice") for one in finished if one.told)
        hints.extend(Wakeup("backfill", one.backfill) for one in finished if one.backfill is not None)
        if hints:
            self._parts.services.wakeups.publish(*dict.fromkeys(hints))

    def _record_events(self) -> None:
        for active in self._active.values():
            while active.events:
                try:
                    self._record_event(active, active.events[0])
                except UNUSABLE as error:
                    self._spoil(active, f"a block's outputs could not be stored: {error}")
                    break
                active.events.pop(0)
            if active.last is not None and active.outcome is None:
                active.outcome = self._adopted(active, active.last)

    def _spoil(self, active: Active, text: str) -> None:
        """End a whole pipeline whose report cannot be kept: what it has still to say is of no use."""
        active.events.clear()
        if active.spoiled is None:
            active.spoiled = text
            self._say(active.claimed, "ERROR", text)
            if active.external_id is not None and active.last is None:
                self._executor(active.claimed).cancel(active.external_id, 0.0, ExitReason.CANCELLED)

    def _record_event(self, active: Active, event: BlockEvent) -> None:
        if active.spoiled is not None:
            return
        services = self._parts.services
        attempt = active.claimed.attempt
        report: dict[str, Any] = {"event": "block_started", "block": event.block, "map_index": event.map_index}
        if event.result is not None:
            result = event.result
            if result.get("status") == "succeeded":
                # Copied: the blocks that follow in the same process read the child's own files.
                folder = self._staging_of(active.claimed)
                result = staging.adopt_result(self._parts.artifacts, attempt, folder, result, move=False)
            report |= {"event": "block_finished", "result": result}
        plan = active.claimed.plan
        with services.store.transaction() as tx:
            record_block_event(tx, plan, self._parts.membership.owner, attempt.id, report, services.clock.now())
        services.tell_run_changed(attempt.run_id)

    # --- starting ------------------------------------------------------------------------------------------------
    def _start_waiting(self) -> None:
        for active in list(self._active.values()):
            if active.external_id is None and active.outcome is None:
                self._start(active)

    def _start(self, active: Active) -> None:
        if self._parts.membership.lost:
            # Frozen since the claim: another may have begun its successor, and this process is about to end itself.
            return
        claimed = active.claimed
        try:
            environment = self._parts.environments.ask(claimed.run.bundle)
            for line in self._parts.environments.progress(claimed.run.bundle):
                self._say(claimed, "INFO", line)
            if environment is not None:
                executor = self._executor(claimed)
                active.external_id = executor.submit(
                    attempt_work(self._parts, claimed, self._staging_of(claimed), environment)
                )
        except Exception as error:  # noqa: BLE001 - see below
            # Whatever is wrong with one block's work (its SQL, its inputs) ends that attempt and no other.
            passing = isinstance(error, StoreUnavailable | StoreContention | ExecutorUnavailable)
            reason = ExitReason.LOST if passing else ExitReason.ERROR
            said = {"error": {"type": type(error).__name__, "message": str(error)}}
            self._say(claimed, "ERROR", str(error))
            active.outcome = AttemptOutcome(claimed.attempt.id, reason, str(error), said)
            self._parts.services.wakeups.publish(Wakeup("run", claimed.run.id))
            self._next_poll = 0.0

    def _executor(self, claimed: Claimed) -> Executor:
        kind = executor_of(claimed)
        executor = self._parts.executors.get(kind)
        if executor is None:
            raise NotFound(
                f"executor {kind.value} is not set up here; set another in the block, or DEFAULT_EXECUTOR_TYPE"
            )
        return executor

    def _staging_of(self, claimed: Claimed) -> Path:
        return self._parts.staging_root / claimed.attempt.id

    # --- stopping ------------------------------------------------------------------------------------------------
    def _cancel_asked(self) -> None:
        if not self._active:
            return
        with self._parts.services.store.transaction(read_only=True) as tx:
            asked = tx.attempts_to_cancel(self._parts.membership.owner.member_id)
        for attempt_id, _ in asked:
            active = self._active.get(attempt_id)
            if active is None or active.cancelled:
                continue
            active.cancelled = True
            if active.external_id is None:
                active.outcome = AttemptOutcome(attempt_id, ExitReason.CANCELLED, "cancelled before it started")
                self._next_poll = 0.0
            else:
                self._executor(active.claimed).cancel(active.external_id, KILL_GRACE_SECONDS, ExitReason.CANCELLED)

    def _stop_disowned(self) -> None:
        """Stop what the store has as ended: its run was abandoned while it ran."""
        for active in upkeep.disowned(self._parts, self._active):
            active.cancelled = True
            if active.external_id is not None:
                self._executor(active.claimed).cancel(active.external_id, KILL_GRACE_SECONDS, ExitReason.CANCELLED)

    def _say(self, claimed: Claimed, level: str, text: str) -> None:
        """Put a line of ours into the attempt's log."""
        at = self._parts.services.clock.now().isoformat()
        try:
            self._parts.logs.append(log_key(claimed.attempt), encode_line(at, level, text, {"source": "penstock"}))
        except PenstockError as error:
            log.warning("a log line was not kept: %s", error)


def _not_stored(outcome: AttemptOutcome, text: str) -> AttemptOutcome:
    said = {"error": {"type": "OutputNotStored", "message": text}}
    return AttemptOutcome(**{**_fields(outcome), "reason": ExitReason.ERROR, "message": text, "result": said})


def _fields(outcome: AttemptOutcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in AttemptOutcome.__slots__}
