"""The words that stacks, commands and programs share."""

from __future__ import annotations

from enum import StrEnum


class Cloud(StrEnum):
    """Where a stack runs."""

    AWS = "aws"
    GCP = "gcp"
    AZURE = "azure"
    KUBERNETES = "kubernetes"


class Topology(StrEnum):
    """How the processes are laid out, from the cheapest to the most able."""

    SINGLE = "single"
    SPLIT = "split"
    HA = "ha"
    AUTOSCALE = "autoscale"


class ServiceRole(StrEnum):
    """What a service runs; the value is the INSTANCE_TYPE that its containers get."""

    EVERYTHING = "server_and_scheduler"
    WEB = "web_server"
    SCHEDULER = "scheduler"


class Executor(StrEnum):
    """Where attempts run, in the words of DEFAULT_EXECUTOR_TYPE."""

    LOCAL_PYTHON = "local_python"
    K8S = "k8s"
    ECS = "ecs"
    GCP_CLOUD_RUN = "gcp_cloud_run"
    AZURE_CONTAINER_INSTANCE = "azure_container_instance"
    PYSPARK = "pyspark"


class SparkMode(StrEnum):
    """Who makes Spark clusters: nobody, the executor at each run, a serverless service, or the program once."""

    OFF = "off"
    ON_DEMAND = "onDemand"
    SERVERLESS = "serverless"
    SHARED = "shared"


class Exposure(StrEnum):
    """Who reaches the page: the internet (narrowed by allowedCidrs), the network alone, or a port forward."""

    PUBLIC = "public"
    PRIVATE = "private"
    PORT_FORWARD = "portForward"


class Size(StrEnum):
    """Sizes of databases and caches; what each means on a cloud is in `penstock_platform.sizes`."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"
    XLARGE = "xlarge"


class Tier(StrEnum):
    """How many zones a share survives."""

    ZONAL = "zonal"
    REGIONAL = "regional"


OWN_EXECUTOR: dict[Cloud, Executor] = {
    Cloud.AWS: Executor.ECS,
    Cloud.GCP: Executor.GCP_CLOUD_RUN,
    Cloud.AZURE: Executor.AZURE_CONTAINER_INSTANCE,
    Cloud.KUBERNETES: Executor.K8S,
}
"""The executor that starts jobs on the cloud itself."""
