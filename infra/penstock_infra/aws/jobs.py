"""What the ECS executor starts: one task definition, whose size each run overrides."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.cluster import Cluster
from penstock_infra.aws.containers import ContainerArgs, container_definitions, cpu_units, scratch_volumes
from penstock_infra.aws.identities import Identity
from penstock_infra.aws.permissions import JobsGrant
from penstock_infra.aws.services import PLATFORM
from penstock_platform.blueprint import JobsPlan

CONTAINER = "job"


@dataclass(frozen=True, kw_only=True)
class JobsArgs:
    """Where jobs run, as whom, and which image."""

    account: Account
    cluster: Cluster
    identity: Identity
    image: pulumi.Input[str]


class JobDefinition(AwsComponent):
    """The definition of a job: `family`, `grant` (what an executor needs). No secret, no share, no setting is in it."""

    def __init__(self, name: str, plan: JobsPlan, args: JobsArgs) -> None:
        """Make the definition in its smallest size; `penstock job` gets everything else with the run."""
        super().__init__(name, args.account)
        smallest = plan.sizes[0]
        family = f"{args.account.name}-job"
        definition = aws.ecs.TaskDefinition(
            "job",
            family=family,
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=cpu_units(smallest.cpu_millis),
            memory=str(smallest.memory_mib),
            runtime_platform=PLATFORM,
            execution_role_arn=args.identity.execution_arn,
            task_role_arn=args.identity.task_arn,
            container_definitions=container_definitions(
                ContainerArgs(
                    name=CONTAINER,
                    image=args.image,
                    command=plan.command,
                    log_group=args.cluster.logs[CONTAINER].name,
                    region=args.account.region,
                )
            ),
            volumes=scratch_volumes(),
            opts=self.child(),
        )
        self.family: pulumi.Output[str] = definition.family
        self.grant = JobsGrant(
            cluster_arn=args.cluster.arn,
            tasks=args.cluster.tasks,
            family_arn=args.account.arn("ecs", f"task-definition/{family}"),
            roles=[args.identity.execution_arn, args.identity.task_arn],
            log_group_arn=args.cluster.logs[CONTAINER].arn,
        )
        self.finish(family=self.family)
