"""The CloudWatch metrics behind the blueprint's signals. No resource is made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from penstock_platform.blueprint import AlarmPlan, Signal

GIB = 2**30
MINUTE = 60


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What the metrics are about; `cache` is None where there is none."""

    balancer: pulumi.Input[str]
    target_group: pulumi.Input[str]
    cluster: pulumi.Input[str]
    scheduler: pulumi.Input[str]
    database: pulumi.Input[str]
    share: pulumi.Input[str]
    share_gb: int
    cache: pulumi.Input[str] | None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric and how it is compared. `counted`: over the whole time at once, else minute by minute.

    `scale` turns the plan's unit into the metric's; `silence` is what missing data means.
    """

    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, pulumi.Input[str]]
    meaning: str
    below: bool = False
    counted: bool = False
    scale: float = 1
    silence: str = "notBreaching"


def metric_of(plan: AlarmPlan, watched: Watched) -> Metric:
    """Return the metric of an alarm. Raises KeyError for a signal that this stack does not have."""
    found = {**_front(watched), **_services(watched), **_data(watched), **_cache(watched)}
    return found[plan.signal]


def _front(watched: Watched) -> dict[Signal, Metric]:
    balancer = {"LoadBalancer": watched.balancer}
    return {
        Signal.WEB_ERRORS: Metric(
            namespace="AWS/ApplicationELB",
            name="HTTPCode_Target_5XX_Count",
            statistic="Sum",
            dimensions=balancer,
            counted=True,
            meaning="The page answers with errors of its own",
        ),
        Signal.WEB_UNHEALTHY: Metric(
            namespace="AWS/ApplicationELB",
            name="UnHealthyHostCount",
            statistic="Maximum",
            dimensions={**balancer, "TargetGroup": watched.target_group},
            meaning="Web servers fail their probe",
        ),
    }


def _services(watched: Watched) -> dict[Signal, Metric]:
    return {
        # Every running task sends one sample a minute, so samples are tasks; no task, no data.
        Signal.SCHEDULER_DOWN: Metric(
            namespace="AWS/ECS",
            name="CPUUtilization",
            statistic="SampleCount",
            dimensions={"ClusterName": watched.cluster, "ServiceName": watched.scheduler},
            below=True,
            silence="breaching",
            meaning="No scheduler runs",
        )
    }


def _data(watched: Watched) -> dict[Signal, Metric]:
    def of_database(name: str, meaning: str, *, below: bool = False, scale: float = 1) -> Metric:
        return Metric(
            namespace="AWS/RDS",
            name=name,
            statistic="Average",
            dimensions={"DBInstanceIdentifier": watched.database},
            below=below,
            scale=scale,
            meaning=meaning,
        )

    return {
        Signal.DATABASE_CPU: of_database("CPUUtilization", "The database's processors are busy"),
        Signal.DATABASE_STORAGE: of_database("FreeStorageSpace", "The database's disk fills up", below=True, scale=GIB),
        Signal.DATABASE_CONNECTIONS: of_database("DatabaseConnections", "The database runs out of connections"),
        # EFS is never full: this says that it has grown to what the estimate counts.
        Signal.SHARE_FULL: Metric(
            namespace="AWS/EFS",
            name="StorageBytes",
            statistic="Average",
            dimensions={"FileSystemId": watched.share, "StorageClass": "Total"},
            scale=watched.share_gb * GIB / 100,
            meaning=f"The share grows to the {watched.share_gb} GiB of files.sizeGb, which the estimate counts",
        ),
    }


def _cache(watched: Watched) -> dict[Signal, Metric]:
    if watched.cache is None:
        return {}
    return {
        Signal.CACHE_MEMORY: Metric(
            namespace="AWS/ElastiCache",
            name="DatabaseMemoryUsagePercentage",
            statistic="Average",
            dimensions={"CacheClusterId": watched.cache},
            meaning="Redis runs out of memory",
        )
    }
