"""Daily backups of the share. RDS keeps those of the database itself."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.policies import assumed_by
from penstock_infra.component import Protection


class Backups(AwsComponent):
    """A vault of the stack's own, so that the days are those of the blueprint and nothing is left after a destroy."""

    def __init__(
        self, name: str, account: Account, *, share_arn: pulumi.Input[str], days: int, protection: Protection
    ) -> None:
        """Make the vault, the plan that fills it each night, and what it takes in."""
        super().__init__(name, account)
        vault = aws.backup.Vault(
            "share", name=f"{account.name}-share", force_destroy=not protection.on, opts=self.data(protection)
        )
        plan = aws.backup.Plan(
            "share",
            name=f"{account.name}-share",
            rules=[
                {
                    "rule_name": "nightly",
                    "target_vault_name": vault.name,
                    "schedule": "cron(0 3 * * ? *)",
                    "lifecycle": {"delete_after": days},
                }
            ],
            opts=self.child(),
        )
        role = aws.iam.Role(
            "backups",
            name_prefix=f"{account.name}-backups-",
            assume_role_policy=assumed_by({"Service": "backup.amazonaws.com"}),
            opts=self.child(),
        )
        attached = [
            aws.iam.RolePolicyAttachment(
                f"backups-{which.lower()}",
                role=role.name,
                policy_arn=account.managed_policy(f"service-role/AWSBackupServiceRolePolicyFor{which}"),
                opts=self.child(),
            )
            for which in ("Backup", "Restores")
        ]
        aws.backup.Selection(
            "share",
            name="share",
            plan_id=plan.id,
            iam_role_arn=role.arn,
            resources=[share_arn],
            opts=self.child(*attached),
        )
        self.finish()
