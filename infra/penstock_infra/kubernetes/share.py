"""The share: one claim that every pod mounts at once, on a storage class of the cluster's."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component, Protection
from penstock_infra.kubernetes.scope import Scope
from penstock_platform.blueprint import SharePlan

CLAIM = "share"


@dataclass(frozen=True, kw_only=True)
class ShareArgs:
    """`storage_class` must offer ReadWriteMany; None is the cluster's default, which most often does not."""

    scope: Scope
    plan: SharePlan
    storage_class: str | None
    protection: Protection


class Share(Component):
    """The claim of the share."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: ShareArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Claim it."""
        super().__init__(name, opts)
        self.claim = k8s.core.v1.PersistentVolumeClaim(
            CLAIM,
            metadata=args.scope.metadata(CLAIM),
            spec={
                "access_modes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": f"{args.plan.size_gb}Gi"}},
                **({"storage_class_name": args.storage_class} if args.storage_class else {}),
            },
            opts=self.data(args.protection, args.scope.made),
        )
        self.finish(claim=CLAIM)
