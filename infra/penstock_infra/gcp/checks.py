"""What only this cloud refuses: checked before any resource, all problems at once."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from penstock_platform.blueprint import Blueprint
from penstock_platform.problems import BlueprintInvalid, Problem
from penstock_platform.vocabulary import Exposure

EVERYONE = ("0.0.0.0/0",)
LONGEST_PREFIX = 19
"""Cloud SQL alone takes a /24 of the services' range, and the share and Redis need room beside it."""
LARGE_SHARE_GB, LARGE_STEP_GB = 10_240, 2_560
"""From here on Filestore grows in steps."""


def check(blueprint: Blueprint) -> None:
    """Raise BlueprintInvalid with every reason for which GCP cannot hold this blueprint."""
    problems = tuple(problems_of(blueprint))
    if problems:
        raise BlueprintInvalid(problems)


def problems_of(blueprint: Blueprint) -> Iterator[Problem]:
    """Yield each problem."""
    yield from _front(blueprint)
    if IPv4Network(blueprint.network.cidr).prefixlen > LONGEST_PREFIX:
        yield Problem(
            "networkCidr",
            f"{blueprint.network.cidr} is too small for gcp: its database, share and Redis need a /23 between them, "
            f"so take a network from /16 to /{LONGEST_PREFIX}",
        )
    size = blueprint.share.size_gb
    if size > LARGE_SHARE_GB and (size - LARGE_SHARE_GB) % LARGE_STEP_GB:
        yield Problem(
            "files.sizeGb", f"{size}: above {LARGE_SHARE_GB} GiB Filestore grows in steps of {LARGE_STEP_GB} GiB"
        )


def _front(blueprint: Blueprint) -> Iterator[Problem]:
    front = blueprint.front
    if front.certificate and not front.domain:
        yield Problem("certificate", "is of no use without a domain: the run.app name has a certificate of its own")
    if front.exposure is Exposure.PRIVATE and front.domain:
        yield Problem(
            "domain", "a private page has its run.app name, reached from inside the network; leave the domain out"
        )
    if front.allowed_cidrs != EVERYONE and (front.exposure is Exposure.PRIVATE or not front.domain):
        yield Problem(
            "allowedCidrs",
            "Cloud Run's own run.app name cannot be narrowed to networks: give a domain, whose load balancer can, or "
            "take exposure: private and leave allowedCidrs out",
        )
