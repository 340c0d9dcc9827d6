"""What each signal is in Cloud Monitoring: the metric, whose it is, and when its value is bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from penstock_platform.blueprint import AlarmPlan, Blueprint, Signal


@dataclass(frozen=True)
class Metric:
    """A metric of one resource: `filter` finds it, `aligner` and `reducer` make one line of it."""

    filter: pulumi.Output[str]
    aligner: str
    reducer: str = "REDUCE_NONE"

    def aggregation(self, seconds: int) -> dict[str, Any]:
        """Return how the points of so many seconds become one."""
        return {
            "alignment_period": f"{seconds}s",
            "per_series_aligner": self.aligner,
            "cross_series_reducer": self.reducer,
        }


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The names by which Cloud Monitoring knows the stack's parts. `database` is `project:instance`."""

    web: pulumi.Input[str]
    pool: pulumi.Input[str] | None
    """None where the web service runs the scheduler too."""
    database: pulumi.Input[str]
    cache: pulumi.Input[str] | None
    share: pulumi.Input[str]


def metrics_of(watched: Watched) -> Mapping[Signal, Metric]:
    """Return the metric of each signal that this stack has."""
    web = ("cloud_run_revision", "service_name", watched.web)
    scheduler = web if watched.pool is None else ("cloud_run_worker_pool", "worker_pool_name", watched.pool)
    database = ("cloudsql_database", "database_id", watched.database)
    share = ("filestore_instance", "instance_name", watched.share)
    run, sql = "run.googleapis.com", "cloudsql.googleapis.com/database"
    found = {
        Signal.WEB_ERRORS: Metric(
            _filter(f"{run}/request_count", *web, 'metric.labels.response_code_class="5xx"'),
            "ALIGN_DELTA",
            "REDUCE_SUM",
        ),
        Signal.WEB_UNHEALTHY: Metric(
            _filter(f"{run}/container/completed_probe_attempt_count", *web, 'metric.labels.is_healthy="false"'),
            "ALIGN_DELTA",
            "REDUCE_SUM",
        ),
        # Pools report no count of copies. Seconds billed a second are one for each copy that runs.
        Signal.SCHEDULER_DOWN: Metric(
            _filter(f"{run}/container/billable_instance_time", *scheduler), "ALIGN_RATE", "REDUCE_SUM"
        ),
        Signal.DATABASE_CPU: Metric(_filter(f"{sql}/cpu/utilization", *database), "ALIGN_MEAN"),
        Signal.DATABASE_STORAGE: Metric(_filter(f"{sql}/disk/utilization", *database), "ALIGN_MEAN"),
        Signal.DATABASE_CONNECTIONS: Metric(
            _filter(f"{sql}/postgresql/num_backends", *database), "ALIGN_MAX", "REDUCE_SUM"
        ),
        Signal.SHARE_FULL: Metric(
            _filter("file.googleapis.com/nfs/server/used_bytes_percent", *share), "ALIGN_MEAN", "REDUCE_MAX"
        ),
    }
    if watched.cache is not None:
        memory = "redis.googleapis.com/stats/memory/usage_ratio"
        found[Signal.CACHE_MEMORY] = Metric(
            _filter(memory, "redis_instance", "instance_id", watched.cache), "ALIGN_MEAN", "REDUCE_MAX"
        )
    return found


def _filter(metric: str, resource: str, label: str, name: pulumi.Input[str], more: str = "") -> pulumi.Output[str]:
    rest = f" AND {more}" if more else ""
    return pulumi.Output.concat(
        f'metric.type="{metric}" AND resource.type="{resource}" AND resource.labels.{label}="', name, '"', rest
    )


def threshold_of(alarm: AlarmPlan, blueprint: Blueprint) -> float:
    """Return an alarm's threshold in the metric's own unit; what is compared is greater or less, never equal."""
    match alarm.signal:
        case Signal.WEB_UNHEALTHY | Signal.SCHEDULER_DOWN:
            return alarm.threshold - 0.5
        case Signal.DATABASE_CPU | Signal.CACHE_MEMORY:
            return alarm.threshold / 100
        case Signal.DATABASE_STORAGE:
            # The plan counts what is left; the metric is the share in use of a disk that grows.
            return 1 - alarm.threshold / blueprint.database.storage_gb
        case _:
            return alarm.threshold
