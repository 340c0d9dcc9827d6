"""The four topologies side by side, and the one for a stated load. Pure: no account is needed, none is touched.

A load is answered by the model that sizes slots (`penstock_platform.load`): of every topology and every scheduler size
that the cloud has, the cheapest at which blocks wait no longer than accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from penstock_platform import abilities
from penstock_platform.blueprint import Blueprint, ScaledBy
from penstock_platform.cost import CostEstimate, estimate
from penstock_platform.load import ACCEPTED_WAIT_SECONDS, MOST_SLOTS, Load, mean_wait_seconds, slots_needed
from penstock_platform.planning import blueprint_of
from penstock_platform.quantities import cpu_text, memory_text
from penstock_platform.sizes import fit_container
from penstock_platform.topologies import TOPOLOGIES
from penstock_platform.vocabulary import Cloud, ServiceRole, Topology

LEAST_CONFIG: dict[Cloud, Mapping[str, Any]] = {
    Cloud.AWS: {"domain": "penstock.example.com"},
    Cloud.GCP: {},
    Cloud.AZURE: {},
    Cloud.KUBERNETES: {"domain": "penstock.example.com", "kubernetes": {"tlsSecret": "penstock-tls"}},
}
"""What a stack needs beside cloud and topology; the values are examples and change no cost."""

OUTLIVES_A_NODE = {"databaseSecret": "penstock-database"}
"""What a stack in a cluster needs besides to outlive a zone: its own Postgres is one pod."""
SCHEDULER_CORES = (1, 2, 4, 6, 8)
"""Schedulers that are considered, each with two GiB a core, as the cloud rounds them up."""
MOST_BUSY_SINGLE = 0.5
"""The part of its slots that `single` may have busy at the peak: above, blocks would take the page's own CPU."""


@dataclass(frozen=True, slots=True)
class TopologySummary:
    """One topology on one cloud, as it comes without further keys. `slots` are the blocks that run at once."""

    cloud: Cloud
    topology: Topology
    processes: str
    survives: str
    rollout: str
    database: str
    redis: str
    slots: int
    cost: CostEstimate


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The cheapest stack for a load, or, when nothing of the cloud holds it (`fits`), the nearest that there is.

    CPU in thousandths of a core, memory in MiB; `slots_needed` is None beyond MOST_SLOTS; `utilisation` is the part of
    the slots that is busy at the peak; `mean_wait_seconds` is infinite when blocks come faster than they end.
    """

    cloud: Cloud
    fits: bool
    topology: Topology
    cpu_millis: int
    memory_mib: int
    slots: int
    slots_needed: int | None
    mean_wait_seconds: float
    utilisation: float
    cost: CostEstimate
    config: Mapping[str, Any]
    """The keys that make it."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A topology with a scheduler size, and what it does for a load."""

    load: Load
    blueprint: Blueprint
    cost: CostEstimate
    config: Mapping[str, Any]

    @property
    def topology(self) -> Topology:
        """Its topology."""
        return self.blueprint.topology

    @property
    def slots(self) -> int:
        """Blocks that run at once on all schedulers that work."""
        return working_slots(self.blueprint)

    @property
    def wait(self) -> float:
        """Mean seconds a block waits at the peak."""
        return mean_wait_seconds(self.load, self.slots)

    @property
    def utilisation(self) -> float:
        """The part of its slots that is busy at the peak."""
        return self.load.busy / self.slots

    @property
    def leaves_the_page_alone(self) -> bool:
        """Whether blocks leave CPU to the page."""
        return self.topology is not Topology.SINGLE or self.utilisation <= MOST_BUSY_SINGLE

    @property
    def holds(self) -> bool:
        """Whether it takes the load."""
        return self.wait <= ACCEPTED_WAIT_SECONDS and self.leaves_the_page_alone

    @property
    def text(self) -> str:
        """Its topology and its scheduler."""
        scheduler = self.blueprint.scheduler
        return f"{self.topology} with {cpu_text(scheduler.cpu_millis)} CPU and {memory_text(scheduler.memory_mib)}"


def working_slots(blueprint: Blueprint) -> int:
    """Return the blocks that run at once: one scheduler's slots, or all of them where schedulers share the work."""
    scheduler = blueprint.scheduler
    if not abilities.SCHEDULERS_SHARE_WORK:
        return scheduler.slots
    moves = scheduler.scaled_by is not ScaledBy.NOBODY and blueprint.cloud in abilities.SCALERS_BUILT
    return scheduler.slots * (scheduler.maximum if moves else scheduler.minimum)


