"""Spark: a Synapse workspace in a managed network with one pool that pauses by itself, and a lake of its own.

A pool costs nothing while it is paused, so it serves all three modes: `onDemand` and `serverless` start it for a run,
`shared` keeps using the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.doors import Behind, PrivateDoor
from penstock_infra.azure.identities import Roles, assign
from penstock_infra.azure.names import letters_and_digits
from penstock_infra.azure.premises import Premises
from penstock_infra.azure.storage import closed_account, container_id
from penstock_infra.component import Component
from penstock_platform.blueprint import SparkPlan

FILESYSTEM = "spark"
POOL = "spark"
SPARK_VERSION = "3.5"
LEAST_NODES = 3
"""A pool has at least three nodes: one for the driver, the others for workers."""


@dataclass(frozen=True, kw_only=True)
class SparkUsers:
    """Who uses Spark: the identity that submits work and reads the results, and the roles to grant it."""

    identity: Any
    roles: Roles
    sql_password: pulumi.Output[str]


class Spark(Component):
    """The workspace: `workspace_id`, `settings` for the executor, and the lake's `url`."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        premises: Premises,
        plan: SparkPlan,
        users: SparkUsers,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make lake, workspace, pool, doors and grants."""
        super().__init__(name, opts)
        self._premises, self._site, self._plan, self._users = premises, premises.site, plan, users
        lake = self._lake()
        workspace = self._workspace(lake)
        pool = self._pool(workspace)
        self._doors(lake, workspace)
        self._grants(lake, workspace)
        self.workspace_id: pulumi.Output[str] = workspace.id
        self.workspace: pulumi.Output[str] = workspace.name
        self.pool: pulumi.Output[str] = pool.name
        self.lake: pulumi.Output[str] = lake.name
        self.url = pulumi.Output.concat("abfss://", FILESYSTEM, "@", lake.name, ".dfs.core.windows.net/")
        self.settings: dict[str, pulumi.Input[str]] = {
            "PENSTOCK_SPARK_URL": self.url,
            "PENSTOCK_SYNAPSE_WORKSPACE": workspace.name,
            "PENSTOCK_SYNAPSE_POOL": pool.name,
        }
        self.finish(workspace=workspace.name)

    def _lake(self) -> Any:
        protection = self._premises.protection
        lake = azure_native.storage.StorageAccount(
            "lake",
            kind="StorageV2",
            sku={"name": "Standard_ZRS"},
            access_tier="Hot",
            # Synapse wants a hierarchy of folders, which the bucket cannot have: that would cost it its versions.
            is_hns_enabled=True,
            enable_https_traffic_only=True,
            **closed_account(self._site, "lake"),
            opts=self.data(protection),
        )
        azure_native.storage.BlobContainer(
            "filesystem",
            container_name=FILESYSTEM,
            resource_group_name=self._site.group,
            account_name=lake.name,
            public_access="None",
            opts=self.data(protection),
        )
        return lake

    def _workspace(self, lake: Any) -> Any:
        site = self._site
        return azure_native.synapse.Workspace(
            "workspace",
            workspace_name=site.suffix.apply(lambda suffix: f"{letters_and_digits(site.stem)}{suffix}"),
            resource_group_name=site.group,
            location=site.location,
            managed_resource_group_name=pulumi.Output.concat(site.stem, "-synapse-", site.suffix),
            identity={"type": "SystemAssigned"},
            default_data_lake_storage={
                "account_url": pulumi.Output.concat("https://", lake.name, ".dfs.core.windows.net"),
                "resource_id": lake.id,
                "filesystem": FILESYSTEM,
                "create_managed_private_endpoint": True,
            },
            managed_virtual_network="default",
            managed_virtual_network_settings={"prevent_data_exfiltration": False},
            public_network_access="Disabled",
            # Who submits work administers the workspace, which holds nothing but this pool: its inner roles are granted
            # from inside the network alone, and an identity of its own keeps them from services that do not run Spark.
            csp_workspace_admin_properties={"initial_workspace_admin_object_id": self._users.identity.principal_id},
            azure_ad_only_authentication=True,
            sql_administrator_login="penstocksql",
            sql_administrator_login_password=self._users.sql_password,
            opts=self.child(),
        )

    def _pool(self, workspace: Any) -> Any:
        plan = self._plan
        return azure_native.synapse.BigDataPool(
            "pool",
            big_data_pool_name=POOL,
            resource_group_name=self._site.group,
            workspace_name=workspace.name,
            location=self._site.location,
            spark_version=SPARK_VERSION,
            node_size="Small",
            node_size_family="MemoryOptimized",
            auto_pause={"enabled": True, "delay_in_minutes": plan.idle_minutes},
            auto_scale={
                "enabled": True,
                "min_node_count": LEAST_NODES,
                "max_node_count": max(LEAST_NODES, plan.max_workers + 1),
            },
            dynamic_executor_allocation={
                "enabled": True,
                "min_executors": plan.min_workers,
                "max_executors": plan.max_workers,
            },
            opts=self.child(),
        )

    def _doors(self, lake: Any, workspace: Any) -> None:
        behind = {
            "lake": Behind(lake.id, "dfs", "privatelink.dfs.core.windows.net"),
            "synapse": Behind(workspace.id, "Dev", "privatelink.dev.azuresynapse.net"),
        }
        for name, target in behind.items():
            PrivateDoor(name, premises=self._premises, behind=target, opts=self.child())

    def _grants(self, lake: Any, workspace: Any) -> None:
        role = self._users.roles.built_in("write blobs")
        scope = container_id(lake.id, FILESYSTEM)
        assign(self, "spark-lake", identity=self._users.identity, role=role, scope=scope)
        assign(self, "workspace-lake", identity=_Principal(workspace), role=role, scope=scope)


class _Principal:
    """A workspace as `assign` wants an identity: known once the workspace has an id, as Azure gives it then."""

    def __init__(self, workspace: Any) -> None:
        made = pulumi.Output.all(workspace.id, workspace.identity.principal_id)
        self.principal_id: pulumi.Output[str] = made.apply(lambda found: str(found[1]))
