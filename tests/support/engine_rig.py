"""An engine without processes: plans made by hand, a real run store, a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from penstock_runtime.domain.blocks import BlockSpec, BlockType, PipelinePlan
from penstock_runtime.domain.errors import PipelineNotFound
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import BlockRun, BlockRunStatus, ExitReason, Member, Run
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.ports.run_store import RunStore
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.claim import Claimed, Claims, Want, claim, claim_limited
from penstock_runtime.runs.create import CreateRun, create_run
from penstock_runtime.runs.finish import Ending, Finished, finish_attempt
from penstock_runtime.runs.services import Owner, RunServices

BUNDLE = "bundle-1"


def plan_of(graph: Mapping[str, Sequence[str]], bundle: str = BUNDLE, **options: Any) -> PipelinePlan:
    """Return a plan from {block: its upstream blocks}, in topological order; `blocks` overrides fields by slug."""
    overrides: Mapping[str, Mapping[str, Any]] = options.pop("blocks", {})
    downstream = {slug: tuple(other for other, ups in graph.items() if slug in ups) for slug in graph}
    blocks = tuple(
        replace(
            BlockSpec(
                slug, BlockType.CUSTOM, path=f"custom/{slug}.py", upstream=tuple(ups), downstream=downstream[slug]
            ),
            **overrides.get(slug, {}),
        )
        for slug, ups in graph.items()
    )
    return PipelinePlan(options.pop("slug", "p"), bundle, blocks, **options)


@dataclass
class Plans:
    """`ports.plans.PlanSource` over plans that the test made."""

    known: dict[tuple[str, str], PipelinePlan] = field(default_factory=dict)

    def plan(self, bundle: str, pipeline: str) -> PipelinePlan:
        """Return the plan; PipelineNotFound."""
        try:
            return self.known[bundle, pipeline]
        except KeyError:
            raise PipelineNotFound(f"no pipeline {pipeline!r}") from None

    def pipelines(self, bundle: str) -> Sequence[str]:
        """Return the slugs of a bundle."""
        return sorted(slug for known, slug in self.known if known == bundle)


@dataclass
class Hints:
    """Wake-ups that are only written down."""

    sent: list[Wakeup] = field(default_factory=list)

    def publish(self, *wakeups: Wakeup) -> None:
        """Write down."""
        self.sent.extend(wakeups)

    def fileno(self) -> int:
        """There is nothing to wait for."""
        return -1

    def drain(self) -> Sequence[Wakeup]:
        """There is nothing to hear."""
        return ()

    def close(self) -> None:
        """There is nothing to close."""


class Rig:
    """One engine. `clock` has `now()`, `monotonic()` and `advance(seconds)`."""

    def __init__(self, store: RunStore, clock: Any) -> None:
        """Join one member, and publish the first code version."""
        self.store, self.clock, self.plans, self.hints = store, clock, Plans(), Hints()
        self.services = RunServices(store, self.plans, clock, self.hints)
        self.owner = self.join()
        self.publish(BUNDLE)

    def join(self, lease_seconds: float = 10.0) -> Owner:
        """Return a new member."""
        now = self.clock.now()
        member = Member(new_id(), "scheduler", 0, "host", 1, now, now, now + timedelta(seconds=lease_seconds))
        with self.store.transaction() as tx:
            return Owner(member.id, tx.join(member), "host")

    def publish(self, digest: str) -> None:
        """Make a code version the newest."""
        with self.store.transaction() as tx:
            tx.publish_code_version(digest, self.clock.now())

    def add(self, plan: PipelinePlan) -> PipelinePlan:
        """Make a plan known."""
        self.plans.known[plan.bundle, plan.slug] = plan
        return plan

    def create(self, pipeline: str = "p", **request: Any) -> Run:
        """Create a run."""
        return create_run(self.services, CreateRun(pipeline, **request))[0]

    def claim(self, free: int = 100, owner: Owner | None = None) -> list[Claimed]:
        """Claim what is ready, of runs with a block limit too."""
        want, claims = Want(owner or self.owner, free, self.clock.now()), Claims()
        with self.store.transaction() as tx:
            claim(tx, self.plans, want, claims)
            claim_limited(tx, self.plans, want, claims)
        self.broken = claims.broken
        return claims.claimed

    def finish(
        self, claimed: Claimed, reason: ExitReason = ExitReason.SUCCESS, owner: Owner | None = None, **result: Any
    ) -> Finished | None:
        """End an attempt; a success says `succeeded` unless `status` says otherwise."""
        document = {"status": "succeeded", "outputs": [], **result} if reason is ExitReason.SUCCESS else result or None
        outcome = AttemptOutcome(claimed.attempt.id, reason, "because", document)
        ending = Ending(owner or self.owner, self.clock.now(), claimed.block_run)
        with self.store.transaction() as tx:
            return finish_attempt(tx, self.plans, claimed.attempt, outcome, ending)

    def run_all(self, outcomes: Mapping[str, Mapping[str, Any]] | None = None, turns: int = 100) -> list[str]:
        """Claim and finish until nothing is ready; the block names in the order they ran."""
        order: list[str] = []
        for _ in range(turns):
            found = self.claim()
            if not found:
                return order
            for one in found:
                order.append(one.block_run.block)
                self.finish(one, **(outcomes or {}).get(one.block_run.block, {}))
        raise AssertionError("it does not come to an end")

    def run(self, run_id: str) -> Run:
        """Return a run as it is."""
        with self.store.transaction(read_only=True) as tx:
            found = tx.run(run_id)
        assert found is not None
        return found

    def rows(self, run_id: str) -> Sequence[BlockRun]:
        """Return its block runs."""
        with self.store.transaction(read_only=True) as tx:
            return tx.block_runs(run_id)

    def statuses(self, run_id: str) -> dict[str, BlockRunStatus]:
        """Return the status of each block of the graph."""
        return {row.block: row.status for row in self.rows(run_id) if row.map_index == -1 and row.parent is None}


def slugs(claimed: Iterable[Claimed]) -> list[str]:
    """Return the blocks of claims, sorted."""
    return sorted(one.block_run.block for one in claimed)
