"""Spark by its mode: nothing, the ground for clusters that runs make, a shared cluster, or a serverless application."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
from pydantic.alias_generators import to_camel

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.bucket import Bucket
from penstock_infra.aws.emr import PREFIX, EmrArgs, EmrGround
from penstock_infra.aws.network import ANYWHERE
from penstock_infra.aws.permissions import use_prefix
from penstock_infra.aws.policies import Statement, document, trust
from penstock_infra.aws.spark_permissions import (
    EMR_SERVERLESS,
    clusters_of_its_own,
    serverless_runs,
    steps_of,
)
from penstock_platform.blueprint import SparkPlan
from penstock_platform.service_settings import spark_backend
from penstock_platform.vocabulary import Cloud, SparkMode

RELEASE = "emr-7.8.0"
NODE = "m5.xlarge"
NODE_CPUS, NODE_MEMORY_GB = 4, 16
STEPS_AT_ONCE = 10
PLAIN_NODES = (
    "what Hadoop's own services on the nodes of a Spark cluster say to each other: EMR wants certificates for it"
)
SPARK_DEFAULTS = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.io.encryption.enabled": "true",
}
"""Spark's own traffic and spills are encrypted without certificates."""


@dataclass(frozen=True, kw_only=True)
class SparkArgs:
    """The plan, and where Spark runs: private subnets, one a zone."""

    account: Account
    plan: SparkPlan
    vpc_id: pulumi.Input[str]
    subnets: Sequence[pulumi.Input[str]]
    bucket: Bucket


@dataclass(frozen=True, kw_only=True)
class SparkParts:
    """What a mode gives: settings of the executor, its statements, and what is not encrypted."""

    settings: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    statements: Sequence[Statement] = ()
    not_encrypted: Sequence[str] = ()

    @property
    def output(self) -> Mapping[str, pulumi.Input[str]]:
        """The `spark` output of the stack."""
        names = {name: name.removeprefix("PENSTOCK_").removeprefix("SPARK_").lower() for name in self.settings}
        return {"backend": "off", **{to_camel(names[name]): value for name, value in self.settings.items()}}


def make_spark(args: SparkArgs) -> SparkParts:
    """Return the parts of the plan's mode."""
    if args.plan.mode is SparkMode.OFF:
        return SparkParts()
    settings: dict[str, pulumi.Input[str]] = {
        "PENSTOCK_SPARK_BACKEND": spark_backend(Cloud.AWS, args.plan.mode) or "",
        "PENSTOCK_SPARK_URL": args.bucket.url(PREFIX),
    }
    if args.plan.mode is SparkMode.SERVERLESS:
        application = ServerlessSpark("spark", args)
        return SparkParts(settings={**settings, **application.settings}, statements=application.statements)
    ground = EmrGround("spark", EmrArgs(account=args.account, vpc_id=args.vpc_id, bucket_arn=args.bucket.arn))
    settings |= ground_settings(ground, args.subnets)
    if args.plan.mode is SparkMode.SHARED:
        shared = SharedCluster("spark-cluster", args, ground)
        settings["PENSTOCK_EMR_CLUSTER"] = shared.cluster_id
        return SparkParts(settings=settings, statements=[steps_of(shared.arn)], not_encrypted=[PLAIN_NODES])
    statements = clusters_of_its_own(args.account, service_role=ground.service_role, node_role=ground.node_role)
    return SparkParts(settings=settings, statements=list(statements), not_encrypted=[PLAIN_NODES])


def ground_settings(ground: EmrGround, subnets: Sequence[pulumi.Input[str]]) -> dict[str, pulumi.Input[str]]:
    """Return what an executor passes to EMR."""
    return {
        "PENSTOCK_EMR_SERVICE_ROLE": ground.service_role,
        "PENSTOCK_EMR_INSTANCE_PROFILE": ground.profile,
        "PENSTOCK_EMR_SECURITY_CONFIGURATION": ground.security,
        "PENSTOCK_EMR_SUBNETS": pulumi.Output.all(*subnets).apply(",".join),
        "PENSTOCK_EMR_SECURITY_GROUPS": pulumi.Output.all(*ground.groups).apply(",".join),
    }


