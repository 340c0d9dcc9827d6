"""What each identity gets by a custom role: the calls that it makes, and nothing else. No wildcards."""

from __future__ import annotations

from penstock_platform.vocabulary import SparkMode

START_JOBS = (
    "run.executions.cancel",
    "run.executions.get",
    "run.executions.list",
    "run.jobs.get",
    "run.jobs.run",
    "run.jobs.runWithOverrides",
    "run.tasks.get",
    "run.tasks.list",
)
"""Given on each job alone. `run.operations.get` is missing on purpose: operations are the region's and no job's, so the
executor asks for the execution, whose name the answer to `run` holds."""

SCALE_POOL = ("run.workerpools.get", "run.workerpools.update")
"""Given on the scheduler's pool alone."""

SPARK_NODE = (
    "dataproc.agents.create",
    "dataproc.agents.delete",
    "dataproc.agents.get",
    "dataproc.agents.list",
    "dataproc.agents.update",
    "dataproc.tasks.lease",
    "dataproc.tasks.listInvalidatedLeases",
    "dataproc.tasks.reportStatus",
    "logging.logEntries.create",
    "monitoring.metricDescriptors.create",
    "monitoring.metricDescriptors.get",
    "monitoring.metricDescriptors.list",
    "monitoring.monitoredResourceDescriptors.get",
    "monitoring.monitoredResourceDescriptors.list",
    "monitoring.timeSeries.create",
)
"""What Dataproc's own worker role holds, less the storage: that role would open every bucket of the project."""

_DATAPROC_JOBS = ("dataproc.jobs.cancel", "dataproc.jobs.create", "dataproc.jobs.get", "dataproc.jobs.list")

RUN_SPARK: dict[SparkMode, tuple[str, ...]] = {
    SparkMode.SERVERLESS: (
        "dataproc.batches.cancel",
        "dataproc.batches.create",
        "dataproc.batches.delete",
        "dataproc.batches.get",
        "dataproc.batches.list",
        "dataproc.operations.get",
    ),
    SparkMode.ON_DEMAND: (
        "dataproc.autoscalingPolicies.get",
        "dataproc.autoscalingPolicies.use",
        "dataproc.clusters.create",
        "dataproc.clusters.delete",
        "dataproc.clusters.get",
        "dataproc.clusters.list",
        "dataproc.clusters.use",
        *_DATAPROC_JOBS,
        "dataproc.operations.get",
    ),
    SparkMode.SHARED: _DATAPROC_JOBS,
}
"""Given on the project: what is yet to be made has no policy of its own. What holds it to this stack is the account as
which it runs: the Spark account alone."""

USE_CLUSTER = ("dataproc.clusters.get", "dataproc.clusters.use")
"""Given on the shared cluster alone."""