def compare(cloud: Cloud) -> tuple[TopologySummary, ...]:
    """Return the four topologies on one cloud, from the cheapest to the most able."""
    return tuple(_summary(cloud, topology) for topology in Topology)


def _summary(cloud: Cloud, topology: Topology) -> TopologySummary:
    blueprint = blueprint_of({"cloud": cloud, "topology": topology, **LEAST_CONFIG[cloud]})
    redis = blueprint.cache
    return TopologySummary(
        cloud=cloud,
        topology=topology,
        processes=TOPOLOGIES[topology].processes,
        survives=_survives(cloud, topology),
        rollout=_rollout(blueprint),
        database=blueprint.database.instance.instance + (", two zones" if blueprint.database.multi_zone else ""),
        redis="none" if redis is None else f"{redis.size}, replicated" if redis.replicas else redis.size.value,
        slots=working_slots(blueprint),
        cost=estimate(blueprint),
    )


def _survives(cloud: Cloud, topology: Topology) -> str:
    if cloud is Cloud.KUBERNETES and topology is Topology.HA:
        return "the loss of a node or zone, but for Postgres in the cluster: it waits for its pod on another node"
    return TOPOLOGIES[topology].survives


def _rollout(blueprint: Blueprint) -> str:
    if len({service.rollout for service in blueprint.services}) == 1:
        return blueprint.web.rollout.value
    return ", ".join(f"{service.name} {service.rollout}" for service in blueprint.services)


def recommend(cloud: Cloud, load: Load, *, survive_zone: bool = False) -> Recommendation:
    """Return the cheapest stack of a cloud for a load; with `survive_zone` only of those that outlive a zone."""
    candidates = list(_candidates(cloud, load, survive_zone=survive_zone))
    allowed = [one for one in candidates if TOPOLOGIES[one.topology].multi_zone or not survive_zone]
    able = [one for one in allowed if one.holds]
    chosen = min(able, key=_dearness) if able else max(allowed, key=_nearness)
    scheduler = chosen.blueprint.scheduler
    return Recommendation(
        cloud=cloud,
        fits=bool(able),
        topology=chosen.topology,
        cpu_millis=scheduler.cpu_millis,
        memory_mib=scheduler.memory_mib,
        slots=chosen.slots,
        slots_needed=slots_needed(load),
        mean_wait_seconds=chosen.wait,
        utilisation=chosen.utilisation,
        cost=chosen.cost,
        config=chosen.config,
        reasons=tuple(_reasons(chosen, candidates, survive_zone=survive_zone)),
    )


def _candidates(cloud: Cloud, load: Load, *, survive_zone: bool) -> Iterator[Candidate]:
    for blueprint, cost, config in _stacks(cloud, survive_zone=survive_zone):
        yield Candidate(load, blueprint, cost, config)


@cache
def _stacks(cloud: Cloud, *, survive_zone: bool) -> tuple[tuple[Blueprint, CostEstimate, Mapping[str, Any]], ...]:
    """Return every topology with every scheduler size: the same for all loads."""
    found = []
    for topology, defaults in TOPOLOGIES.items():
        role = ServiceRole.EVERYTHING if topology is Topology.SINGLE else ServiceRole.SCHEDULER
        least = defaults.services[role]
        for cpu, memory in _sizes(cloud):
            config: dict[str, Any] = {"cloud": cloud.value, "topology": topology.value}
            if (cpu, memory) != (least.cpu_millis, least.memory_mib):
                config["scheduler"] = {"cpu": cpu_text(cpu), "memory": memory_text(memory)}
            if survive_zone and cloud is Cloud.KUBERNETES and defaults.multi_zone:
                config["kubernetes"] = OUTLIVES_A_NODE
            blueprint = blueprint_of(_with_the_least(cloud, config))
            found.append((blueprint, estimate(blueprint), config))
    return tuple(found)


def _with_the_least(cloud: Cloud, config: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**LEAST_CONFIG[cloud], **config}
    if cloud is Cloud.KUBERNETES:
        merged["kubernetes"] = {**LEAST_CONFIG[cloud]["kubernetes"], **config.get("kubernetes", {})}
    return merged


def _sizes(cloud: Cloud) -> list[tuple[int, int]]:
    fitted = [fit_container(cloud, cores * 1000, cores * 2048) for cores in SCHEDULER_CORES]
    return list(dict.fromkeys((size.cpu_millis, size.memory_mib) for size in fitted if size))


