"""Postgres: a flexible server inside the network, with backups and, where planned, a standby in another zone."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.doors import PrivateNames
from penstock_infra.azure.names import world_name
from penstock_infra.azure.premises import Premises
from penstock_infra.component import Component
from penstock_platform.blueprint import DatabasePlan

PORT = 5432
TRUSTED_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""Azure's certificates come from public authorities: the image's own list of them checks the server."""


class Database(Component):
    """The server: `host`, and `id` for alarms."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        premises: Premises,
        plan: DatabasePlan,
        password: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the zone and its link, then the server, its setting and the database."""
        super().__init__(name, opts)
        site, protection = premises.site, premises.protection
        zone = PrivateNames(
            "database",
            zone=f"{site.stem}.private.postgres.database.azure.com",
            premises=premises,
            opts=self.child(),
        )
        server = azure_native.dbforpostgresql.Server(
            "server",
            server_name=site.suffix.apply(lambda suffix: world_name(site.stem, suffix)),
            resource_group_name=site.group,
            location=site.location,
            **server_arguments(plan),
            administrator_login_password=password,
            network={
                "delegated_subnet_resource_id": premises.network.subnets["database"],
                "private_dns_zone_arm_resource_id": zone.id,
                "public_network_access": "Disabled",
            },
            opts=self.data(protection, zone.link),
        )
        tls = azure_native.dbforpostgresql.Configuration(
            "require-tls",
            configuration_name="require_secure_transport",
            resource_group_name=site.group,
            server_name=server.name,
            source="user-override",
            value="on",
            # A setting of a server cannot be deleted, only changed.
            opts=pulumi.ResourceOptions.merge(self.child(), pulumi.ResourceOptions(retain_on_delete=True)),
        )
        azure_native.dbforpostgresql.Database(
            "database",
            database_name=plan.name,
            resource_group_name=site.group,
            server_name=server.name,
            charset="UTF8",
            collation="en_US.utf8",
            opts=self.data(protection, tls),
        )
        self.id: pulumi.Output[str] = server.id
        self.host: pulumi.Output[str] = server.fully_qualified_domain_name
        self.finish(host=self.host)


def server_arguments(plan: DatabasePlan) -> dict[str, Any]:
    """Return what of a server comes from the plan alone."""
    return {
        "version": str(plan.version),
        "sku": {
            "name": plan.instance.instance,
            "tier": "Burstable" if plan.instance.burstable else "GeneralPurpose",
        },
        "storage": {"storage_size_gb": plan.storage_gb, "auto_grow": "Enabled"},
        "backup": {"backup_retention_days": plan.backup_days, "geo_redundant_backup": "Disabled"},
        "high_availability": {"mode": "ZoneRedundant" if plan.multi_zone else "Disabled"},
        "administrator_login": plan.user,
        "auth_config": {"password_auth": "Enabled", "active_directory_auth": "Disabled"},
        "create_mode": "Default",
    }
