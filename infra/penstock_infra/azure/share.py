"""The NFS share: a premium file account that only the network reaches, and the environment's way to mount it."""

from __future__ import annotations

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.doors import Behind, PrivateDoor
from penstock_infra.azure.premises import Premises
from penstock_infra.azure.storage import closed_account
from penstock_infra.component import Component
from penstock_platform.blueprint import SharePlan

SHARE = "penstock"
SKU = "Premium_ZRS"
"""Zone-redundant whatever the tier asks: Azure turns LRS into ZRS in days and never back, and a replacement would lose
the files. It costs about a quarter more, 4 dollars a month for the smallest share."""


class Share(Component):
    """The share: `server`, `path` as it is mounted, and `files_id` for alarms."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        premises: Premises,
        plan: SharePlan,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make account, share, retention of a deleted share, and its door."""
        super().__init__(name, opts)
        site, protection = premises.site, premises.protection
        account = azure_native.storage.StorageAccount(
            "files",
            kind="FileStorage",
            sku={"name": SKU},
            # NFS has no TLS in Container Apps: with "secure transfer" on, Azure would refuse the mount.
            enable_https_traffic_only=False,
            **closed_account(site, "nfs"),
            opts=self.data(protection),
        )
        retention = azure_native.storage.FileServiceProperties(
            "files-retention",
            file_services_name="default",
            resource_group_name=site.group,
            account_name=account.name,
            share_delete_retention_policy={"enabled": True, "days": plan.backup_days},
            opts=self.child(),
        )
        share = azure_native.storage.FileShare(
            "share",
            share_name=SHARE,
            resource_group_name=site.group,
            account_name=account.name,
            enabled_protocols="NFS",
            # The folders are given to the container's user by a start container, as root.
            root_squash="NoRootSquash",
            share_quota=plan.size_gb,
            opts=self.data(protection, retention),
        )
        behind = Behind(account.id, "file", "privatelink.file.core.windows.net")
        door = PrivateDoor("files", premises=premises, behind=behind, opts=self.child())
        self.files_id = pulumi.Output.concat(account.id, "/fileServices/default")
        self.server = pulumi.Output.concat(account.name, ".file.core.windows.net")
        self.path = pulumi.Output.concat("/", account.name, "/", share.name)
        self.open = door.open
        self.finish(server=self.server, path=self.path)
