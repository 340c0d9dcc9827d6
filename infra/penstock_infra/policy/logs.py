"""Rules for logs: there are some, and they go after a known time."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_infra.policy.containers import TASK, containers_of
from penstock_infra.policy.rule import Resource, Rule
from penstock_infra.policy.values import GIVEN, Must, at_least, one_of


def writes_logs(resource: Resource) -> Iterator[str]:
    """Each container has a `logConfiguration`."""
    for container in containers_of(resource):
        yield from Must("logConfiguration", GIVEN, "what the container prints is lost")(container)


KEPT = Rule(
    "logs-kept",
    "What processes print is kept for a known number of days, and not for ever.",
    {
        "aws:cloudwatch/logGroup:LogGroup": [Must("retentionInDays", at_least(1), "lines are kept for ever")],
        TASK: [writes_logs],
        "gcp:logging/projectBucketConfig:ProjectBucketConfig": [
            Must("retentionDays", at_least(1), "nothing says how long lines are kept")
        ],
        "azure-native:operationalinsights:Workspace": [
            Must("retentionInDays", at_least(1), "nothing says how long lines are kept")
        ],
        "azure-native:app:ManagedEnvironment": [
            Must(
                "appLogsConfiguration.destination",
                one_of("azure-monitor", "log-analytics"),
                "what containers print is lost",
            )
        ],
    },
    exceptions=("Kubernetes: what pods print is the cluster's to keep.",),
)

RULES = (KEPT,)
