"""Autoscaling of the web service by the cluster. The scheduler's number of pods is left to Penstock's scaler."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component
from penstock_infra.kubernetes.scope import Scope
from penstock_platform.blueprint import ScalingPlan, ServicePlan


@dataclass(frozen=True, kw_only=True)
class ScalingArgs:
    """The service, and by what it is scaled. CPU alone: requests are no metric of a cluster without an adapter."""

    scope: Scope
    service: ServicePlan
    plan: ScalingPlan
    deployment: pulumi.Resource


class Scaling(Component):
    """The HorizontalPodAutoscaler of one service."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: ScalingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make it."""
        super().__init__(name, opts)
        service = args.service
        target = {"type": "Utilization", "average_utilization": args.plan.cpu_percent}
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            service.name,
            metadata=args.scope.metadata(service.name),
            spec={
                "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": service.name},
                "min_replicas": service.minimum,
                "max_replicas": service.maximum,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
                "behavior": {"scale_down": {"stabilization_window_seconds": args.plan.cooldown_seconds}},
            },
            opts=self.child(args.deployment),
        )
        self.finish()
