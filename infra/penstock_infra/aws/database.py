"""Postgres on RDS: private, encrypted, by TLS alone, its password made and rotated by AWS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.firewall import POSTGRES
from penstock_infra.component import Protection
from penstock_platform.blueprint import DatabasePlan

CA_FILE = "/opt/penstock/image/authorities/rds.pem"
"""The authority of RDS, which is in the image: no public bundle has it, and ECS mounts no files from secrets."""
LEAST_STORAGE_GB = 20
"""GiB, the least of a gp3 volume for Postgres."""
GROWTH = 5
"""To how many times its first size the storage may grow by itself."""


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """The plan; subnets in two zones; the group that may be reached; whether the data is protected."""

    account: Account
    plan: DatabasePlan
    subnets: Sequence[pulumi.Input[str]]
    group: pulumi.Input[str]
    protection: Protection


class Database(AwsComponent):
    """The server: `host`, `port`, `secret_arn` (JSON with `username` and `password`), `identifier`."""

    def __init__(self, name: str, args: DatabaseArgs) -> None:
        """Make the server, its subnets and parameters."""
        super().__init__(name, args.account)
        self._args = args
        server = self._server()
        self.identifier: pulumi.Output[str] = server.identifier
        self.host: pulumi.Output[str] = server.address
        self.port: pulumi.Output[str] = server.port.apply(str)
        self.secret_arn: pulumi.Output[str] = server.master_user_secrets.apply(lambda made: str(made[0]["secret_arn"]))
        self.finish(host=self.host)

    def _server(self) -> aws.rds.Instance:
        plan, account, protected = self._args.plan, self._args.account, self._args.protection.on
        storage = max(plan.storage_gb, LEAST_STORAGE_GB)
        subnets = aws.rds.SubnetGroup(
            "database", name_prefix=f"{account.name}-", subnet_ids=list(self._args.subnets), opts=self.child()
        )
        # A snapshot's name stays taken; the last one of an earlier stack must not stand in the way.
        last = random.RandomId("last-snapshot", byte_length=4, opts=self.child())
        return aws.rds.Instance(
            "database",
            identifier_prefix=f"{account.name}-",
            engine="postgres",
            engine_version=str(plan.version),
            auto_minor_version_upgrade=True,
            allow_major_version_upgrade=True,
            instance_class=plan.instance.instance,
            storage_type="gp3",
            allocated_storage=storage,
            max_allocated_storage=storage * GROWTH,
            storage_encrypted=True,
            db_name=plan.name,
            username=plan.user,
            port=POSTGRES,
            manage_master_user_password=plan.managed_password,
            multi_az=plan.multi_zone,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[self._args.group],
            publicly_accessible=False,
            parameter_group_name=self._parameters(plan.version).name,
            ca_cert_identifier="rds-ca-rsa2048-g1",
            backup_retention_period=plan.backup_days,
            copy_tags_to_snapshot=True,
            delete_automated_backups=not protected,
            deletion_protection=protected,
            skip_final_snapshot=not protected,
            final_snapshot_identifier=pulumi.Output.concat(account.name, "-last-", last.hex) if protected else None,
            # A new topology means the servers that it names, not those of the next maintenance window.
            apply_immediately=True,
            opts=self.data(self._args.protection),
        )

    def _parameters(self, version: int) -> aws.rds.ParameterGroup:
        return aws.rds.ParameterGroup(
            "database",
            name_prefix=f"{self._args.account.name}-",
            family=f"postgres{version}",
            description="Postgres by TLS alone",
            parameters=[{"name": "rds.force_ssl", "value": "1", "apply_method": "immediate"}],
            opts=self.child(),
        )
