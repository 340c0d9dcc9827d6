"""What Azure bills for a blueprint."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_platform.billing.lines import BUCKET_GB, BY_USE, LOG_GB, TRAFFIC_GB, Bill, CostLine
from penstock_platform.billing.spark import spark_line
from penstock_platform.vocabulary import Exposure, SparkMode

KEY_VAULT_CALLS = (1, 10)
"""In tens of thousands."""
ENDPOINTS = ("files", "blobs", "Key Vault")
"""Private endpoints of every stack; Redis has one more, Spark one for its workspace and one for its lake."""


def azure_lines(bill: Bill) -> Iterator[CostLine]:
    """Yield every line of a stack on Azure."""
    yield from bill.containers(bill.blueprint.services, "container.cpu", "container.memory")
    yield from _data(bill)
    yield from _network(bill)
    yield from _around(bill)
    yield from spark_line(bill, least_workers=0)


def _data(bill: Bill) -> Iterator[CostLine]:
    database, share, cache = bill.blueprint.database, bill.blueprint.share, bill.blueprint.cache
    yield bill.line("database", "Postgres", f"database.{database.size}", bill.servers, bill.database_note)
    yield bill.line("database-storage", "Postgres storage", "database.storage", database.storage_gb * bill.servers)
    if cache:
        yield bill.line("cache", "Managed Redis", f"cache.{cache.size}", 1 + cache.replicas, cache.instance.instance)
    yield bill.line("share", "Premium Files", "share", share.size_gb, "over all zones")
    yield bill.line("bucket", "Blob Storage", "bucket", BUCKET_GB, BY_USE)


def _network(bill: Bill) -> Iterator[CostLine]:
    blueprint = bill.blueprint
    public = blueprint.front.exposure is Exposure.PUBLIC
    spark = 0 if blueprint.spark.mode is SparkMode.OFF else 2
    endpoints = len(ENDPOINTS) + (blueprint.cache is not None) + spark
    yield bill.line("network-nat", "NAT gateway", "nat", 1, "one in every topology: a subnet takes one")
    yield bill.line("network-traffic", "Traffic through NAT", "nat.traffic", TRAFFIC_GB, BY_USE)
    yield bill.line("public-ip", "Public addresses", "public-ip", 1 + public, "of gateway and ingress")
    yield bill.line("balancer", "Load balancer", "balancer", 1, "of the Container Apps environment")
    yield bill.line("balancer-use", "Work of the balancer", "balancer.use", TRAFFIC_GB, BY_USE)
    yield bill.line("endpoints", "Private endpoints", "endpoint", endpoints)
    zones = endpoints + 1 + (not public)
    yield bill.line("dns", "Private zones", "dns", zones, "of endpoints, of Postgres and of a private ingress")


def _around(bill: Bill) -> Iterator[CostLine]:
    blueprint = bill.blueprint
    yield bill.line("registry", "Container Registry", "registry", 1)
    yield bill.line("secrets", "Key Vault", "secret", KEY_VAULT_CALLS, BY_USE)
    yield bill.line("logs", "Log Analytics", "logs", LOG_GB, BY_USE)
    yield bill.line("alarms", "Alert rules", "alarm", len(blueprint.alarms))
