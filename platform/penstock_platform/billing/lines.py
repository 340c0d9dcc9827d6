"""One line of an estimate, and how much of what is billed by use is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penstock_platform.blueprint import Blueprint, ServicePlan
from penstock_platform.prices import PriceTable

LINE_IDS = (
    "penstock",
    "web",
    "scheduler",
    "database",
    "database-storage",
    "cache",
    "share",
    "bucket",
    "network-nat",
    "network-traffic",
    "public-ip",
    "balancer",
    "balancer-use",
    "endpoints",
    "dns",
    "registry",
    "secrets",
    "kms",
    "logs",
    "alarms",
    "backups",
    "spark",
)
"""Every id, in the order in which an estimate lists them."""

Amount = tuple[float, float]
"""The least and the most of something in a month."""

TRAFFIC_GB: Amount = (20, 200)
"""Through the NAT gateway, and as much through the balancer: packages, APIs, pages."""
LOG_GB: Amount = (2, 20)
BUCKET_GB: Amount = (10, 100)
IMAGE_GB: Amount = (2, 10)
BALANCER_UNITS: Amount = (0.1, 1)
"""Capacity units of a balancer: one is 25 new connections a second, or a GB an hour."""
BY_USE = "by use"


@dataclass(frozen=True, slots=True)
class CostLine:
    """One thing that is billed: `quantity` units at the least, `most` units, and dollars a month for each."""

    id: str
    item: str
    quantity: float
    most: float
    unit: str
    unit_price: float
    note: str
    checked: bool
    """Whether a second source agrees with the price; else it is right to within a quarter."""

    @property
    def minimum(self) -> float:
        """Dollars a month at the least."""
        return round(self.quantity * self.unit_price, 2)

    @property
    def maximum(self) -> float:
        """Dollars a month at the most."""
        return round(self.most * self.unit_price, 2)


@dataclass(frozen=True, slots=True)
class Bill:
    """A blueprint and the prices of its cloud."""

    blueprint: Blueprint
    table: PriceTable

    def line(self, id: str, item: str, price: str, amount: float | Amount, note: str = "") -> CostLine:
        """Return the line of so many units at one price of the table. Raises KeyError for an unknown price."""
        found = self.table.prices[price]
        low, high = amount if isinstance(amount, tuple) else (amount, amount)
        return CostLine(id, item, low, high, found.of, found.month, note, found.checked)

    def containers(self, services: tuple[ServicePlan, ...], cpu: str, memory: str) -> Iterator[CostLine]:
        """Yield a line for each service, priced by its CPU and memory."""
        by_cpu, by_memory = self.table.prices[cpu], self.table.prices[memory]
        for service in services:
            cores, gib = service.cpu_millis / 1000, service.memory_mib / 1024
            yield CostLine(
                id=service.name,
                item=f"Containers: {service.name}",
                quantity=service.minimum,
                most=service.maximum,
                unit="copy",
                unit_price=cores * by_cpu.month + gib * by_memory.month,
                note=f"each {cores:g} vCPU, {gib:g} GiB",
                checked=by_cpu.checked and by_memory.checked,
            )

    @property
    def copies(self) -> Amount:
        """How many containers of services there are."""
        services = self.blueprint.services
        return sum(service.minimum for service in services), sum(service.maximum for service in services)

    @property
    def servers(self) -> int:
        """How many database servers there are: a standby in another zone is a second one."""
        return 2 if self.blueprint.database.multi_zone else 1

    @property
    def database_note(self) -> str:
        """What the database is."""
        instance = self.blueprint.database.instance.instance
        return f"{instance} and a standby in another zone" if self.servers > 1 else instance
