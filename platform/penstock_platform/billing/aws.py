"""What AWS bills for a blueprint."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_platform.billing.lines import (
    BALANCER_UNITS,
    BUCKET_GB,
    BY_USE,
    IMAGE_GB,
    LOG_GB,
    TRAFFIC_GB,
    Bill,
    CostLine,
)
from penstock_platform.billing.spark import spark_line
from penstock_platform.blueprint import Egress
from penstock_platform.vocabulary import Exposure, SparkMode


def aws_lines(bill: Bill) -> Iterator[CostLine]:
    """Yield every line of a stack on AWS."""
    yield from bill.containers(bill.blueprint.services, "container.cpu", "container.memory")
    yield from _data(bill)
    yield from _network(bill)
    yield from _around(bill)
    yield from spark_line(bill)


def _data(bill: Bill) -> Iterator[CostLine]:
    database, share, cache = bill.blueprint.database, bill.blueprint.share, bill.blueprint.cache
    yield bill.line("database", "RDS Postgres", f"database.{database.size}", bill.servers, bill.database_note)
    yield bill.line("database-storage", "RDS storage", "database.storage", database.storage_gb * bill.servers)
    if cache:
        yield bill.line("cache", "ElastiCache", f"cache.{cache.size}", 1 + cache.replicas, cache.instance.instance)
    yield bill.line("share", "EFS", "share", share.size_gb, "over all zones; grows with what is written")
    yield bill.line("bucket", "S3", "bucket", BUCKET_GB, BY_USE)
    yield bill.line("backups", "Backups", "backup", share.size_gb, "of the share; those of RDS are within its price")


def _network(bill: Bill) -> Iterator[CostLine]:
    network = bill.blueprint.network
    gateways = network.zones if network.egress is Egress.PER_ZONE else 1
    public = network.zones if bill.blueprint.front.exposure is Exposure.PUBLIC else 0
    yield bill.line("network-nat", "NAT gateways", "nat", gateways)
    yield bill.line("network-traffic", "Traffic through NAT", "nat.traffic", TRAFFIC_GB, BY_USE)
    yield bill.line("public-ip", "Public addresses", "public-ip", gateways + public, "of gateways and balancer")
    yield bill.line("balancer", "Load balancers", "balancer", 2, "one for people, one for jobs")
    yield bill.line("balancer-use", "Work of the balancers", "balancer.use", BALANCER_UNITS, BY_USE)
    yield bill.line("dns", "Route 53", "dns", 1, "the private zone of the jobs address")


def _around(bill: Bill) -> Iterator[CostLine]:
    blueprint = bill.blueprint
    yield bill.line("registry", "ECR", "registry", IMAGE_GB, BY_USE)
    yield bill.line("secrets", "Secrets Manager", "secret", len(blueprint.secrets) + 1, "RDS's own among them")
    if blueprint.spark.mode in {SparkMode.ON_DEMAND, SparkMode.SHARED}:
        yield bill.line("kms", "Key of the disks of Spark", "kms", 1)
    yield bill.line("logs", "CloudWatch Logs", "logs", LOG_GB, BY_USE)
    yield bill.line("alarms", "CloudWatch alarms", "alarm", len(blueprint.alarms))
