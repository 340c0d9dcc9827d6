"""The NFS share: Filestore, regional in every topology, given once to the containers' user, backed up daily."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.network import Network
from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import SharePlan

TIER = "REGIONAL"
"""Filestore cannot change a share's tier: another tier is another share. So each topology starts with the tier that the
most able one needs, and a stack keeps its files on every way up and down. 100 GiB is the least of both tiers."""
EXPORT = "penstock"
OWNER = 10001
"""User and group of the image."""
OWNER_IMAGE = "docker.io/library/busybox:1.36.1@sha256:73aaf090f3d85aa34ee199857f03fa3a95c8ede2ffd4cc2cdb5b94e566b11662"
"""Root and a shell, nothing else: Cloud Run has no way to run our own image as another user."""


class Share(GcpComponent):
    """Attributes: `instance`, `server` (its address), `path` (what it exports), `volume` (of a Cloud Run template)."""

    needs = ("file",)

    def __init__(self, site: Site, plan: SharePlan, network: Network) -> None:
        """Make the share. NFS has no passwords: only the services' subnet may mount it."""
        super().__init__("share", site)
        self.instance = gcp.filestore.Instance(
            "share",
            name=site.called("share"),
            tier=TIER,
            location=site.region,
            protocol="NFS_V3",
            file_shares={
                "name": EXPORT,
                "capacity_gb": plan.size_gb,
                "nfs_export_options": [
                    {
                        "access_mode": "READ_WRITE",
                        "ip_ranges": [network.cidrs["apps"]],
                        # The share begins as root's, so root must be let in to give it away; services are not root.
                        "squash_mode": "NO_ROOT_SQUASH",
                    }
                ],
            },
            networks=[
                {"network": network.network.id, "modes": ["MODE_IPV4"], "connect_mode": "PRIVATE_SERVICE_ACCESS"}
            ],
            deletion_protection_enabled=site.protection.on,
            labels=site.labels,
            opts=self.data(site.protection, network.connection),
        )
        self.server: pulumi.Output[str] = self.instance.networks.apply(_address)
        self.path = f"/{EXPORT}"
        self.finish()

    @property
    def volume(self) -> dict[str, Any]:
        """The share as a volume named `share`. Cloud Run mounts it without locks; Penstock relies on none."""
        return {"name": "share", "nfs": {"server": self.server, "path": self.path, "read_only": False}}


def _address(networks: Any) -> str:
    """Return the share's address; at preview it may be missing."""
    found = networks[0].get("ip_addresses")
    return str(found[0]) if found else ""


@dataclass(frozen=True, kw_only=True)
class ShareOwnerArgs:
    """What the job mounts, from where, and as whom it runs."""

    share: Share
    network: Network
    account: pulumi.Input[str]


class ShareOwner(GcpComponent):
    """A Cloud Run job, run once when the share is made, that gives the share's top folder to the containers' user.

    `done` is there once it has run: services wait for it, because a fresh share is writable by root alone.
    """

    needs = ("run",)

    def __init__(self, site: Site, args: ShareOwnerArgs) -> None:
        """Make the job; making it runs it, and waits until it has ended well."""
        super().__init__("share-owner", site)
        container = {
            "image": OWNER_IMAGE,
            "commands": ["/bin/sh", "-c"],
            "args": [f"chown {OWNER}:{OWNER} /share && chmod 0750 /share"],
            "resources": {"limits": {"cpu": "1", "memory": "512Mi"}},
            "volume_mounts": [{"name": "share", "mount_path": "/share"}],
        }
        self.done = gcp.cloudrunv2.Job(
            "share-owner",
            name=site.called("share-owner"),
            location=site.region,
            labels=site.labels,
            deletion_protection=False,
            # Another share is another run.
            run_execution_token=args.share.instance.create_time.apply(_token),
            template={
                "task_count": 1,
                "template": {
                    "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
                    "service_account": args.account,
                    "max_retries": 3,
                    "timeout": "300s",
                    "vpc_access": args.network.interface(args.network.apps),
                    "containers": [container],
                    "volumes": [args.share.volume],
                },
            },
            opts=self.child(),
        )
        self.finish()


def _token(made_at: str) -> str:
    return hashlib.sha256(made_at.encode()).hexdigest()[:8]


class ShareBackups(GcpComponent):
    """A vault and a daily plan. The vault keeps each backup at least a day, whatever anybody asks for."""

    needs = ("backupdr", "file")

    def __init__(self, site: Site, plan: SharePlan, share: Share) -> None:
        """Back the share up every night, and keep each backup for the plan's days."""
        super().__init__("share-backups", site)
        vault = gcp.backupdisasterrecovery.BackupVault(
            "share",
            location=site.region,
            backup_vault_id=site.called("share"),
            backup_minimum_enforced_retention_duration="86400s",
            access_restriction="WITHIN_PROJECT",
            force_delete=True,
            ignore_inactive_datasources=True,
            labels=site.labels,
            opts=self.child(),
        )
        schedule = gcp.backupdisasterrecovery.BackupPlan(
            "share",
            location=site.region,
            backup_plan_id=site.called("share"),
            resource_type="file.googleapis.com/Instance",
            backup_vault=vault.id,
            backup_rules=[
                {
                    "rule_id": "nightly",
                    "backup_retention_days": plan.backup_days,
                    "standard_schedule": {
                        "recurrence_type": "DAILY",
                        "time_zone": "UTC",
                        "backup_window": {"start_hour_of_day": 1, "end_hour_of_day": 7},
                    },
                }
            ],
            opts=self.child(),
        )
        gcp.backupdisasterrecovery.BackupPlanAssociation(
            "share",
            location=site.region,
            backup_plan_association_id=site.called("share"),
            resource=share.instance.id,
            resource_type="file.googleapis.com/Instance",
            backup_plan=schedule.name,
            opts=self.child(),
        )
        self.finish()
