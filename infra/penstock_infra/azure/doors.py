"""Private endpoints: the only way in to what is not itself inside the network."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.premises import Premises
from penstock_infra.component import Component


@dataclass(frozen=True)
class Behind:
    """What is behind a door: its resource id, which part of it (`file`, `blob` …), and the zone of its names."""

    target: pulumi.Input[str]
    part: str
    zone: str


class PrivateDoor(Component):
    """A private endpoint, and the private zone in which the target's usual name leads to it."""

    cloud = "azure"

    def __init__(
        self, name: str, *, premises: Premises, behind: Behind, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make zone, link, endpoint and records; `open` is there once names resolve to the endpoint."""
        super().__init__(name, opts)
        site, network = premises.site, premises.network
        zone = PrivateNames(name, zone=behind.zone, premises=premises, opts=pulumi.ResourceOptions(parent=self))
        endpoint = azure_native.network.PrivateEndpoint(
            f"{name}-endpoint",
            private_endpoint_name=f"penstock-{name}",
            resource_group_name=site.group,
            location=site.location,
            subnet={"id": network.subnets["endpoints"]},
            private_link_service_connections=[
                {"name": name, "private_link_service_id": behind.target, "group_ids": [behind.part]}
            ],
            opts=self.child(),
        )
        self.open = azure_native.network.PrivateDnsZoneGroup(
            f"{name}-names",
            private_dns_zone_group_name="names",
            resource_group_name=site.group,
            private_endpoint_name=endpoint.name,
            private_dns_zone_configs=[{"name": name, "private_dns_zone_id": zone.id}],
            opts=self.child(zone.link),
        )
        self.finish(endpoint=endpoint.id)


class PrivateNames(Component):
    """A private zone that the stack's network asks."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        zone: pulumi.Input[str],
        premises: Premises,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the zone and its link to the network."""
        super().__init__(name, opts)
        site, network = premises.site, premises.network
        made = azure_native.privatedns.PrivateZone(
            f"{name}-zone",
            private_zone_name=zone,
            resource_group_name=site.group,
            location="Global",
            opts=self.child(),
        )
        self.id: pulumi.Output[str] = made.id
        self.name: pulumi.Output[str] = made.name
        self.link = azure_native.privatedns.VirtualNetworkLink(
            f"{name}-link",
            virtual_network_link_name="penstock",
            resource_group_name=site.group,
            private_zone_name=made.name,
            location="Global",
            registration_enabled=False,
            virtual_network={"id": network.id},
            opts=self.child(),
        )
        self.finish(id=made.id)
