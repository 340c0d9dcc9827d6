"""The bucket: one private blob container with versions, for artifacts, bundles and logs."""

from __future__ import annotations

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.doors import Behind, PrivateDoor
from penstock_infra.azure.premises import Premises
from penstock_infra.azure.storage import closed_account, container_id
from penstock_infra.component import Component
from penstock_platform.blueprint import BucketPlan

CONTAINER = "penstock"


class Bucket(Component):
    """The bucket: `url` (az://account/container) and the container's `id`, on which roles are assigned."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        premises: Premises,
        plan: BucketPlan,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make account, container, versions and their end, and the door."""
        super().__init__(name, opts)
        site, protection = premises.site, premises.protection
        self._site, self._plan = site, plan
        account = azure_native.storage.StorageAccount(
            "objects",
            kind="StorageV2",
            sku={"name": "Standard_ZRS"},
            access_tier="Hot",
            enable_https_traffic_only=True,
            **closed_account(site, "obj"),
            opts=self.data(protection),
        )
        versions = self._versions(account)
        container = azure_native.storage.BlobContainer(
            "container",
            container_name=CONTAINER,
            resource_group_name=site.group,
            account_name=account.name,
            public_access="None",
            opts=self.data(protection, versions),
        )
        behind = Behind(account.id, "blob", "privatelink.blob.core.windows.net")
        PrivateDoor("objects", premises=premises, behind=behind, opts=self.child())
        self.url = pulumi.Output.concat("az://", account.name, "/", container.name)
        self.id = container_id(account.id, container.name)
        self.finish(url=self.url)

    def _versions(self, account: azure_native.storage.StorageAccount) -> azure_native.storage.BlobServiceProperties:
        days = self._plan.old_versions_days
        versions = azure_native.storage.BlobServiceProperties(
            "versions",
            blob_services_name="default",
            resource_group_name=self._site.group,
            account_name=account.name,
            is_versioning_enabled=True,
            delete_retention_policy={"enabled": True, "days": days},
            container_delete_retention_policy={"enabled": True, "days": days},
            opts=self.child(),
        )
        azure_native.storage.ManagementPolicy(
            "old-versions",
            management_policy_name="default",
            resource_group_name=self._site.group,
            account_name=account.name,
            policy={
                "rules": [
                    {
                        "name": "old-versions",
                        "type": "Lifecycle",
                        "enabled": True,
                        "definition": {
                            "filters": {"blob_types": ["blockBlob"]},
                            "actions": {"version": {"delete": {"days_after_creation_greater_than": days}}},
                        },
                    }
                ]
            },
            opts=self.child(versions),
        )
        return versions
