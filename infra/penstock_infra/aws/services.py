"""A service of the blueprint: its task definition, and the ECS service that keeps it running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.cluster import Cluster
from penstock_infra.aws.containers import (
    LONGEST_STOP_SECONDS,
    ContainerArgs,
    container_definitions,
    cpu_units,
    scratch_volumes,
    share_volume,
)
from penstock_infra.aws.identities import Identity
from penstock_infra.aws.share import Share
from penstock_platform.blueprint import Rollout, ScaledBy, ServicePlan

SHARE = "share"
PLATFORM = {"operating_system_family": "LINUX", "cpu_architecture": "X86_64"}
"""What the image is built for."""
LEAVING_SECONDS = 10
"""Between the end of the drain and the kill."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A balancer in front of a service: its target group, and what has to be there before tasks can register."""

    target_group_arn: pulumi.Input[str]
    ready: Sequence[pulumi.Resource]


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """What a service runs on, as whom, with which environment, behind which balancers (none for a scheduler)."""

    account: Account
    cluster: Cluster
    identity: Identity
    share: Share
    share_path: str
    image: pulumi.Input[str]
    environment: Mapping[str, pulumi.Input[str]]
    secrets: Mapping[str, pulumi.Input[str]]
    subnets: Sequence[pulumi.Input[str]]
    group: pulumi.Input[str]
    targets: Sequence[Target] = field(default_factory=tuple)
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)
    """What the containers need at their first breath, and do not refer to."""


class Service(AwsComponent):
    """A service on Fargate: `name` within the cluster, `service` (the resource)."""

    def __init__(self, plan: ServicePlan, args: ServiceArgs) -> None:
        """Make the definition and the service. Both are named after the plan, the service within the cluster."""
        super().__init__(plan.name, args.account)
        self._plan, self._args = plan, args
        self.service = self._service(self._definition())
        self.name: pulumi.Output[str] = self.service.name
        self.finish(name=self.name)

    def _definition(self) -> aws.ecs.TaskDefinition:
        plan, args = self._plan, self._args
        return aws.ecs.TaskDefinition(
            plan.name,
            family=f"{args.account.name}-{plan.name}",
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=cpu_units(plan.cpu_millis),
            memory=str(plan.memory_mib),
            runtime_platform=PLATFORM,
            execution_role_arn=args.identity.execution_arn,
            task_role_arn=args.identity.task_arn,
            container_definitions=container_definitions(self._container()),
            volumes=[
                *scratch_volumes(),
                share_volume(SHARE, args.share.file_system_id, args.share.access_point_id),
            ],
            opts=self.child(),
        )

    def _container(self) -> ContainerArgs:
        plan, args = self._plan, self._args
        return ContainerArgs(
            name=plan.name,
            image=args.image,
            command=plan.command,
            log_group=args.cluster.logs[plan.name].name,
            region=args.account.region,
            environment=args.environment,
            secrets=args.secrets,
            mounts={SHARE: args.share_path},
            port=plan.web_port or plan.health_port,
            startup=plan.startup,
            liveness=plan.liveness,
            stop_seconds=min(plan.drain_seconds + LEAVING_SECONDS, LONGEST_STOP_SECONDS),
        )

    def _service(self, definition: aws.ecs.TaskDefinition) -> aws.ecs.Service:
        plan, args = self._plan, self._args
        rolling = plan.rollout is Rollout.ROLLING
        return aws.ecs.Service(
            plan.name,
            name=plan.name,
            cluster=args.cluster.arn,
            task_definition=definition.arn,
            desired_count=plan.minimum,
            launch_type="FARGATE",
            platform_version="LATEST",
            network_configuration={
                "subnets": list(args.subnets),
                "security_groups": [args.group],
                "assign_public_ip": False,
            },
            load_balancers=[
                {
                    "target_group_arn": target.target_group_arn,
                    "container_name": plan.name,
                    "container_port": plan.probe_port,
                }
                for target in args.targets
            ],
            health_check_grace_period_seconds=start_seconds(plan) if args.targets else None,
            deployment_minimum_healthy_percent=100 if rolling else 0,
            deployment_maximum_percent=200 if rolling else 100,
            deployment_circuit_breaker={"enable": True, "rollback": True},
            # Moving a task to another zone starts the new one first, which is for services that may overlap.
            availability_zone_rebalancing="ENABLED" if rolling else "DISABLED",
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            wait_for_steady_state=True,
            opts=self._options(),
        )

    def _options(self) -> pulumi.ResourceOptions:
        args = self._args
        ready = [resource for target in args.targets for resource in target.ready]
        waited_for = [*ready, *args.share.mounted, *args.identity.policies, *args.after]
        scaled = self._plan.scaled_by is not ScaledBy.NOBODY
        return pulumi.ResourceOptions.merge(
            self.child(*waited_for),
            pulumi.ResourceOptions(
                # Its name is fixed: settings and policies name it.
                delete_before_replace=True,
                ignore_changes=["desiredCount"] if scaled else None,
            ),
        )


def start_seconds(plan: ServicePlan) -> int:
    """Return how long a balancer's word does not count after a start."""
    return plan.startup.period_seconds * plan.startup.failures