class SharedCluster(AwsComponent):
    """One cluster that stays, and grows and shrinks between the plan's bounds: `cluster_id`, `arn`.

    It does not end by itself: the next `up` would make it anew.
    """

    def __init__(self, name: str, args: SparkArgs, ground: EmrGround) -> None:
        """Make the cluster and its bounds."""
        super().__init__(name, args.account)
        cluster = self._cluster(args, ground)
        self.cluster_id: pulumi.Output[str] = cluster.id
        self.arn: pulumi.Output[str] = cluster.arn
        aws.emr.ManagedScalingPolicy(
            "spark",
            cluster_id=cluster.id,
            compute_limits=[
                {
                    "unit_type": "Instances",
                    "minimum_capacity_units": args.plan.min_workers,
                    "maximum_capacity_units": args.plan.max_workers,
                }
            ],
            opts=self.child(),
        )
        self.finish(cluster_id=self.cluster_id)

    def _cluster(self, args: SparkArgs, ground: EmrGround) -> aws.emr.Cluster:
        primary, workers, service = ground.groups
        return aws.emr.Cluster(
            "spark",
            name=f"{args.account.name}-spark",
            release_label=RELEASE,
            applications=["Spark"],
            service_role=ground.service_role,
            security_configuration=ground.security,
            log_uri=pulumi.Output.concat(args.bucket.url(PREFIX), "/logs/"),
            ec2_attributes={
                "instance_profile": ground.profile,
                "subnet_id": args.subnets[0],
                "emr_managed_master_security_group": primary,
                "emr_managed_slave_security_group": workers,
                "service_access_security_group": service,
            },
            master_instance_group={"instance_type": NODE, "instance_count": 1},
            core_instance_group={"instance_type": NODE, "instance_count": args.plan.min_workers},
            configurations_json=json.dumps([{"Classification": "spark-defaults", "Properties": SPARK_DEFAULTS}]),
            step_concurrency_level=STEPS_AT_ONCE,
            keep_job_flow_alive_when_no_steps=True,
            termination_protection=False,
            unhealthy_node_replacement=True,
            tags={"for-use-with-amazon-emr-managed-policies": "true"},
            opts=pulumi.ResourceOptions.merge(
                self.child(*ground.attached),
                # Managed scaling moves it.
                pulumi.ResourceOptions(ignore_changes=["coreInstanceGroup.instanceCount"]),
            ),
        )


class ServerlessSpark(AwsComponent):
    """An application of EMR Serverless, which starts with a run and stops when idle: `settings`, `statements`."""

    def __init__(self, name: str, args: SparkArgs) -> None:
        """Make the application and the role of its jobs."""
        super().__init__(name, args.account)
        role = aws.iam.Role(
            "spark-job",
            name_prefix=f"{args.account.name}-spark-job-",
            description="What Spark code on EMR Serverless may do",
            assume_role_policy=trust(EMR_SERVERLESS, args.account),
            opts=self.child(),
        )
        aws.iam.RolePolicy(
            "spark-job", role=role.name, policy=document(*use_prefix(args.bucket.arn, PREFIX)), opts=self.child()
        )
        application = self._application(args)
        self.settings = {"PENSTOCK_EMR_APPLICATION": application.id, "PENSTOCK_EMR_JOB_ROLE": role.arn}
        self.statements = list(serverless_runs(application.arn, job_role=role.arn))
        self.finish(application=application.id)

    def _application(self, args: SparkArgs) -> aws.emrserverless.Application:
        nodes = args.plan.max_workers + 1
        return aws.emrserverless.Application(
            "spark",
            name=f"{args.account.name}-spark",
            release_label=RELEASE,
            type="spark",
            architecture="X86_64",
            maximum_capacity={"cpu": f"{nodes * NODE_CPUS} vCPU", "memory": f"{nodes * NODE_MEMORY_GB} GB"},
            auto_start_configuration={"enabled": True},
            auto_stop_configuration={"enabled": True, "idle_timeout_minutes": args.plan.idle_minutes},
            network_configuration={"subnet_ids": list(args.subnets), "security_group_ids": [self._group(args)]},
            opts=self.child(),
        )

    def _group(self, args: SparkArgs) -> pulumi.Output[str]:
        group = aws.ec2.SecurityGroup(
            "spark-workers",
            name_prefix=f"{args.account.name}-spark-",
            description="Spark on EMR Serverless",
            vpc_id=args.vpc_id,
            tags=args.account.named("spark"),
            opts=self.child(),
        )
        aws.vpc.SecurityGroupEgressRule(
            "spark-workers-out",
            security_group_id=group.id,
            ip_protocol="-1",
            cidr_ipv4=ANYWHERE,
            opts=self.child(),
        )
        identity: pulumi.Output[str] = group.id
        return identity
