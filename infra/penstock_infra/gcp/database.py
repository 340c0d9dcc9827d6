"""Postgres: Cloud SQL with a private address, TLS for everyone, backups and point-in-time recovery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.network import Network
from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import DatabasePlan

PORT = "5432"
SSL_MODE = "verify-ca"
"""Each instance has an authority of its own, which vouches for it alone, and its certificate does not hold the private
address: to check the authority is to check the server, and there is no name to compare."""


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """The plan, the network that may reach it, and the user's password."""

    plan: DatabasePlan
    network: Network
    password: pulumi.Input[str]


class Database(GcpComponent):
    """Attributes: `instance`, `host`, `authority` (PEM, one certificate or more during a rotation), `ready`.

    `ready` are the resources that a program needs before it can sign in.
    """

    needs = ("sqladmin",)

    def __init__(self, site: Site, args: DatabaseArgs) -> None:
        """Make instance, database and user."""
        super().__init__("database", site)
        plan = args.plan
        self.instance = gcp.sql.DatabaseInstance(
            # No name of ours: Cloud SQL keeps the name of a deleted instance for a week.
            "database",
            region=site.region,
            database_version=f"POSTGRES_{plan.version}",
            settings=settings(site, plan, args.network),
            deletion_protection=site.protection.on,
            opts=pulumi.ResourceOptions.merge(
                self.data(site.protection, args.network.connection),
                pulumi.ResourceOptions(
                    # The disk grows by itself, and a disk cannot shrink: an older size must not come back.
                    ignore_changes=["settings.diskSize"],
                    custom_timeouts=pulumi.CustomTimeouts(create="60m", update="60m", delete="30m"),
                ),
            ),
        )
        database = gcp.sql.Database(
            "penstock",
            name=plan.name,
            instance=self.instance.name,
            # Gone with its instance; one with open connections could not be deleted before.
            deletion_policy="ABANDON",
            opts=self.data(site.protection),
        )
        user = gcp.sql.User(
            "penstock",
            name=plan.user,
            instance=self.instance.name,
            password=args.password,
            # Gone with its instance; the owner of tables could not be deleted before.
            deletion_policy="ABANDON",
            opts=self.child(),
        )
        self.ready: tuple[pulumi.Resource, ...] = (database, user)
        self.host: pulumi.Output[str] = self.instance.private_ip_address
        self.authority: pulumi.Output[str] = self.instance.server_ca_certs.apply(_joined)
        self.finish()


def settings(site: Site, plan: DatabasePlan, network: Network) -> dict[str, Any]:
    """Return the instance's settings."""
    return {
        # Since Postgres 16 the default is ENTERPRISE_PLUS, which refuses these sizes.
        "edition": "ENTERPRISE",
        "tier": plan.instance.instance,
        "availability_type": "REGIONAL" if plan.multi_zone else "ZONAL",
        "disk_type": "PD_SSD",
        "disk_size": plan.storage_gb,
        "disk_autoresize": True,
        "backup_configuration": {
            "enabled": True,
            "start_time": "01:00",
            "point_in_time_recovery_enabled": True,
            "transaction_log_retention_days": 7,
            "backup_retention_settings": {"retained_backups": plan.backup_days, "retention_unit": "COUNT"},
        },
        "ip_configuration": {
            "ipv4_enabled": False,
            "private_network": network.network.id,
            "allocated_ip_range": network.services.name,
            "ssl_mode": "ENCRYPTED_ONLY",
        },
        "maintenance_window": {"day": 7, "hour": 3, "update_track": "stable"},
        "insights_config": {"query_insights_enabled": True},
        "deletion_protection_enabled": site.protection.on,
        "final_backup_config": final_backup(site, plan),
        "user_labels": dict(site.labels),
    }


def final_backup(site: Site, plan: DatabasePlan) -> dict[str, Any]:
    """Return whether a deleted instance leaves a last backup: only where data is protected."""
    if site.protection.on:
        return {"enabled": True, "retention_days": plan.backup_days}
    return {"enabled": False}


def _joined(certificates: Any) -> str:
    return "\n".join(certificate["cert"].strip() for certificate in certificates) + "\n"
