"""Where the containers of each kind of resource are, and their variables: what rules about them share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penstock_infra.policy.documents import document_of
from penstock_infra.policy.rule import Resource
from penstock_infra.policy.values import UNKNOWN, Part


@dataclass(frozen=True)
class Place:
    """Where the containers are, in paths; and under which name each has its variables."""

    paths: tuple[str, ...]
    variables: str = "env"


POD_SPECS = {
    "kubernetes:apps/v1:Deployment": "spec.template.spec",
    "kubernetes:apps/v1:StatefulSet": "spec.template.spec",
    "kubernetes:apps/v1:DaemonSet": "spec.template.spec",
    "kubernetes:batch/v1:Job": "spec.template.spec",
    "kubernetes:batch/v1:CronJob": "spec.jobTemplate.spec.template.spec",
    "kubernetes:core/v1:Pod": "spec",
}
"""Where the spec of a pod is."""

TASK = "aws:ecs/taskDefinition:TaskDefinition"
GROUP = "azure-native:containerinstance:ContainerGroup"
PLACES: dict[str, Place] = {
    TASK: Place(("containerDefinitions",), "environment"),
    "gcp:cloudrunv2/service:Service": Place(("template.containers",), "envs"),
    "gcp:cloudrunv2/workerPool:WorkerPool": Place(("template.containers",), "envs"),
    "gcp:cloudrunv2/job:Job": Place(("template.template.containers",), "envs"),
    "azure-native:app:ContainerApp": Place(("template.containers", "template.initContainers")),
    "azure-native:app:Job": Place(("template.containers", "template.initContainers")),
    GROUP: Place(("containers", "initContainers"), "environmentVariables"),
    **{kind: Place((f"{spec}.containers", f"{spec}.initContainers")) for kind, spec in POD_SPECS.items()},
}
"""Every type of resource that runs containers."""


def containers_of(resource: Resource) -> Iterator[Part]:
    """Yield the containers of a resource; none for other types, and where they are not known yet."""
    if resource.type == TASK:
        yield from _in_document(resource)
        return
    for path in PLACES[resource.type].paths if resource.type in PLACES else ():
        yield from resource.each(path)


def _in_document(resource: Resource) -> Iterator[Part]:
    """Yield the containers of a task definition, which are JSON."""
    found = document_of(resource.get("containerDefinitions"))
    for index, container in enumerate(found if isinstance(found, list) else ()):
        if isinstance(container, dict):
            yield Part(container, f"containerDefinitions[{index}]", resource.config)


def variables_of(resource: Resource, container: Part) -> Iterator[tuple[str, Part]]:
    """Yield the variables of a container by name; a reference to a secret is one too, without a `value`."""
    for path in _lists_of_variables(resource):
        for variable in container.each(path):
            yield variable.text("name"), variable


def variables_known(resource: Resource) -> bool:
    """Return whether the names of all variables are known by now."""
    containers = list(containers_of(resource))
    return bool(containers) and all(
        not container.hides(path) and all(one.get("name") is not UNKNOWN for one in container.each(path))
        for container in containers
        for path in _lists_of_variables(resource)
    )


def _lists_of_variables(resource: Resource) -> tuple[str, ...]:
    # ECS keeps references in a list of their own.
    return (PLACES[resource.type].variables, *(("secrets",) if resource.type == TASK else ()))
