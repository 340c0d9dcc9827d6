"""What GCP bills for a blueprint."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_platform.billing.lines import BUCKET_GB, BY_USE, IMAGE_GB, TRAFFIC_GB, Bill, CostLine
from penstock_platform.billing.spark import spark_line

LEAST_WORKERS = 2
"""Dataproc has no cluster with one worker."""


def gcp_lines(bill: Bill) -> Iterator[CostLine]:
    """Yield every line of a stack on GCP."""
    services = tuple(service for service in bill.blueprint.services if service.serves_web)
    pools = tuple(service for service in bill.blueprint.services if not service.serves_web)
    yield from bill.containers(services, "container.cpu", "container.memory")
    yield from bill.containers(pools, "worker.cpu", "worker.memory")
    yield from _data(bill)
    yield from _network(bill)
    yield from _around(bill)
    yield from spark_line(bill, least_workers=LEAST_WORKERS)


def _data(bill: Bill) -> Iterator[CostLine]:
    database, share, cache = bill.blueprint.database, bill.blueprint.share, bill.blueprint.cache
    yield bill.line("database", "Cloud SQL", f"database.{database.size}", bill.servers, bill.database_note)
    yield bill.line("database-storage", "Cloud SQL storage", "database.storage", database.storage_gb * bill.servers)
    if cache:
        tier = "cache.replicated" if cache.replicas else "cache"
        gib = cache.instance.memory_mib / 1024
        yield bill.line("cache", "Memorystore for Redis", f"{tier}.{cache.size}", gib)
    yield bill.line("share", "Filestore", "share", share.size_gb, "over all zones")
    yield bill.line("bucket", "Cloud Storage", "bucket", BUCKET_GB, BY_USE)
    kept = (database.storage_gb, database.storage_gb + share.size_gb)
    yield bill.line("backups", "Backups", "backup", kept, "of what database and share hold")


def _network(bill: Bill) -> Iterator[CostLine]:
    yield bill.line("network-nat", "Cloud NAT", "nat", bill.copies, "by the containers behind it")
    yield bill.line("network-traffic", "Traffic through NAT", "nat.traffic", TRAFFIC_GB, BY_USE)
    yield bill.line("public-ip", "Public addresses", "public-ip", 1, "of the NAT gateway")
    # Without a name of one's own, people come by the platform's name, and there is no balancer.
    if bill.blueprint.front.domain:
        yield bill.line("balancer", "Load balancer", "balancer", 1)
        yield bill.line("balancer-use", "Work of the balancer", "balancer.use", TRAFFIC_GB, BY_USE)


def _around(bill: Bill) -> Iterator[CostLine]:
    blueprint = bill.blueprint
    yield bill.line("registry", "Artifact Registry", "registry", IMAGE_GB, BY_USE)
    authorities = 1 + (blueprint.cache is not None)
    secrets = len(blueprint.secrets) + authorities
    yield bill.line("secrets", "Secret Manager", "secret", secrets, "with the certificates that servers are checked by")
    yield bill.line("logs", "Cloud Logging", "logs", 0, "the first 50 GiB a month are free")
    yield bill.line("alarms", "Alert policies", "alarm", len(blueprint.alarms))
