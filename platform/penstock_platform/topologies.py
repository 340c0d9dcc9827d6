"""What each topology means before any key of the stack says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from penstock_platform.vocabulary import ServiceRole, Size, Tier, Topology


@dataclass(frozen=True, slots=True)
class ServiceDefaults:
    """CPU in thousandths of a core, memory in MiB, and between how many copies the service may move."""

    cpu_millis: int
    memory_mib: int
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class TopologyDefaults:
    """One topology: its services, what holds data, and which failure it survives."""

    services: dict[ServiceRole, ServiceDefaults]
    database: Size
    cache: Size | None
    share: Tier
    multi_zone: bool
    backup_days: int
    survives: str
    processes: str


_WEB, _SCHEDULER = ServiceRole.WEB, ServiceRole.SCHEDULER

TOPOLOGIES: dict[Topology, TopologyDefaults] = {
    Topology.SINGLE: TopologyDefaults(
        services={ServiceRole.EVERYTHING: ServiceDefaults(1000, 2048, 1, 1)},
        database=Size.SMALL,
        cache=None,
        share=Tier.ZONAL,
        multi_zone=False,
        backup_days=7,
        survives="a process that dies is started again; runs go on",
        processes="web and scheduler in one container",
    ),
    Topology.SPLIT: TopologyDefaults(
        services={_WEB: ServiceDefaults(500, 1024, 1, 1), _SCHEDULER: ServiceDefaults(1000, 2048, 1, 1)},
        database=Size.SMALL,
        cache=None,
        share=Tier.ZONAL,
        multi_zone=False,
        backup_days=7,
        survives="as single; heavy blocks never slow the page, and the page deploys without stopping blocks",
        processes="1 web, 1 scheduler",
    ),
    Topology.HA: TopologyDefaults(
        services={_WEB: ServiceDefaults(500, 1024, 2, 2), _SCHEDULER: ServiceDefaults(1000, 2048, 2, 2)},
        database=Size.LARGE,
        cache=Size.SMALL,
        share=Tier.REGIONAL,
        multi_zone=True,
        backup_days=14,
        survives="the loss of a zone: page, scheduler, database, Redis and share go on in another",
        processes="2 web, 2 schedulers, in two zones",
    ),
    Topology.AUTOSCALE: TopologyDefaults(
        services={_WEB: ServiceDefaults(500, 1024, 2, 6), _SCHEDULER: ServiceDefaults(1000, 2048, 2, 6)},
        database=Size.LARGE,
        cache=Size.SMALL,
        share=Tier.REGIONAL,
        multi_zone=True,
        backup_days=14,
        survives="as ha; and load that rises and falls",
        processes="2 to 6 web, 2 to 6 schedulers, in two zones",
    ),
}
"""The four, from the cheapest to the most able."""

SERVICE_NAMES: dict[ServiceRole, str] = {
    ServiceRole.EVERYTHING: "penstock",
    ServiceRole.WEB: "web",
    ServiceRole.SCHEDULER: "scheduler",
}
"""What a service is called on every cloud."""
