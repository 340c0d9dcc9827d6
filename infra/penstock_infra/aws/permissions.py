"""What each permission of the blueprint is in IAM, on the stack's own resources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi

from penstock_infra.aws.policies import Statement, allow, pass_roles

TASKS = "ecs-tasks.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class ShareGrant:
    """The share and the one access point through which it is mounted."""

    arn: pulumi.Input[str]
    access_point_arn: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class JobsGrant:
    """The cluster of jobs, the family of their definition, the two roles that it names, and where they log."""

    cluster_arn: pulumi.Input[str]
    tasks: pulumi.Input[str]
    family_arn: pulumi.Input[str]
    roles: Sequence[pulumi.Input[str]]
    log_group_arn: pulumi.Input[str]


def pull_image(repositories: Sequence[pulumi.Input[str]]) -> Iterator[Statement]:
    """Yield what it takes to pull from these repositories."""
    # This one call has no resource: the token opens nothing that the other three do not.
    yield allow(("ecr:GetAuthorizationToken",), "*")
    reading = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    yield allow(reading, list(repositories))


def write_logs(log_group_arn: pulumi.Input[str]) -> Statement:
    """Return the right to write to one log group."""
    return allow(("logs:CreateLogStream", "logs:PutLogEvents"), pulumi.Output.concat(log_group_arn, ":*"))


def read_secrets(arns: Sequence[pulumi.Input[str]]) -> Statement:
    """Return the right to read exactly these secrets."""
    return allow(("secretsmanager:GetSecretValue",), list(arns))


def mount_share(share: ShareGrant) -> Statement:
    """Return the right to mount the share for reading and writing, through its access point."""
    through = {"StringEquals": {"elasticfilesystem:AccessPointArn": share.access_point_arn}}
    return allow(("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"), share.arn, through)


def use_bucket(arn: pulumi.Input[str]) -> Iterator[Statement]:
    """Yield the right to read and write the bucket."""
    yield allow(("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"), arn)
    yield allow(OBJECTS, pulumi.Output.concat(arn, "/*"))


def use_prefix(arn: pulumi.Input[str], prefix: str) -> Iterator[Statement]:
    """Yield the right to read and write what lies under a prefix, and to list nothing else."""
    yield allow(("s3:GetBucketLocation",), arn)
    yield allow(("s3:ListBucket",), arn, {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}})
    yield allow(OBJECTS, pulumi.Output.concat(arn, f"/{prefix}/*"))


OBJECTS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)


def start_jobs(jobs: JobsGrant) -> Iterator[Statement]:
    """Yield the right to start, label, watch, stop and read the logs of jobs, on one cluster and of one family."""
    here = {"ArnEquals": {"ecs:cluster": jobs.cluster_arn}}
    yield allow(("ecs:RunTask",), pulumi.Output.concat(jobs.family_arn, ":*"), here)
    yield allow(("ecs:DescribeTasks", "ecs:StopTask"), jobs.tasks, here)
    # Listing takes no tasks as resources: the cluster narrows it.
    yield allow(("ecs:ListTasks",), "*", here)
    yield allow(("ecs:TagResource",), jobs.tasks, {"StringEquals": {"ecs:CreateAction": "RunTask"}})
    yield pass_roles(jobs.roles, TASKS)
    yield allow(("logs:GetLogEvents",), pulumi.Output.concat(jobs.log_group_arn, ":*"))


def scale_service(
    service_arn: pulumi.Input[str], cluster_arn: pulumi.Input[str], tasks: pulumi.Input[str]
) -> Iterator[Statement]:
    """Yield the right to set how many copies of one service there are, and to spare those that work from stopping."""
    here = {"ArnEquals": {"ecs:cluster": cluster_arn}}
    yield allow(("ecs:DescribeServices",), service_arn)
    # The same call could give the service another definition, and with it another role.
    yield allow(("ecs:UpdateService",), service_arn, {"Null": {"ecs:task-definition": "true"}})
    yield allow(("ecs:GetTaskProtection", "ecs:UpdateTaskProtection"), tasks, here)
