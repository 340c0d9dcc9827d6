"""What each identity may do: Azure's own roles where one fits, else roles of ours with single actions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BUILT_IN = {
    "pull the image": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "read a secret": "4633458b-17de-408a-b874-0445c86b69e6",
    "write blobs": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
}
"""AcrPull, Key Vault Secrets User and Storage Blob Data Contributor, by what they are for here."""


class Custom(StrEnum):
    """The roles of ours, each for one kind of place."""

    RUN_JOBS = "run jobs"
    RUN_CONTAINERS = "run containers"
    JOIN_SUBNET = "join subnet"
    USE_IDENTITY = "use identity"
    SEE_SPARK = "see Spark"
    SCALE = "scale"


@dataclass(frozen=True)
class Role:
    """A role: what it is for, and its actions, none with a wildcard."""

    description: str
    actions: tuple[str, ...]


ROLES: dict[Custom, Role] = {
    Custom.RUN_JOBS: Role(
        "Start, watch and stop runs of one job definition.",
        (
            "Microsoft.App/jobs/read",
            "Microsoft.App/jobs/start/action",
            "Microsoft.App/jobs/stop/action",
            "Microsoft.App/jobs/execution/read",
            "Microsoft.App/jobs/executions/read",
        ),
    ),
    Custom.RUN_CONTAINERS: Role(
        "Make, watch and delete container groups in the group that holds nothing else.",
        (
            "Microsoft.ContainerInstance/containerGroups/read",
            "Microsoft.ContainerInstance/containerGroups/write",
            "Microsoft.ContainerInstance/containerGroups/delete",
            "Microsoft.ContainerInstance/containerGroups/containers/logs/read",
        ),
    ),
    Custom.JOIN_SUBNET: Role(
        "Put container groups into the jobs' subnet.",
        ("Microsoft.Network/virtualNetworks/subnets/read", "Microsoft.Network/virtualNetworks/subnets/join/action"),
    ),
    Custom.USE_IDENTITY: Role(
        "Give the jobs' identity to a container group.",
        (
            "Microsoft.ManagedIdentity/userAssignedIdentities/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
        ),
    ),
    Custom.SEE_SPARK: Role(
        "Look at the Spark pool; what runs on it is granted inside the workspace.",
        ("Microsoft.Synapse/workspaces/read", "Microsoft.Synapse/workspaces/bigDataPools/read"),
    ),
    Custom.SCALE: Role(
        "Set how many copies of one app run.",
        (
            "Microsoft.App/containerApps/read",
            "Microsoft.App/containerApps/write",
            "Microsoft.App/containerApps/revisions/read",
            "Microsoft.App/containerApps/revisions/replicas/read",
        ),
    ),
}
"""Every role of ours."""
