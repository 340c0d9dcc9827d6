"""What a cluster of EMR needs before it is made: roles, disk key, security configuration, security groups."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.network import ANYWHERE, EMR_TAG
from penstock_infra.aws.permissions import use_prefix
from penstock_infra.aws.policies import assumed_by, document, pass_roles, trust
from penstock_infra.aws.spark_permissions import EC2, EMR, use_disk_key

PREFIX = "spark"
KEY_DAYS = 7
"""How long a deleted key can be called back. It opens disks that end with their cluster."""
SERVICE_PORT, NODE_PORT = 9443, 8443


@dataclass(frozen=True, kw_only=True)
class EmrArgs:
    """The network, and the bucket whose Spark prefix nodes may use."""

    account: Account
    vpc_id: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]


class EmrGround(AwsComponent):
    """The ground of every cluster: `service_role`, `node_role`, `profile`, `security`, `groups`, `attached`.

    `groups` are primary, workers and service, in this order.
    """

    def __init__(self, name: str, args: EmrArgs) -> None:
        """Make everything but a cluster."""
        super().__init__(name, args.account)
        self._args = args
        key = aws.kms.Key(
            "disks",
            description=f"Disks of the Spark nodes of {args.account.name}",
            enable_key_rotation=True,
            deletion_window_in_days=KEY_DAYS,
            opts=self.child(),
        )
        node, service = self._roles()
        self.node_role: pulumi.Output[str] = node.arn
        self.service_role: pulumi.Output[str] = service.arn
        self.attached = self._policies(node, service, key.arn)
        profile = aws.iam.InstanceProfile(
            "spark", name_prefix=f"{args.account.name}-spark-", role=node.name, opts=self.child()
        )
        self.profile: pulumi.Output[str] = profile.arn
        self.security = self._security(key.arn)
        self.groups = self._groups()
        self.finish()

    def _roles(self) -> tuple[aws.iam.Role, aws.iam.Role]:
        name = self._args.account.name
        node = aws.iam.Role(
            "spark-node",
            name_prefix=f"{name}-spark-node-",
            description="What Spark code on EMR may do",
            assume_role_policy=assumed_by({"Service": EC2}),
            opts=self.child(),
        )
        service = aws.iam.Role(
            "spark-service",
            name_prefix=f"{name}-spark-service-",
            description="With which EMR makes and ends nodes",
            assume_role_policy=trust(EMR, self._args.account),
            opts=self.child(),
        )
        return node, service

    def _policies(self, node: aws.iam.Role, service: aws.iam.Role, key_arn: pulumi.Input[str]) -> list[pulumi.Resource]:
        disks = list(use_disk_key(key_arn))
        return [
            aws.iam.RolePolicy(
                "spark-node",
                role=node.name,
                policy=document(*use_prefix(self._args.bucket_arn, PREFIX), *disks),
                opts=self.child(),
            ),
            aws.iam.RolePolicy(
                "spark-service",
                role=service.name,
                policy=document(pass_roles([node.arn], EC2), *disks),
                opts=self.child(),
            ),
            aws.iam.RolePolicyAttachment(
                "spark-service",
                role=service.name,
                policy_arn=self._args.account.managed_policy("service-role/AmazonEMRServicePolicy_v2"),
                opts=self.child(),
            ),
        ]

    def _security(self, key_arn: pulumi.Output[str]) -> pulumi.Output[str]:
        made = aws.emr.SecurityConfiguration(
            "spark",
            name_prefix=f"{self._args.account.name}-",
            configuration=key_arn.apply(lambda arn: json.dumps(security_configuration(arn), sort_keys=True)),
            opts=self.child(),
        )
        name: pulumi.Output[str] = made.name
        return name

    def _groups(self) -> list[pulumi.Output[str]]:
        primary, workers, service = (self._group(name) for name in ("primary", "workers", "service"))
        nodes = {"primary": primary, "workers": workers}
        for name, group in nodes.items():
            self._outward(name, group)
            for other, source in nodes.items():
                self._inward(f"{name}-{other}", group, source, None)
            self._inward(f"{name}-service", group, service, NODE_PORT)
            self._toward(f"service-{name}", service, group, NODE_PORT)
        self._inward("service-primary", service, primary, SERVICE_PORT)
        return [primary.id, workers.id, service.id]

    def _group(self, name: str) -> aws.ec2.SecurityGroup:
        account = self._args.account
        return aws.ec2.SecurityGroup(
            f"spark-{name}",
            name_prefix=f"{account.name}-spark-{name}-",
            description=f"Spark: {name}",
            vpc_id=self._args.vpc_id,
            # EMR writes rules of its own, which point from one group to the other and would keep both.
            revoke_rules_on_delete=True,
            tags={**account.named(f"spark-{name}"), **EMR_TAG},
            opts=self.child(),
        )

    def _inward(self, name: str, to: aws.ec2.SecurityGroup, source: aws.ec2.SecurityGroup, port: int | None) -> None:
        aws.vpc.SecurityGroupIngressRule(
            f"spark-{name}",
            security_group_id=to.id,
            ip_protocol="tcp" if port else "-1",
            from_port=port,
            to_port=port,
            referenced_security_group_id=source.id,
            opts=self.child(),
        )

    def _toward(self, name: str, source: aws.ec2.SecurityGroup, to: aws.ec2.SecurityGroup, port: int) -> None:
        aws.vpc.SecurityGroupEgressRule(
            f"spark-{name}",
            security_group_id=source.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            referenced_security_group_id=to.id,
            opts=self.child(),
        )

    def _outward(self, name: str, group: aws.ec2.SecurityGroup) -> None:
        aws.vpc.SecurityGroupEgressRule(
            f"spark-{name}-out", security_group_id=group.id, ip_protocol="-1", cidr_ipv4=ANYWHERE, opts=self.child()
        )


def security_configuration(key_arn: str) -> dict[str, object]:
    """Return EMR's security configuration: at rest everything; in transit nothing, for that takes certificates."""
    return {
        "EncryptionConfiguration": {
            "EnableInTransitEncryption": False,
            "EnableAtRestEncryption": True,
            "AtRestEncryptionConfiguration": {
                "S3EncryptionConfiguration": {"EncryptionMode": "SSE-S3"},
                "LocalDiskEncryptionConfiguration": {
                    "EncryptionKeyProviderType": "AwsKms",
                    "AwsKmsKey": key_arn,
                    "EnableEbsEncryption": True,
                },
            },
        },
        "InstanceMetadataServiceConfiguration": {
            "MinimumInstanceMetadataServiceVersion": 2,
            "HttpPutResponseHopLimit": 1,
        },
    }
