"""Where logs go: one workspace, read by identities alone."""

from __future__ import annotations

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.names import world_name
from penstock_infra.azure.site import Site
from penstock_infra.component import Component


class Logs(Component):
    """The Log Analytics workspace: `id`, and its `name` for queries."""

    cloud = "azure"

    def __init__(self, name: str, *, site: Site, days: int, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make it, with this retention."""
        super().__init__(name, opts)
        workspace = azure_native.operationalinsights.Workspace(
            "logs",
            workspace_name=site.suffix.apply(lambda suffix: world_name(site.stem, suffix)),
            resource_group_name=site.group,
            location=site.location,
            sku={"name": "PerGB2018"},
            retention_in_days=days,
            features={"disable_local_auth": True, "enable_log_access_using_only_resource_permissions": True},
            opts=self.child(),
        )
        self.id: pulumi.Output[str] = workspace.id
        self.name: pulumi.Output[str] = workspace.name
        self.finish(name=self.name)
