"""How much a stack may take of its cluster at most: worked out from the blueprint, pure."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_platform.blueprint import Blueprint
from penstock_platform.quantities import cpu_millis, cpu_text, memory_text
from penstock_platform.vocabulary import SparkMode

JOBS_AT_ONCE = 16
"""Jobs of the largest size that run together; of smaller ones there is room for more."""
PODS_OF_JOBS = 500
OTHERS = (2000, 2048)
"""Backups, and what a certificate issuer or an operator runs beside: thousandths of a core, MiB."""
PODS_OF_OTHERS = 10
CACHE_CPU_LIMIT = "1"

Need = tuple[int, int, int]
"""Pods, thousandths of a core, MiB."""


def stack_quota(blueprint: Blueprint) -> dict[str, str]:
    """Return the bounds of the stack's own namespace: every service at its maximum, twice during a rollout."""
    return _hard(_sum(_stack_needs(blueprint)))


def _stack_needs(blueprint: Blueprint) -> Iterator[Need]:
    yield PODS_OF_OTHERS, *OTHERS
    for service in blueprint.services:
        most = service.maximum * 2
        yield most, most * service.cpu_millis, most * service.memory_mib
    if blueprint.database.external_secret is None:
        yield 1, round(blueprint.database.instance.cpus * 1000), blueprint.database.instance.memory_mib
    if blueprint.cache is not None and blueprint.cache.external_secret is None:
        yield 1, cpu_millis(CACHE_CPU_LIMIT), blueprint.cache.instance.memory_mib


def jobs_quota(blueprint: Blueprint) -> dict[str, str]:
    """Return the bounds of the namespace of jobs and Spark."""
    largest = blueprint.jobs.sizes[-1]
    at_once = JOBS_AT_ONCE
    if blueprint.spark.mode is not SparkMode.OFF:
        at_once += 1 + blueprint.spark.max_workers
    hard = _hard((PODS_OF_JOBS, at_once * largest.cpu_millis, at_once * largest.memory_mib))
    return {**hard, "count/jobs.batch": str(2 * PODS_OF_JOBS), "persistentvolumeclaims": "0", "services.nodeports": "0"}


def _sum(needs: Iterator[Need]) -> Need:
    pods, cpu, memory = (sum(amounts) for amounts in zip(*needs, strict=True))
    return pods, cpu, memory


def _hard(need: Need) -> dict[str, str]:
    pods, cpu, memory = need
    found = {"pods": str(pods), "services.loadbalancers": "0"}
    for kind in ("requests", "limits"):
        found |= {f"{kind}.cpu": cpu_text(cpu), f"{kind}.memory": memory_text(memory)}
    return found
