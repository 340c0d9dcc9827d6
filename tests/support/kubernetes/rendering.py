"""The Kubernetes program on the real engine, and the manifests that it made in the stand-in cluster."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from penstock_infra.program import main
from support.cluster.objects import Manifest, objects_of
from support.engine.stacks import EngineStack

DIGEST = "sha256:" + "5" * 64
IMAGE = f"registry.example.com/penstock@{DIGEST}"
TOPOLOGIES = ("single", "split", "ha", "autoscale")
SPARK_MODES = ("off", "onDemand", "serverless", "shared")
DOMAIN = "penstock.example.com"
# Each exposure with another kind of front, so that every option of a cluster is met.
EXPOSURES: Mapping[str, Mapping[str, Any]] = {
    "portForward": {},
    "public": {"domain": DOMAIN, "kubernetes": {"ingressClass": "nginx", "issuer": "letsencrypt"}},
    "private": {
        "domain": DOMAIN,
        "allowedCidrs": ["10.0.0.0/8"],
        "kubernetes": {"ingressClass": "internal", "tlsSecret": "our-certificate", "ingressNamespace": "ingress"},
    },
}


def config_of(
    topology: str, exposure: str = "portForward", spark: str = "onDemand", *, spark_workers: int = 4, **others: Any
) -> dict[str, Any]:
    """Return a stack's config, the project's keys without their namespace; `others` replaces keys."""
    front = {"domain": None, "allowedCidrs": ["0.0.0.0/0"], "kubernetes": {}, **EXPOSURES[exposure]}
    return {
        "cloud": "kubernetes",
        "topology": topology,
        "image": IMAGE,
        "exposure": exposure,
        "spark": {"mode": spark, "maxWorkers": spark_workers},
        "protectData": False,
        **front,
        **others,
    }


def variants() -> Iterator[tuple[str, str]]:
    """Yield every exposure with every mode of Spark."""
    return itertools.product(EXPOSURES, SPARK_MODES)


def stack_of(folder: Path, config: Mapping[str, Any]) -> EngineStack:
    """Return a stack of the real program; use it as a context."""
    return EngineStack(folder, main, config)


def manifests_of(stack: EngineStack) -> list[Manifest]:
    """Return what is in the stand-in cluster after `up`, in an order in which an API server takes it."""
    resources = [{"type": one.token, "inputs": one.inputs} for one in stack.cloud.objects.values()]
    return objects_of(resources)


def rendered(folder: Path, config: Mapping[str, Any]) -> list[Manifest]:
    """Return the manifests of one config."""
    with stack_of(folder, config) as stack:
        stack.up()
        return manifests_of(stack)


def named(manifests: list[Manifest], kind: str, name: str, namespace: str = "penstock") -> Manifest:
    """Return one manifest; LookupError when there is none."""
    for manifest in manifests:
        metadata = manifest["metadata"]
        if (manifest["kind"], metadata["name"], metadata.get("namespace", namespace)) == (kind, name, namespace):
            return manifest
    raise LookupError(f"no {kind} {namespace}/{name}")
