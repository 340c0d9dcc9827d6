"""From the engine's state to manifests: what the Kubernetes program declares, in an order that an API server takes.

A resource is an entry of the engine's deployment, `{"type": "kubernetes:apps/v1:Deployment", "inputs": {…}, …}`; its
inputs are the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Manifest = dict[str, Any]

PACKAGE = "kubernetes:"
# What others need comes first; a kind that is not named comes last.
ORDER = (
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "StorageClass",
    "ResourceQuota",
    "LimitRange",
    "ServiceAccount",
    "ClusterRole",
    "Role",
    "ClusterRoleBinding",
    "RoleBinding",
    "NetworkPolicy",
    "ConfigMap",
    "Secret",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Service",
    "StatefulSet",
    "Deployment",
    "DaemonSet",
    "Job",
    "CronJob",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "Ingress",
)
# How the engine marks a special value in its state; the kinds that can stand in a manifest are secrets.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
# Keys whose value is the name of a namespace.
NAMESPACE_KEYS = frozenset({"namespace", "kubernetes.io/metadata.name"})


class NotAnObject(ValueError):
    """A resource of the state cannot be given to an API server as it is."""


def objects_of(resources: Iterable[Mapping[str, Any]]) -> list[Manifest]:
    """Return the manifest of each Kubernetes resource, in applying order; other resources and components are left out.

    Raises NotAnObject for a Kubernetes resource that is no manifest (a Helm release, say), has no name, names another
    kind than its type does, or holds a secret that is still encrypted.
    """
    found = [manifest_of(resource) for resource in resources if is_kubernetes(resource)]
    return sorted(found, key=place)


def is_kubernetes(resource: Mapping[str, Any]) -> bool:
    """Whether the resource is one of the Kubernetes provider's; a component of that package is none."""
    return str(resource["type"]).startswith(PACKAGE) and bool(resource.get("custom", True))


def manifest_of(resource: Mapping[str, Any]) -> Manifest:
    """Return one resource's manifest."""
    token = str(resource["type"])
    api_version, kind = group_version_kind(token)
    inputs = {"apiVersion": api_version, "kind": kind, **plain(resource.get("inputs", {}))}
    if (inputs["apiVersion"], inputs["kind"]) != (api_version, kind):
        raise NotAnObject(f"{token} holds a manifest of {inputs['apiVersion']} {inputs['kind']}")
    if not inputs.get("metadata", {}).get("name"):
        raise NotAnObject(f"{token} {resource.get('urn', '')}: its metadata has no name")
    return inputs


def group_version_kind(token: str) -> tuple[str, str]:
    """Split `kubernetes:apps/v1:Deployment` into apiVersion and kind; the core group has no name in an apiVersion."""
    _, version, kind = token.split(":")
    if version.startswith(("helm.sh/", "yaml", "kustomize")):
        raise NotAnObject(f"{token} is no object of an API server")
    return version.removeprefix("core/"), kind.removesuffix("Patch")


def plain(value: Any) -> Any:
    """Return the value without the engine's own marks: secrets opened, its bookkeeping keys left out."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            return opened(value)
        return {key: plain(inner) for key, inner in value.items() if not str(key).startswith("__")}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def opened(secret: Mapping[str, Any]) -> Any:
    """Return what a secret holds."""
    if "plaintext" in secret:
        return plain(json.loads(secret["plaintext"]))
    if "value" in secret:
        return plain(secret["value"])
    raise NotAnObject("a secret is still encrypted; export the state with its secrets shown")


def place(manifest: Manifest) -> tuple[int, str, str]:
    """Return where a manifest stands in the order; within a kind the name decides."""
    kind = str(manifest["kind"])
    number = ORDER.index(kind) if kind in ORDER else len(ORDER)
    return number, kind, str(manifest["metadata"]["name"])


def in_namespace(objects: Iterable[Manifest], namespace: str) -> list[Manifest]:
    """Return the objects moved to another namespace: they, and what role bindings and policies refer to.

    Raises ValueError when they are in more than one namespace: there is then no single one to move.
    """
    given = list(objects)
    old = set(namespaces_of(given))
    if len(old) > 1:
        raise ValueError(f"the objects are in several namespaces: {', '.join(sorted(old))}")
    return [moved(manifest, next(iter(old)), namespace) for manifest in given] if old else given


def namespaces_of(objects: Iterable[Manifest]) -> Iterator[str]:
    """Yield the namespaces that the objects are, or are in."""
    for manifest in objects:
        metadata = manifest["metadata"]
        if manifest["kind"] == "Namespace":
            yield metadata["name"]
        elif metadata.get("namespace"):
            yield metadata["namespace"]


def moved(manifest: Manifest, old: str, name: str) -> Manifest:
    """Return one object in the other namespace."""
    result: Manifest = renamed(manifest, old, name)
    if result["kind"] == "Namespace":
        result["metadata"]["name"] = name
    return result


def renamed(value: Any, old: str, name: str) -> Any:
    """Return the value with every reference to the old namespace renamed."""
    if isinstance(value, Mapping):
        return {
            key: name if key in NAMESPACE_KEYS and inner == old else renamed(inner, old, name)
            for key, inner in value.items()
        }
    return [renamed(inner, old, name) for inner in value] if isinstance(value, list) else value


def pod_template(manifest: Manifest) -> Manifest | None:
    """Return the pod that a workload would make, as `{"metadata": …, "spec": …}`; None for what makes no pods."""
    spec = manifest.get("spec", {})
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template = spec.get("template") if manifest["kind"] != "Pod" else {"spec": spec}
    return dict(template) if isinstance(template, Mapping) and "containers" in template.get("spec", {}) else None
