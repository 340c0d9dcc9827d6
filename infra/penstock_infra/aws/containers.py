"""What a task is made of: its container as ECS wants it in JSON, and its volumes. No resource is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from penstock_infra.aws.share import USER_ID
from penstock_platform.blueprint import Probe
from penstock_platform.service_settings import STATE_PATH

HEALTH_COMMAND = ("CMD", "/opt/penstock/bin/python", "-I", "-S", "/opt/penstock/image/health.py")
"""The image's own check; it knows from the settings which port to ask."""
LONGEST_START_SECONDS = 300
LONGEST_STOP_SECONDS = 120
"""What ECS allows."""
SCRATCH = {"state": STATE_PATH, "tmp": "/tmp"}  # noqa: S108 - a volume of the container's own
"""Volumes that live and end with a task, and where they are mounted."""


@dataclass(frozen=True, kw_only=True)
class ContainerArgs:
    """One container. `command` is the blueprint's; `secrets` maps variables to ARNs, `mounts` volumes to paths."""

    name: str
    image: pulumi.Input[str]
    command: Sequence[str]
    log_group: pulumi.Input[str]
    region: str
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    startup: Probe | None = None
    liveness: Probe | None = None
    stop_seconds: int = 30


def container_definitions(args: ContainerArgs) -> pulumi.Output[str]:
    """Return the container definitions of a task with this one container, as JSON."""
    container: dict[str, Any] = {
        "name": args.name,
        "image": args.image,
        "essential": True,
        # The image's entry point becomes `penstock` itself, and takes what follows that word.
        "command": list(args.command[1:]),
        "user": f"{USER_ID}:{USER_ID}",
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
        "environment": [{"name": name, "value": value} for name, value in args.environment.items()],
        "secrets": [{"name": name, "valueFrom": arn} for name, arn in args.secrets.items()],
        "mountPoints": [
            {"sourceVolume": volume, "containerPath": path, "readOnly": False}
            for volume, path in {**SCRATCH, **args.mounts}.items()
        ],
        "portMappings": [{"containerPort": args.port, "hostPort": args.port, "protocol": "tcp"}] if args.port else [],
        "stopTimeout": min(args.stop_seconds, LONGEST_STOP_SECONDS),
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": args.log_group,
                "awslogs-region": args.region,
                "awslogs-stream-prefix": args.name,
            },
        },
    }
    if args.startup and args.liveness:
        container["healthCheck"] = health_check(args.startup, args.liveness)
    return pulumi.Output.json_dumps([container], sort_keys=True)


def health_check(startup: Probe, liveness: Probe) -> Mapping[str, Any]:
    """Return the check with which ECS finds a process that answers no more."""
    return {
        "command": list(HEALTH_COMMAND),
        "interval": liveness.period_seconds,
        "timeout": liveness.period_seconds // 2,
        "retries": liveness.failures,
        "startPeriod": min(startup.period_seconds * startup.failures, LONGEST_START_SECONDS),
    }


def scratch_volumes() -> list[dict[str, Any]]:
    """Return the volumes of SCRATCH: empty at first, owned as the image's folders are."""
    return [{"name": name} for name in SCRATCH]


def share_volume(name: str, file_system: pulumi.Input[str], access_point: pulumi.Input[str]) -> dict[str, Any]:
    """Return the share as a volume: by TLS, as the task's role, through the access point."""
    return {
        "name": name,
        "efs_volume_configuration": {
            "file_system_id": file_system,
            "transit_encryption": "ENABLED",
            "authorization_config": {"access_point_id": access_point, "iam": "ENABLED"},
        },
    }


def cpu_units(millis: int) -> str:
    """Return thousandths of a core in ECS' units, of which a core has 1024."""
    return str(millis * 1024 // 1000)
