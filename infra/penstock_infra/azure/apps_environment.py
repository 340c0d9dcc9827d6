"""The Container Apps environment: where services and jobs run, with their logs and the mount of the share."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.doors import PrivateNames
from penstock_infra.azure.names import world_name
from penstock_infra.azure.network import Network
from penstock_infra.azure.premises import Premises
from penstock_infra.azure.share import Share
from penstock_infra.component import Component
from penstock_platform.blueprint import FrontPlan
from penstock_platform.vocabulary import Exposure

PROFILE = "Consumption"
MOUNT = "share"
LOGS = ("ContainerAppConsoleLogs", "ContainerAppSystemLogs")


class AppsEnvironment(Component):
    """The environment: `id`, `domain` under which its apps have their names, `address`, and `mount` of the share."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        premises: Premises,
        share: Share,
        front: FrontPlan,
        log_workspace_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the environment, its logs, its mount and, when it is private, the names of its apps."""
        super().__init__(name, opts)
        private = front.exposure is not Exposure.PUBLIC
        self._site, network = premises.site, premises.network
        self.environment: Any = self._environment(network, private=private)
        self.id: pulumi.Output[str] = self.environment.id
        self.name: pulumi.Output[str] = self.environment.name
        self.domain: pulumi.Output[str] = self.environment.default_domain
        self.address: pulumi.Output[str] = self.environment.static_ip
        self._logs(log_workspace_id)
        self.mount = self._mount(share)
        if private:
            self._names(premises)
        self.finish(id=self.id, domain=self.domain)

    def _environment(self, network: Network, *, private: bool) -> Any:
        site = self._site
        return azure_native.app.ManagedEnvironment(
            "environment",
            environment_name=site.suffix.apply(lambda suffix: world_name(site.stem, suffix)),
            resource_group_name=site.group,
            location=site.location,
            infrastructure_resource_group=pulumi.Output.concat(site.stem, "-apps-", site.suffix),
            vnet_configuration={"infrastructure_subnet_id": network.subnets["apps"], "internal": private},
            workload_profiles=[{"name": PROFILE, "workload_profile_type": PROFILE}],
            # Fixed when it is made, and free: always on, so that no change of topology makes another environment.
            zone_redundant=True,
            # Traffic between apps and jobs is TLS, also where they speak HTTP.
            peer_traffic_configuration={"encryption": {"enabled": True}},
            app_logs_configuration={"destination": "azure-monitor"},
            opts=self.child(),
        )

    def _logs(self, workspace_id: pulumi.Input[str]) -> None:
        azure_native.monitor.DiagnosticSetting(
            "logs",
            name="penstock",
            resource_uri=self.id,
            workspace_id=workspace_id,
            logs=[{"category": category, "enabled": True} for category in LOGS],
            opts=self.child(),
        )

    def _mount(self, share: Share) -> Any:
        return azure_native.app.ManagedEnvironmentsStorage(
            "mount",
            storage_name=MOUNT,
            resource_group_name=self._site.group,
            environment_name=self.name,
            properties={
                "nfs_azure_file": {"server": share.server, "share_name": share.path, "access_mode": "ReadWrite"}
            },
            opts=self.child(share.open),
        )

    def _names(self, premises: Premises) -> None:
        zone = PrivateNames("apps", zone=self.domain, premises=premises, opts=self.child())
        azure_native.privatedns.PrivateRecordSet(
            "apps-names",
            relative_record_set_name="*",
            record_type="A",
            resource_group_name=self._site.group,
            private_zone_name=zone.name,
            ttl=300,
            a_records=[{"ipv4_address": self.address}],
            opts=self.child(),
        )
