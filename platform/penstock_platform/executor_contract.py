"""The part of the settings contract that executors, Spark backends and the scaler need. `contract` has the whole list.

A stack writes these for every executor that it made resources for. Planned ones are not acted on by any release yet.
"""

from __future__ import annotations

from penstock_platform.setting import Kind, Setting


def _later(name: str, meaning: str, kind: Kind = Kind.TEXT, choices: tuple[str, ...] = ()) -> Setting:
    return Setting(name, kind, meaning, choices=choices, planned=True)


EXECUTOR_SETTINGS: tuple[Setting, ...] = (
    _later("PENSTOCK_JOBS_URL", "Private address at which jobs reach the server."),
    _later("PENSTOCK_JOB_IMAGE", "Image that jobs run, by digest."),
    _later("PENSTOCK_ECS_CLUSTER", "ECS cluster of jobs, by ARN."),
    _later("PENSTOCK_ECS_TASK_DEFINITION", "Family of the job's task definition."),
    _later("PENSTOCK_ECS_SUBNETS", "Subnets of ECS jobs.", Kind.NAMES),
    _later("PENSTOCK_ECS_SECURITY_GROUPS", "Security groups of ECS jobs.", Kind.NAMES),
    _later("PENSTOCK_CLOUD_RUN_PROJECT", "Google project of Cloud Run jobs."),
    _later("PENSTOCK_CLOUD_RUN_REGION", "Region of Cloud Run jobs."),
    _later("PENSTOCK_CLOUD_RUN_JOBS", "Cloud Run jobs, each as size=name.", Kind.NAMES),
    _later("PENSTOCK_AZURE_SUBSCRIPTION", "Azure subscription of jobs."),
    _later("PENSTOCK_AZURE_RESOURCE_GROUP", "Resource group in which jobs are made."),
    _later("PENSTOCK_AZURE_LOCATION", "Location of container groups."),
    _later("PENSTOCK_AZURE_JOBS", "Container Apps jobs, each as size=name.", Kind.NAMES),
    _later("PENSTOCK_AZURE_SUBNET", "Subnet of container groups, by resource id."),
    _later("PENSTOCK_AZURE_JOB_IDENTITY", "Identity with which a job's image is pulled, by resource id."),
    _later("PENSTOCK_AZURE_REGISTRY", "Registry of the job's image."),
    _later("PENSTOCK_K8S_NAMESPACE", "Namespace of Kubernetes jobs."),
    _later("PENSTOCK_K8S_SERVICE_ACCOUNT", "Service account of a job's pod: it may call nothing."),
    _later(
        "PENSTOCK_SPARK_BACKEND",
        "Where PySpark pipelines run.",
        Kind.CHOICE,
        ("local", "emr", "emr_serverless", "dataproc", "dataproc_serverless", "synapse", "kubernetes"),
    ),
    _later("PENSTOCK_SPARK_URL", "Where Spark reads and writes artifacts and keeps its logs."),
    _later("PENSTOCK_EMR_CLUSTER", "Shared EMR cluster."),
    _later("PENSTOCK_EMR_APPLICATION", "EMR Serverless application."),
    _later("PENSTOCK_EMR_SERVICE_ROLE", "Role of the EMR service, by ARN."),
    _later("PENSTOCK_EMR_INSTANCE_PROFILE", "Instance profile of EMR nodes, by ARN."),
    _later("PENSTOCK_EMR_JOB_ROLE", "Role of EMR Serverless jobs, by ARN."),
    _later("PENSTOCK_EMR_SECURITY_CONFIGURATION", "EMR security configuration."),
    _later("PENSTOCK_EMR_SUBNETS", "Subnets of EMR clusters.", Kind.NAMES),
    _later("PENSTOCK_EMR_SECURITY_GROUPS", "Primary, worker and service security groups of EMR.", Kind.NAMES),
    _later("PENSTOCK_DATAPROC_CLUSTER", "Shared Dataproc cluster."),
    _later("PENSTOCK_DATAPROC_REGION", "Region of Dataproc."),
    _later("PENSTOCK_DATAPROC_SUBNET", "Subnet of Dataproc batches and clusters."),
    _later("PENSTOCK_DATAPROC_SERVICE_ACCOUNT", "Service account of Dataproc's nodes."),
    _later("PENSTOCK_SYNAPSE_WORKSPACE", "Synapse workspace."),
    _later("PENSTOCK_SYNAPSE_POOL", "Spark pool of the Synapse workspace."),
    _later("PENSTOCK_SPARK_SERVICE_ACCOUNT", "Service account of Spark drivers on Kubernetes."),
    Setting(
        "PENSTOCK_SCALER_TARGET",
        Kind.TEXT,
        "Scheduler service whose size the scaler sets: `local:` and the path of the socket of `penstock up`. Stacks "
        "name the services of their clouds here; there this release records what it would set, and sets nothing.",
    ),
    Setting("PENSTOCK_SCALER_MIN", Kind.INTEGER, "Fewest schedulers.", "1", minimum=1, maximum=1000),
    Setting("PENSTOCK_SCALER_MAX", Kind.INTEGER, "Most schedulers; needed with a target.", minimum=1, maximum=1000),
    Setting("PENSTOCK_SCALER_DRY_RUN", Kind.BOOLEAN, "Decide and record, and set nothing.", "off"),
    Setting(
        "PENSTOCK_SCALER_DELAY_SECONDS",
        Kind.NUMBER,
        "Start delay to keep: how long a block that is ready may wait for a slot.",
        "5",
        minimum=0.05,
        maximum=86400,
    ),
    Setting(
        "PENSTOCK_SCALER_LOOK_SECONDS", Kind.NUMBER, "How often the load is looked at.", "10", minimum=0.1, maximum=600
    ),
    Setting(
        "PENSTOCK_SCALER_COOLDOWN_UP_SECONDS",
        Kind.NUMBER,
        "Shortest time between two growths.",
        "30",
        minimum=0,
        maximum=86400,
    ),
    Setting(
        "PENSTOCK_SCALER_COOLDOWN_DOWN_SECONDS",
        Kind.NUMBER,
        "How long one scheduler fewer must have been enough before one is taken away, and the shortest time since the "
        "last change.",
        "300",
        minimum=0,
        maximum=86400,
    ),
)
"""Names of executors, Spark backends and the scaler."""
