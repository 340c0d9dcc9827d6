"""Containers of services and jobs: mounts, probes, environment. Pure but for outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pulumi

from penstock_infra.azure.apps_environment import MOUNT
from penstock_platform.blueprint import Probe, SecretName, ServicePlan
from penstock_platform.service_settings import STATE_PATH

USER = "10001:10001"
"""Who the image runs as: the owner of the folders on the share."""
ROOT_IMAGE = "mcr.microsoft.com/azurelinux/base/core:3.0"
"""A start container of Microsoft's own, as root: Container Apps cannot start our image as another user. It sees the
share and nothing else: no secret, no identity's token, no setting."""
MOST_FAILURES = 10
MOST_PERIOD_SECONDS = 240
EMPTY_VOLUMES = [{"name": name, "storage_type": "EmptyDir"} for name in ("state", "tmp")]
EMPTY_MOUNTS = [
    {"volume_name": "state", "mount_path": STATE_PATH},
    {"volume_name": "tmp", "mount_path": "/tmp"},  # noqa: S108 - an empty volume of the container's own
]
SHARE_VOLUME = {"name": "share", "storage_type": "NfsAzureFile", "storage_name": MOUNT}


def resources(cpu_millis: int, memory_mib: int) -> dict[str, Any]:
    """Return CPU and memory in Container Apps' words."""
    return {"cpu": cpu_millis / 1000, "memory": f"{memory_mib / 1024:g}Gi"}


def probe(kind: str, plan: Probe) -> dict[str, Any]:
    """Return a probe that gives up after the planned time: the platform counts at most ten failures."""
    patience = plan.period_seconds * plan.failures
    failures = min(plan.failures, MOST_FAILURES)
    return {
        "type": kind,
        "http_get": {"path": plan.path, "port": plan.port, "scheme": "HTTP"},
        # The first look comes early enough that a start is seen soon, though later ones are far apart.
        "initial_delay_seconds": plan.period_seconds,
        "period_seconds": min(math.ceil(patience / failures), MOST_PERIOD_SECONDS),
        "failure_threshold": failures,
        "timeout_seconds": 5,
    }


def probes(service: ServicePlan) -> list[dict[str, Any]]:
    """Return the three probes of a service."""
    planned = {"Startup": service.startup, "Liveness": service.liveness, "Readiness": service.readiness}
    return [probe(kind, plan) for kind, plan in planned.items()]


def environment(plain: Mapping[str, pulumi.Input[str]], secret: Mapping[str, SecretName]) -> list[dict[str, Any]]:
    """Return environment variables: values, and references to the app's secrets by name."""
    return [
        *({"name": name, "value": value} for name, value in plain.items()),
        *({"name": name, "secret_ref": which.value} for name, which in secret.items()),
    ]


def owner_of_folders(path: str) -> dict[str, Any]:
    """Return the start container that makes the two folders of the share and gives them to the image's user."""
    folders = f"{path}/project {path}/data"
    return {
        "name": "folders",
        "image": ROOT_IMAGE,
        "command": ["/bin/sh", "-c", f"mkdir -p {folders} && chown {USER} {folders}"],
        "resources": resources(250, 512),
        "volume_mounts": [{"volume_name": "share", "mount_path": path}],
    }
