"""Web servers that come and go with requests and CPU."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.services import Service
from penstock_platform.blueprint import ScalingPlan, ServicePlan

SECONDS_A_REQUEST = 1
"""How long a request is taken to last: the plan counts requests at once, the balancer requests a minute."""


@dataclass(frozen=True, kw_only=True)
class ScalingArgs:
    """The service and its bounds, its cluster's name, and `label`: balancer and target group in CloudWatch's words."""

    account: Account
    service: Service
    bounds: ServicePlan
    cluster: pulumi.Input[str]
    label: pulumi.Input[str]


class Autoscaling(AwsComponent):
    """Moves one service between its bounds; from then on its count is not the program's."""

    def __init__(self, name: str, plan: ScalingPlan, args: ScalingArgs) -> None:
        """Make the bounds and the two policies."""
        super().__init__(name, args.account)
        self._plan = plan
        self._target = aws.appautoscaling.Target(
            "web",
            min_capacity=args.bounds.minimum,
            max_capacity=args.bounds.maximum,
            resource_id=pulumi.Output.format("service/{0}/{1}", args.cluster, args.service.name),
            scalable_dimension="ecs:service:DesiredCount",
            service_namespace="ecs",
            opts=self.child(),
        )
        requests = plan.requests_per_copy * 60 // SECONDS_A_REQUEST
        self._policy("requests", requests, "ALBRequestCountPerTarget", args.label)
        self._policy("cpu", plan.cpu_percent, "ECSServiceAverageCPUUtilization", None)
        self.finish()

    def _policy(self, name: str, target: int, metric: str, label: pulumi.Input[str] | None) -> None:
        aws.appautoscaling.Policy(
            name,
            policy_type="TargetTrackingScaling",
            resource_id=self._target.resource_id,
            scalable_dimension=self._target.scalable_dimension,
            service_namespace=self._target.service_namespace,
            target_tracking_scaling_policy_configuration={
                "target_value": target,
                "scale_in_cooldown": self._plan.cooldown_seconds,
                "scale_out_cooldown": self._plan.cooldown_seconds // 2,
                "predefined_metric_specification": {"predefined_metric_type": metric, "resource_label": label},
            },
            opts=self.child(),
        )
