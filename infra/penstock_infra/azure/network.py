"""The virtual network: a subnet each for apps, database, private endpoints and jobs, with one way out."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.site import Site
from penstock_infra.azure.traffic import rules_of
from penstock_infra.component import Component
from penstock_platform.blueprint import FrontPlan, NetworkPlan
from penstock_platform.networks import Subnet

DELEGATIONS = {
    "apps": "Microsoft.App/environments",
    "database": "Microsoft.DBforPostgreSQL/flexibleServers",
    "jobs": "Microsoft.ContainerInstance/containerGroups",
}
"""The service that owns what is in a subnet. Private endpoints share theirs."""
WITH_EGRESS = frozenset({"apps", "jobs"})


class Network(Component):
    """The network, and in `subnets` the id of each by purpose."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        site: Site,
        plan: NetworkPlan,
        front: FrontPlan,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make network, NAT gateway, security groups and subnets."""
        super().__init__(name, opts)
        self._site, self._plan, self._front = site, plan, front
        self.network = azure_native.network.VirtualNetwork(
            "network",
            virtual_network_name="penstock",
            resource_group_name=site.group,
            location=site.location,
            address_space={"address_prefixes": [plan.cidr]},
            # Subnets are resources of their own; a list here as well would fight with them.
            opts=self.child(),
        )
        self.id: pulumi.Output[str] = self.network.id
        self.egress_ip, self._gateway = self._egress()
        made: list[Any] = []
        for subnet in plan.subnets:
            # One after the other: a network takes one change at a time.
            made.append(self._subnet(subnet, made[-1:]))
        self.subnets: dict[str, pulumi.Output[str]] = {
            planned.purpose: subnet.id for planned, subnet in zip(plan.subnets, made, strict=True)
        }
        self.finish(id=self.id, subnets=self.subnets)

    def _egress(self) -> tuple[pulumi.Output[str], Any]:
        """Return the address that the stack's own requests come from, and the gateway.

        One gateway whatever the plan says: a subnet on Azure takes one, and the kind that spans zones does not serve
        delegated subnets. The outputs say what that means in `ha`.
        """
        address = azure_native.network.PublicIPAddress(
            "egress-ip",
            public_ip_address_name="penstock-egress",
            resource_group_name=self._site.group,
            location=self._site.location,
            sku={"name": "Standard"},
            public_ip_allocation_method="Static",
            opts=self.child(),
        )
        gateway = azure_native.network.NatGateway(
            "egress",
            nat_gateway_name="penstock",
            resource_group_name=self._site.group,
            location=self._site.location,
            sku={"name": "Standard"},
            public_ip_addresses=[{"id": address.id}],
            idle_timeout_in_minutes=10,
            opts=self.child(),
        )
        return address.ip_address, gateway

    def _subnet(self, subnet: Subnet, after: list[Any]) -> Any:
        group = azure_native.network.NetworkSecurityGroup(
            f"{subnet.name}-traffic",
            network_security_group_name=f"penstock-{subnet.name}",
            resource_group_name=self._site.group,
            location=self._site.location,
            security_rules=rules_of(subnet.purpose, self._plan, self._front),
            opts=self.child(),
        )
        service = DELEGATIONS.get(subnet.purpose)
        return azure_native.network.Subnet(
            subnet.name,
            subnet_name=subnet.name,
            resource_group_name=self._site.group,
            virtual_network_name=self.network.name,
            address_prefix=subnet.cidr,
            network_security_group={"id": group.id},
            nat_gateway={"id": self._gateway.id} if subnet.purpose in WITH_EGRESS else None,
            delegations=[{"name": "owner", "service_name": service}] if service else None,
            default_outbound_access=False,
            private_endpoint_network_policies="Enabled",
            opts=self.child(*after),
        )
