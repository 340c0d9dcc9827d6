"""Every address range of a stack, worked out in one place from its network."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from penstock_platform.vocabulary import Cloud

SUBNET_BITS = 4
"""A network of /16 is cut into subnets of /20, one of /20 into subnets of /24."""
ZONES = 2
"""Load balancers, databases and caches want two zones, even where one would do for the processes."""

_PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))

RESERVED: dict[Cloud, tuple[tuple[str, str], ...]] = {
    Cloud.AWS: (("172.17.0.0/16", "the container engine's bridge"),),
    Cloud.GCP: (("172.17.0.0/16", "Cloud SQL's own network"),),
    Cloud.AZURE: (
        ("172.17.0.0/16", "the container engine's bridge"),
        ("172.30.0.0/16", "Container Apps"),
        ("172.31.0.0/16", "Container Apps"),
        ("192.0.2.0/24", "Container Apps"),
    ),
    Cloud.KUBERNETES: (),
}
"""Ranges that a cloud keeps for itself, and for what."""

_PURPOSES: dict[Cloud, tuple[tuple[str, int], ...]] = {
    Cloud.AWS: (("public", ZONES), ("apps", ZONES), ("data", ZONES)),
    Cloud.GCP: (("apps", 1), ("services", 1), ("spark", 1)),
    Cloud.AZURE: (("apps", 1), ("database", 1), ("endpoints", 1), ("jobs", 1)),
    Cloud.KUBERNETES: (),
}
"""The subnets of each cloud, and over how many zones; on GCP and Azure a subnet spans its region's zones."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """One subnet: its name, what it is for, its range, and the index of its zone (None: all of them)."""

    name: str
    purpose: str
    cidr: str
    zone: int | None


def cut(cloud: Cloud, network: str) -> tuple[Subnet, ...]:
    """Return the cloud's subnets of this network, always in the same order."""
    ranges = IPv4Network(network).subnets(prefixlen_diff=SUBNET_BITS)
    found = []
    for purpose, zones in _PURPOSES[cloud]:
        for zone in range(zones):
            name = purpose if zones == 1 else f"{purpose}-{'abc'[zone]}"
            found.append(Subnet(name, purpose, str(next(ranges)), zone if zones > 1 else None))
    return tuple(found)


def network_problems(cloud: Cloud, network: str, avoid: tuple[str, ...]) -> list[str]:
    """Return what is wrong with a stack's own network, in words."""
    own = IPv4Network(network)
    problems = []
    if not any(own.subnet_of(private) for private in _PRIVATE):
        problems.append(f"{network} is no private network; take one from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    if not 16 <= own.prefixlen <= 20:  # noqa: PLR2004 - the bounds that the message names
        problems.append(f"{network} must be between /16 and /20")
    for text, purpose in RESERVED[cloud]:
        if own.overlaps(IPv4Network(text)):
            problems.append(f"{network} overlaps {text}, which is kept for {purpose}")
    problems.extend(f"{network} overlaps {text} of avoidCidrs" for text in avoid if own.overlaps(IPv4Network(text)))
    return problems
