"""Where objects are and what they are called: a namespace, its labels, and the metadata of each object in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

COMPONENT = "app.kubernetes.io/component"
NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that the API server itself puts on each namespace."""
CHANGING = frozenset({"topology"})
"""Tags that are on objects and not on their pods: a change of them starts nothing anew."""


@dataclass(frozen=True)
class Scope:
    """One namespace of a stack. `made` is the namespace's resource, which must be there before anything in it."""

    namespace: str
    stack: str
    tags: Mapping[str, str]
    made: pulumi.Resource

    def metadata(self, name: str, component: str | None = None, annotations: Mapping[str, Any] | None = None) -> Any:
        """Return an object's metadata; names are written out, so that they stay the same and read well."""
        found: dict[str, Any] = {
            "name": name,
            "namespace": self.namespace,
            "labels": {**self.tags, **self.selector(component or name)},
        }
        return {**found, "annotations": dict(annotations)} if annotations else found

    def selector(self, component: str) -> dict[str, str]:
        """Return the labels that find a component's pods. They never change: a Deployment's selector cannot."""
        return {
            "app.kubernetes.io/name": "penstock",
            "app.kubernetes.io/instance": self.stack,
            COMPONENT: component,
        }

    def pod_metadata(self, component: str, annotations: Mapping[str, Any] | None = None) -> Any:
        """Return the metadata of a component's pods."""
        tags = {key: value for key, value in self.tags.items() if key not in CHANGING}
        found: dict[str, Any] = {"labels": {**tags, **self.selector(component)}}
        return {**found, "annotations": dict(annotations)} if annotations else found

    def host(self, service: str) -> str:
        """Return the name under which pods of any namespace find a Service of this one."""
        return f"{service}.{self.namespace}.svc"
