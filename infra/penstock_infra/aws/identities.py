"""Two roles for each identity: one with which ECS starts its tasks, and one that its own code has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.permissions import (
    TASKS,
    JobsGrant,
    ShareGrant,
    mount_share,
    pull_image,
    read_secrets,
    start_jobs,
    use_bucket,
    write_logs,
)
from penstock_infra.aws.policies import Statement, allow, assumed_by, document, trust
from penstock_platform.blueprint import IdentityPlan, Permission


@dataclass(frozen=True, kw_only=True)
class Grants:
    """What the permissions of an identity are about. `spark` are the statements of the stack's Spark mode."""

    repositories: Sequence[pulumi.Input[str]]
    log_group_arn: pulumi.Input[str]
    secrets: Sequence[pulumi.Input[str]] = ()
    database_secret: pulumi.Input[str] | None = None
    share: ShareGrant | None = None
    bucket_arn: pulumi.Input[str] | None = None
    jobs: JobsGrant | None = None
    spark: Sequence[Statement] = ()


class Identity(AwsComponent):
    """The roles of one kind of task: `execution_arn`, `task_arn`, `task_name`, `policies` (what a task waits for)."""

    def __init__(self, name: str, account: Account, plan: IdentityPlan, grants: Grants) -> None:
        """Make both roles. The task's own gets a policy only where the plan says that it may do something."""
        super().__init__(f"{name}-identity", account)
        self._account, self._who = account, name
        self.policies: list[pulumi.Resource] = []
        execution = self._role("execution")
        task = self._role("task")
        self.execution_arn: pulumi.Output[str] = execution.arn
        self.task_arn: pulumi.Output[str] = task.arn
        self.task_name: pulumi.Output[str] = task.name
        self._grant("execution", execution, at_start(plan, grants))
        self._grant("task", task, at_work(plan, grants))
        self.finish()

    def _role(self, kind: str) -> aws.iam.Role:
        return aws.iam.Role(
            f"{self._who}-{kind}",
            name_prefix=f"{self._account.name}-{self._who}-{kind}-"[:LONGEST_PREFIX],
            description=f"{DESCRIPTIONS[kind]}: {self._who}",
            assume_role_policy=trust(TASKS, self._account),
            opts=self.child(),
        )

    def _grant(self, kind: str, role: aws.iam.Role, statements: list[Statement]) -> None:
        if statements:
            self.policies.append(
                aws.iam.RolePolicy(
                    f"{self._who}-{kind}", role=role.name, policy=document(*statements), opts=self.child()
                )
            )


LONGEST_PREFIX = 38
"""What IAM takes; the rest of a name is its own."""
DESCRIPTIONS = {"execution": "With which ECS starts tasks", "task": "What the code of tasks may do"}


def at_start(plan: IdentityPlan, grants: Grants) -> list[Statement]:
    """Return what ECS does for a task: pull, log, and read the secrets of its environment."""
    found: list[Statement] = []
    if Permission.PULL_IMAGE in plan.may:
        found += pull_image(grants.repositories)
    if Permission.WRITE_LOGS in plan.may:
        found.append(write_logs(grants.log_group_arn))
    if Permission.READ_SECRETS in plan.may and grants.secrets:
        found.append(read_secrets(grants.secrets))
    return found


def at_work(plan: IdentityPlan, grants: Grants) -> list[Statement]:
    """Return what a task does itself. The database's password is read by the runtime, since it rotates."""
    found: list[Statement] = []
    if Permission.READ_SECRETS in plan.may and grants.database_secret is not None:
        found.append(read_secrets([grants.database_secret]))
    if Permission.MOUNT_SHARE in plan.may and grants.share is not None:
        found.append(mount_share(grants.share))
    if Permission.USE_BUCKET in plan.may and grants.bucket_arn is not None:
        found += use_bucket(grants.bucket_arn)
    if Permission.START_JOBS in plan.may and grants.jobs is not None:
        found += start_jobs(grants.jobs)
    if Permission.RUN_SPARK in plan.may:
        found += grants.spark
    return found


class Scaler(AwsComponent):
    """The role with which the scheduler, and nobody else, sets how many schedulers there are: `role_arn`."""

    def __init__(self, name: str, account: Account, scheduler: Identity, statements: Sequence[Statement]) -> None:
        """Make the role, and the scheduler's right to take it."""
        super().__init__(name, account)
        role = aws.iam.Role(
            "scaler",
            name_prefix=f"{account.name}-scaler-",
            description="Sets the number of schedulers",
            assume_role_policy=assumed_by({"AWS": scheduler.task_arn}),
            opts=self.child(),
        )
        aws.iam.RolePolicy("scaler", role=role.name, policy=document(*statements), opts=self.child())
        taking = allow(("sts:AssumeRole",), role.arn)
        aws.iam.RolePolicy("take-scaler", role=scheduler.task_name, policy=document(taking), opts=self.child())
        self.role_arn: pulumi.Output[str] = role.arn
        self.finish()
