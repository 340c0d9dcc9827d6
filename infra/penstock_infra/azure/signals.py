"""What each signal of the blueprint is in Azure Monitor's words. Pure but for the ids of what is watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi

from penstock_platform.blueprint import AlarmPlan, Signal

GIB = 2**30
APPS = "Microsoft.App/containerApps"
POSTGRES = "Microsoft.DBforPostgreSQL/flexibleServers"
REDIS = "Microsoft.Cache/redisEnterprise"
FILES = "Microsoft.Storage/storageAccounts/fileServices"
SIX_HOURS = "PT6H"
"""Azure measures the space of a share once an hour."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The ids of what alarms watch; `share_gb` is the share's size in GiB, `cache` None where there is no Redis."""

    web: pulumi.Output[str]
    scheduler: pulumi.Output[str]
    database: pulumi.Output[str]
    files: pulumi.Output[str]
    share_gb: int
    cache: pulumi.Output[str] | None


@dataclass(frozen=True)
class Metric:
    """A metric of one kind of resource, and when it is out of bounds: `GreaterThan` or `LessThan` the threshold."""

    scope: pulumi.Output[str]
    namespace: str
    name: str
    aggregation: str
    operator: str
    threshold: float
    window: str
    dimensions: Mapping[str, str]


def _web_errors(plan: AlarmPlan, watched: Watched) -> Metric:
    dimensions = {"statusCodeCategory": "5xx"}
    return Metric(watched.web, APPS, "Requests", "Total", "GreaterThan", plan.threshold, window(plan), dimensions)


def _scheduler_down(plan: AlarmPlan, watched: Watched) -> Metric:
    return Metric(watched.scheduler, APPS, "Replicas", "Maximum", "LessThan", plan.threshold, window(plan), {})


def _database_cpu(plan: AlarmPlan, watched: Watched) -> Metric:
    return Metric(watched.database, POSTGRES, "cpu_percent", "Average", "GreaterThan", plan.threshold, window(plan), {})


def _database_storage(plan: AlarmPlan, watched: Watched) -> Metric:
    least = plan.threshold * GIB
    return Metric(watched.database, POSTGRES, "storage_free", "Average", "LessThan", least, window(plan), {})


def _database_connections(plan: AlarmPlan, watched: Watched) -> Metric:
    most = plan.threshold
    return Metric(watched.database, POSTGRES, "active_connections", "Average", "GreaterThan", most, window(plan), {})


def _cache_memory(plan: AlarmPlan, watched: Watched) -> Metric:
    if watched.cache is None:
        raise AssertionError("an alarm watches a Redis that the blueprint does not have")
    most = plan.threshold
    return Metric(watched.cache, REDIS, "usedmemorypercentage", "Maximum", "GreaterThan", most, window(plan), {})


def _share_full(plan: AlarmPlan, watched: Watched) -> Metric:
    most = watched.share_gb * GIB * plan.threshold / 100
    return Metric(watched.files, FILES, "FileCapacity", "Average", "GreaterThan", most, SIX_HOURS, {})


METRICS: dict[Signal, Callable[[AlarmPlan, Watched], Metric]] = {
    Signal.WEB_ERRORS: _web_errors,
    Signal.SCHEDULER_DOWN: _scheduler_down,
    Signal.DATABASE_CPU: _database_cpu,
    Signal.DATABASE_STORAGE: _database_storage,
    Signal.DATABASE_CONNECTIONS: _database_connections,
    Signal.CACHE_MEMORY: _cache_memory,
    Signal.SHARE_FULL: _share_full,
}
"""Signals that are a metric. WEB_UNHEALTHY is none: the platform writes failed probes to its log."""

FAILED_PROBES = (
    'ContainerAppSystemLogs | where ContainerAppName == "{service}" and Reason in ("ProbeFailed", "ReplicaUnhealthy")'
)
"""The query behind WEB_UNHEALTHY."""


def window(plan: AlarmPlan) -> str:
    """Return an alarm's span of time in ISO 8601."""
    return f"PT{plan.minutes}M"
