"""The NFS share: EFS, reached through one access point, by TLS and IAM alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.policies import deny_to_all, document
from penstock_infra.component import Protection

USER_ID = 10001
"""User and group of the image."""
ROOT = "/penstock"


@dataclass(frozen=True, kw_only=True)
class ShareArgs:
    """Subnets with one mount target each, the group that may be reached there, and whether the data is protected."""

    account: Account
    subnets: Sequence[pulumi.Input[str]]
    group: pulumi.Input[str]
    protection: Protection


class Share(AwsComponent):
    """The file system. It spans the region's zones whatever the tier: one in a single zone could not become more.

    `file_system_id`, `arn`, `access_point_id`, `access_point_arn`, `server`; `mounted` is what must be there before a
    task can mount it.
    """

    def __init__(self, name: str, args: ShareArgs) -> None:
        """Make the file system, its policy, mount targets and access point."""
        super().__init__(name, args.account)
        files = aws.efs.FileSystem(
            "share",
            encrypted=True,
            performance_mode="generalPurpose",
            throughput_mode="elastic",
            lifecycle_policies=[
                {"transition_to_ia": "AFTER_30_DAYS"},
                {"transition_to_primary_storage_class": "AFTER_1_ACCESS"},
            ],
            tags=args.account.named("share"),
            opts=self.data(args.protection),
        )
        self.file_system_id: pulumi.Output[str] = files.id
        self.arn: pulumi.Output[str] = files.arn
        self.server: pulumi.Output[str] = files.dns_name
        point = self._access_point(args.account)
        self.access_point_id: pulumi.Output[str] = point.id
        self.access_point_arn: pulumi.Output[str] = point.arn
        policy = aws.efs.FileSystemPolicy(
            "share", file_system_id=files.id, policy=share_policy(self.arn, self.access_point_arn), opts=self.child()
        )
        targets = [
            aws.efs.MountTarget(
                f"share-{'abc'[index]}",
                file_system_id=files.id,
                subnet_id=subnet,
                security_groups=[args.group],
                opts=self.child(),
            )
            for index, subnet in enumerate(args.subnets)
        ]
        self.mounted: list[pulumi.Resource] = [*targets, policy]
        self.finish(file_system_id=self.file_system_id)

    def _access_point(self, account: Account) -> aws.efs.AccessPoint:
        return aws.efs.AccessPoint(
            "share",
            file_system_id=self.file_system_id,
            posix_user={"uid": USER_ID, "gid": USER_ID},
            root_directory={
                "path": ROOT,
                "creation_info": {"owner_uid": USER_ID, "owner_gid": USER_ID, "permissions": "0750"},
            },
            tags=account.named("share"),
            opts=self.child(),
        )


def share_policy(arn: pulumi.Input[str], access_point_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the share's own policy: nobody without TLS, nobody past the access point.

    It allows nothing, so that only roles whose own policy names the share can mount it. A file system without a policy
    is open to whoever reaches its address.
    """
    mounting = ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess")
    return document(
        deny_to_all(mounting, arn, {"Bool": {"aws:SecureTransport": "false"}}),
        deny_to_all(mounting, arn, {"StringNotEquals": {"elasticfilesystem:AccessPointArn": access_point_arn}}),
    )
