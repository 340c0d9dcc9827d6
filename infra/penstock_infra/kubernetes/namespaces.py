"""A namespace under restricted Pod Security, with bounds for all that is in it and defaults for what names none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component, Protection
from penstock_infra.kubernetes.pods import resources
from penstock_infra.kubernetes.scope import Scope

LEVELS = ("enforce", "audit", "warn")


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """`quota` is the hard bound of each resource; `adopting` the provider that takes over a namespace that is there."""

    namespace: str
    stack: str
    tags: Mapping[str, str]
    quota: Mapping[str, str]
    adopting: pulumi.ProviderResource
    protection: Protection


class Namespace(Component):
    """One namespace. `scope` is what makes objects in it."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the namespace, its quota and its defaults."""
        super().__init__(name, opts)
        labels = {f"pod-security.kubernetes.io/{level}": "restricted" for level in LEVELS}
        # All data of a stack is in its namespace: who deletes the one deletes the other.
        guarded = pulumi.ResourceOptions.merge(
            self.data(args.protection), pulumi.ResourceOptions(provider=args.adopting)
        )
        made = k8s.core.v1.Namespace(
            name,
            metadata={
                "name": args.namespace,
                "labels": {**args.tags, "app.kubernetes.io/name": "penstock", **labels},
            },
            opts=guarded,
        )
        self.scope = Scope(args.namespace, args.stack, args.tags, made)
        k8s.core.v1.ResourceQuota(
            f"{name}-quota",
            metadata=self.scope.metadata("quota"),
            spec={"hard": dict(args.quota)},
            opts=self.child(made),
        )
        self._defaults(name, made)
        self.finish(namespace=args.namespace)

    def _defaults(self, name: str, made: pulumi.Resource) -> None:
        given = resources("500m", 512)
        k8s.core.v1.LimitRange(
            f"{name}-defaults",
            metadata=self.scope.metadata("defaults"),
            spec={"limits": [{"type": "Container", "default": given["limits"], "default_request": given["requests"]}]},
            opts=self.child(made),
        )