def _dearness(candidate: Candidate) -> tuple[float, float]:
    return candidate.cost.maximum, candidate.cost.minimum


def _nearness(candidate: Candidate) -> tuple[int, bool, float]:
    return candidate.slots, candidate.leaves_the_page_alone, -candidate.cost.maximum


def _reasons(chosen: Candidate, candidates: list[Candidate], *, survive_zone: bool) -> Iterator[str]:
    yield from _the_load(chosen.load)
    if not chosen.holds:
        yield from _too_much(chosen)
        return
    yield (
        f"{chosen.text} has {chosen.slots} slots: {chosen.utilisation:.0%} of them are busy at the peak, and a block "
        f"waits {_seconds(chosen.wait)} on average"
    )
    if survive_zone and chosen.blueprint.cloud is Cloud.KUBERNETES:
        yield "Postgres must be outside the cluster to outlive a zone: name a Secret with its URL; it is not counted"
    elif survive_zone:
        yield f"it outlives the loss of a zone: {TOPOLOGIES[chosen.topology].survives.split(': ', 1)[-1]}"
    yield from _why_not_cheaper(chosen, candidates, survive_zone=survive_zone)
    if survive_zone and not abilities.SCHEDULERS_SHARE_WORK:
        yield "its second scheduler stands by to take over: in this release it adds no slots"
    if survive_zone and chosen.topology is Topology.HA and chosen.blueprint.cloud not in abilities.SCALERS_BUILT:
        yield "autoscale would add web servers when many people look, and no slots in this release"


def _the_load(load: Load) -> Iterator[str]:
    needed = slots_needed(load)
    slots = f"more than {MOST_SLOTS} slots" if needed is None else "1 slot" if needed == 1 else f"{needed} slots"
    yield (
        f"{load.runs_per_hour:g} x {load.blocks_per_run:g} blocks an hour of {load.block_seconds:g} s, at the peak "
        f"{load.peak:g} times as many: {load.busy:.3g} run at once then, on average"
    )
    yield f"that asks for {slots}, so that a block waits {ACCEPTED_WAIT_SECONDS:g} s at most on average"


def _why_not_cheaper(chosen: Candidate, candidates: list[Candidate], *, survive_zone: bool) -> Iterator[str]:
    cheaper = [one for one in candidates if _dearness(one) < _dearness(chosen)]
    if survive_zone and any(not TOPOLOGIES[one.topology].multi_zone for one in cheaper):
        yield "single and split cost less and stop when their zone is lost"
        cheaper = [one for one in cheaper if TOPOLOGIES[one.topology].multi_zone]
    if not cheaper:
        if not survive_zone:
            yield "nothing that is considered costs less"
        return
    known = list(TOPOLOGIES)
    simpler = [one for one in cheaper if known.index(one.topology) <= known.index(chosen.topology)]
    nearest = max(simpler or cheaper, key=_dearness)
    if nearest.wait > ACCEPTED_WAIT_SECONDS:
        yield f"{nearest.text} costs less and has {nearest.slots} slots: {_wait_words(nearest)}"
    else:
        yield (
            f"{nearest.text} costs less and would have {nearest.utilisation:.0%} of its slots busy: above "
            f"{MOST_BUSY_SINGLE:.0%} blocks take the CPU of the page, which is in the same container"
        )


def _too_much(chosen: Candidate) -> Iterator[str]:
    cloud = chosen.blueprint.cloud
    yield f"the largest scheduler considered on {cloud}, {chosen.text}, has {chosen.slots} slots: {_wait_words(chosen)}"
    if abilities.SCHEDULERS_SHARE_WORK:
        yield "more schedulers than that (scheduler.min) are not counted here: as they are, this load does not fit"
    else:
        yield "more schedulers add no slots in this release: one works, the others stand by; so this load does not fit"
    yield "what helps: shorter blocks, runs spread over the hour, or work done in the database instead of in the block"


def _wait_words(candidate: Candidate) -> str:
    if candidate.wait == float("inf"):
        return "blocks would come faster than they end, and the queue would grow for as long as the peak lasts"
    return f"a block would wait {_seconds(candidate.wait)} on average"


def _seconds(seconds: float) -> str:
    if seconds < 0.01:  # noqa: PLR2004 - shorter is not felt
        return "less than 0.01 s"
    return f"{seconds:.2g} s" if seconds < 100 else f"{seconds:.0f} s"  # noqa: PLR2004 - no digits of a power of ten
