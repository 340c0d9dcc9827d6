"""What a blueprint is likely to cost a month. Pure: known before any account is touched.

List prices of one region a cloud, 730 hours, Spark idle, no free tiers but those that a line names. The maximum counts
autoscaling at its bound and what is billed by use at the busy end of `penstock_platform.billing.lines`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from penstock_platform.billing.aws import aws_lines
from penstock_platform.billing.azure import azure_lines
from penstock_platform.billing.gcp import gcp_lines
from penstock_platform.billing.kubernetes import THE_CLUSTER, kubernetes_lines
from penstock_platform.billing.lines import LINE_IDS, Bill, CostLine
from penstock_platform.blueprint import Blueprint
from penstock_platform.prices import CURRENCY, price_table
from penstock_platform.vocabulary import Cloud

__all__ = ["LINE_IDS", "CostEstimate", "CostLine", "estimate"]


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Dollars a month at the least and at the most, the lines that they are the sums of, and what is not counted."""

    minimum: float
    maximum: float
    currency: str
    as_of: str
    """ISO date on which the oldest of its prices was looked at."""
    region: str
    lines: tuple[CostLine, ...]
    assumptions: tuple[str, ...]


_LINES: dict[Cloud, Callable[[Bill], Iterator[CostLine]]] = {
    Cloud.AWS: aws_lines,
    Cloud.GCP: gcp_lines,
    Cloud.AZURE: azure_lines,
    Cloud.KUBERNETES: kubernetes_lines,
}


def estimate(blueprint: Blueprint) -> CostEstimate:
    """Return what the stack is likely to cost a month."""
    table = price_table(blueprint.cloud)
    found = _LINES[blueprint.cloud](Bill(blueprint, table))
    lines = tuple(sorted(found, key=lambda line: LINE_IDS.index(line.id)))
    return CostEstimate(
        minimum=round(sum(line.minimum for line in lines), 2),
        maximum=round(sum(line.maximum for line in lines), 2),
        currency=CURRENCY,
        as_of=table.as_of,
        region=table.region,
        lines=lines,
        assumptions=tuple(_assumptions(blueprint, lines, table.region, table.as_of)),
    )


def _assumptions(blueprint: Blueprint, lines: tuple[CostLine, ...], region: str, as_of: str) -> Iterator[str]:
    yield f"list prices of {region} of {as_of}, 730 hours a month, without taxes, discounts and traffic to the internet"
    yield "the least is light use, the most is busy use with every service at its maximum"
    if not all(line.checked for line in lines):
        yield "prices marked ~ were not checked against a second source: take them as right to within a quarter"
    if blueprint.cloud is Cloud.KUBERNETES:
        yield THE_CLUSTER
