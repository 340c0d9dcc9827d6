"""One look at a time: who may decide, what the load is, how many schedulers it asks for, and setting that number.

* The lease: `scaler`, in the run store. Every process that is told a target asks for it at each look; one gets it.
* The term: the lease's. It is asked for again right before a number is set, and the number is dropped when the term has
  changed or the look is old: so a process that was frozen between looking and setting sets nothing.
* The failure: without the database, or with figures that are missing, nothing is decided and nothing changes.
* Who repairs it: a freeze in the last moment, after the lease was checked, can still set an old number; a number is
  absolute and within the bounds, and whoever looks next sets the right one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from penstock_runtime.domain.errors import InvalidInput, StoreContention, StoreUnavailable
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import Lease, Member
from penstock_runtime.domain.scaling import (
    Load,
    Need,
    Past,
    Rules,
    ScalingDecision,
    Verdict,
    decide,
    inputs_of,
    need_of,
)
from penstock_runtime.ports.clock import Clock
from penstock_runtime.ports.run_store import RunStore
from penstock_runtime.ports.scaler import Scaler, ScalerUnavailable
from penstock_runtime.ports.scaling_decisions import LoadFigures

log = logging.getLogger("penstock.scaler")

LEASE = "scaler"
LEASE_LOOKS = 3
SHORTEST_LEASE_SECONDS = 5.0
WINDOW_LOOKS = 12
"""Arrivals and durations are those of this many looks."""
MOST_ATTEMPTS = 1000
RECORD_LOOKS = 6
"""A decision that says the same as the last one is kept once in this many looks."""
REMEMBERED = 50
"""Decisions that a new holder reads to learn when the number was changed last."""


@dataclass(frozen=True, slots=True)
class Target:
    """The service whose size is set. Without a `scaler` no adapter speaks to `name`: then nothing is ever set."""

    name: str
    service: str
    scaler: Scaler | None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _Held:
    """A lease and when it was taken, on the clock that no one sets."""

    lease: Lease
    since: float


class Autoscaler:
    """The scaler of one process. One thread at a time."""

    def __init__(self, store: RunStore, clock: Clock, target: Target, rules: Rules, holder: str) -> None:
        """`holder` names this process in the lease."""
        self._store = store
        self._clock = clock
        self._target = target
        self._rules = rules
        self._holder = holder
        self._past: Past | None = None
        self._in_system: list[tuple[datetime, int]] = []
        self._recorded: ScalingDecision | None = None
        self._term = 0

    @property
    def lease_seconds(self) -> float:
        """How long nobody else decides after this one has looked."""
        return max(LEASE_LOOKS * self._rules.look_seconds, SHORTEST_LEASE_SECONDS)

    def look(self) -> ScalingDecision | None:
        """Decide once; None when another process decides, or when nothing can be known. Never raises for that."""
        try:
            return self._look()
        except (StoreUnavailable, StoreContention) as error:
            log.warning("the database did not answer, so the number of schedulers stays as it is: %s", error)
            return None

    def release(self) -> None:
        """Let another process decide at once."""
        try:
            with self._store.transaction() as tx:
                tx.release_lease(LEASE, self._holder)
        except (StoreUnavailable, StoreContention):
            # Its lease will pass.
            return

    def _look(self) -> ScalingDecision | None:
        held = self._take_lease()
        if held is None:
            self._past = None
            return None
        load = self._read_load()
        try:
            count = self._count(load)
        except ScalerUnavailable as error:
            # What is there is not known, so there is nothing to decide from.
            log.warning("how many schedulers there are is not known: %s", error)
            return None
        need = need_of(load, count, self._rules)
        past = self._remember(held, need)
        verdict = decide(load, count, self._rules, past)
        decision = self._decision(load, need, count, verdict)
        if verdict.wanted != count:
            decision = self._carry_out(decision, held)
        self._record(decision)
        return decision

    def _take_lease(self) -> _Held | None:
        begun, now = self._clock.monotonic(), self._clock.now()
        with self._store.transaction() as tx:
            lease = tx.acquire_lease(LEASE, self._holder, now, now + timedelta(seconds=self.lease_seconds))
        return _Held(lease, begun) if lease.holder == self._holder else None

    def _still_holds(self, held: _Held) -> bool:
        """Whether this look is still the newest there can be: no other held the lease, and it is not old."""
        again = self._take_lease()
        if again is None or again.lease.term != held.lease.term:
            return False
        return self._clock.monotonic() - held.since <= self.lease_seconds

    # --- looking -------------------------------------------------------------------------------------------------
    def _read_load(self) -> Load:
        now = self._clock.now()
        since = now - timedelta(seconds=WINDOW_LOOKS * self._rules.look_seconds)
        with self._store.transaction(read_only=True) as tx:
            figures = tx.load_figures(since, MOST_ATTEMPTS)
            members = [one for one in tx.members() if one.role == "scheduler" and one.expires_at > now]
        working = [one for one in members if not _stands_by(one)]
        slots = [one.detail["slots"] for one in working if isinstance(one.detail.get("slots"), int)]
        oldest = figures.oldest_ready_at
        return Load(
            at=now,
            ready=figures.ready,
            oldest_ready_seconds=0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()),
            running=figures.running,
            arrivals_per_second=self._arrivals(now, figures),
            mean_seconds=figures.mean_seconds,
            schedulers=len(working),
            standbys=len(members) - len(working),
            slots=max(1, round(sum(slots) / len(slots))) if slots else None,
        )

    def _arrivals(self, now: datetime, figures: LoadFigures) -> float:
        """Return what came in each second: what ended, and by how much more is there than before."""
        self._in_system = [one for one in self._in_system if one[0] >= figures.since]
        self._in_system.append((now, figures.ready + figures.running))
        seconds = max((now - figures.since).total_seconds(), 0.1)
        grown = self._in_system[-1][1] - self._in_system[0][1]
        return max(0.0, figures.ended + grown) / seconds

    def _count(self, load: Load) -> int:
        if self._target.scaler is None:
            return load.schedulers
        return self._target.scaler.current(self._target.service)

    def _remember(self, held: _Held, need: Need) -> Past:
        if self._past is None or held.lease.term != self._term:
            self._past, self._term = self._learn(need.at), held.lease.term
        keep = max(self._rules.cooldown_down_seconds, LEASE_LOOKS * self._rules.look_seconds)
        self._past = self._past.with_need(need, keep)
        return self._past

    def _learn(self, now: datetime) -> Past:
        """Return what a new holder knows: when the number was changed last, by whomever."""
        with self._store.transaction(read_only=True) as tx:
            made = [
                one for one in tx.scaling_decisions(REMEMBERED) if one.applied and one.service == self._target.service
            ]
        past = Past(now)
        for decision in reversed(made):
            past = past.with_change(decision.at, decision.wanted - decision.before)
        return past

    # --- acting --------------------------------------------------------------------------------------------------
    def _carry_out(self, decision: ScalingDecision, held: _Held) -> ScalingDecision:
        if self._target.scaler is None or decision.dry_run:
            return decision
        if not self._still_holds(held):
            return replace(decision, reason=f"{decision.reason}; not set: this look is old, another one decides")
        try:
            self._target.scaler.set(self._target.service, decision.wanted)
        except (ScalerUnavailable, InvalidInput) as error:
            log.warning("the number of schedulers could not be set: %s", error)
            return replace(decision, reason=f"{decision.reason}; not set: {error}")
        log.info("schedulers: %d to %d: %s", decision.before, decision.wanted, decision.reason)
        if self._past is not None:
            self._past = self._past.with_change(decision.at, decision.wanted - decision.before)
        return replace(decision, applied=True)

    def _decision(self, load: Load, need: Need, count: int, verdict: Verdict) -> ScalingDecision:
        target = self._target
        inputs: dict[str, Any] = inputs_of(load, need, self._rules, count)
        inputs |= {"target": target.name, "target_supported": target.scaler is not None}
        return ScalingDecision(
            id=new_id(),
            at=load.at,
            service=target.service,
            before=count,
            wanted=verdict.wanted,
            applied=False,
            dry_run=target.dry_run or target.scaler is None,
            reason=verdict.reason,
            inputs=inputs,
        )

    def _record(self, decision: ScalingDecision) -> None:
        last = self._recorded
        quiet = timedelta(seconds=(RECORD_LOOKS - 0.5) * self._rules.look_seconds)
        if last is not None and not decision.applied and decision.at - last.at < quiet:
            says_the_same = (last.before, last.wanted, last.applied) == (decision.before, decision.wanted, False)
            if says_the_same:
                return
        with self._store.transaction() as tx:
            tx.record_scaling(decision)
        self._recorded = decision


def _stands_by(member: Member) -> bool:
    return member.standby or bool(member.detail.get("standby"))
