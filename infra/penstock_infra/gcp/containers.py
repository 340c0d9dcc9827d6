"""What the containers of every service have in common: environment, volumes, probes, sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from penstock_infra.environment import Environment
from penstock_infra.gcp.network import Network
from penstock_infra.gcp.secrets import Secrets
from penstock_infra.gcp.share import Share
from penstock_platform.blueprint import Probe, ServicePlan
from penstock_platform.quantities import cpu_text, memory_text

LONGEST_START_SECONDS = 240
"""Cloud Run's bound on a startup probe: period times failures."""
LONGEST_DRAIN_SECONDS = 8
"""Cloud Run kills 10 seconds after it asks a container to stop; two are for what a scheduler writes at its end."""


@dataclass(frozen=True, kw_only=True)
class ContainerArgs:
    """One service's plan and everything that its containers refer to; `after` must be there before the first starts."""

    plan: ServicePlan
    image: pulumi.Input[str]
    environment: Environment
    secrets: Secrets
    share: Share
    share_path: str
    network: Network
    account: pulumi.Input[str]
    after: tuple[pulumi.Resource, ...]


def container(args: ContainerArgs) -> dict[str, Any]:
    """Return the container: image by digest, the entry point's words, secrets by reference."""
    return {
        "name": "penstock",
        "image": args.image,
        # The image's entry point prepares the folders and adds `penstock` itself.
        "args": list(args.plan.command[1:]),
        "envs": variables(args),
        "startup_probe": probe(args.plan.startup, most=LONGEST_START_SECONDS),
        "liveness_probe": probe(args.plan.liveness),
        "volume_mounts": [
            {"name": "share", "mount_path": args.share_path},
            *({"name": one.name, "mount_path": one.folder} for one in args.secrets.authorities),
        ],
    }


def variables(args: ContainerArgs) -> list[dict[str, Any]]:
    """Return the environment, sorted by name; a secret is a reference to its version, so a change makes a revision."""
    plain: dict[str, dict[str, Any]] = {name: {"value": value} for name, value in args.environment.plain.items()}
    secret: dict[str, dict[str, Any]] = {
        name: {"value_source": args.secrets.entries[entry].reference} for name, entry in args.environment.secret.items()
    }
    return [{"name": name, **value} for name, value in sorted({**plain, **secret}.items())]


def volumes(args: ContainerArgs) -> list[dict[str, Any]]:
    """Return the volumes: the share, and each authority as a file."""
    return [args.share.volume, *(one.volume for one in args.secrets.authorities)]


def drain_seconds(plan: ServicePlan) -> int:
    """Return how long a stopping service may wait for its blocks: an end of our own is told from a loss."""
    return min(plan.drain_seconds, LONGEST_DRAIN_SECONDS)


def limits(plan: ServicePlan) -> dict[str, str]:
    """Return CPU and memory in the words of Kubernetes."""
    return {"cpu": cpu_text(plan.cpu_millis), "memory": memory_text(plan.memory_mib)}


def probe(plan: Probe, most: int | None = None) -> dict[str, Any]:
    """Return an HTTP probe; with `most`, period times failures stays within so many seconds."""
    failures = plan.failures if most is None else min(plan.failures, most // plan.period_seconds)
    return {
        "http_get": {"path": plan.path, "port": plan.port},
        "period_seconds": plan.period_seconds,
        "timeout_seconds": min(5, plan.period_seconds),
        "failure_threshold": failures,
    }
