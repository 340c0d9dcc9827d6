"""What it takes to run Spark in each mode: the executor's statements, and those of EMR's own roles."""

from __future__ import annotations

from collections.abc import Iterator

import pulumi

from penstock_infra.aws.account import Account
from penstock_infra.aws.policies import Statement, allow, pass_roles

EMR = "elasticmapreduce.amazonaws.com"
EMR_SERVERLESS = "emr-serverless.amazonaws.com"
EC2 = "ec2.amazonaws.com"

WATCHING = (
    "elasticmapreduce:DescribeCluster",
    "elasticmapreduce:DescribeStep",
    "elasticmapreduce:ListSteps",
)
STEPS = ("elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:CancelSteps")
OWN_CLUSTERS = (
    "elasticmapreduce:PutAutoTerminationPolicy",
    "elasticmapreduce:PutManagedScalingPolicy",
    "elasticmapreduce:TerminateJobFlows",
)


def clusters_of_its_own(
    account: Account, *, service_role: pulumi.Input[str], node_role: pulumi.Input[str]
) -> Iterator[Statement]:
    """Yield the right to make clusters that carry the stack's tags, to use those, and to end them."""
    tags = {"app": "penstock", "stack": account.name}
    asked = {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in tags.items()}}
    there = {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in tags.items()}}
    clusters = account.arn("elasticmapreduce", "cluster/*")
    # A cluster that is not there yet has no name that a policy could give.
    yield allow(("elasticmapreduce:RunJobFlow",), "*", asked)
    yield allow(("elasticmapreduce:AddTags",), clusters, asked)
    yield allow((*WATCHING, *STEPS, *OWN_CLUSTERS), clusters, there)
    # Finding what was left behind takes no resource; it tells names and states.
    yield allow(("elasticmapreduce:ListClusters",), "*")
    yield pass_roles([service_role], EMR)
    yield pass_roles([node_role], EC2)


def steps_of(cluster_arn: pulumi.Input[str]) -> Statement:
    """Return the right to run and watch steps on the shared cluster."""
    return allow((*WATCHING, *STEPS), cluster_arn)


def serverless_runs(application_arn: pulumi.Input[str], *, job_role: pulumi.Input[str]) -> Iterator[Statement]:
    """Yield the right to run jobs on the application."""
    runs = pulumi.Output.concat(application_arn, "/jobruns/*")
    on_application = ("GetApplication", "ListJobRuns", "StartApplication", "StartJobRun")
    yield allow(tuple(f"emr-serverless:{call}" for call in on_application), application_arn)
    yield allow(("emr-serverless:CancelJobRun", "emr-serverless:GetJobRun"), runs)
    yield allow(("emr-serverless:TagResource",), [application_arn, runs])
    yield pass_roles([job_role], EMR_SERVERLESS)


def use_disk_key(key_arn: pulumi.Input[str]) -> Iterator[Statement]:
    """Yield what encrypting a node's disks takes."""
    using = (
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    )
    yield allow(using, key_arn)
    yield allow(("kms:CreateGrant",), key_arn, {"Bool": {"kms:GrantIsForAWSResource": "true"}})
