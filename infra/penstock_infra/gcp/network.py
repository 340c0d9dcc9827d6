"""The stack's own network: no public addresses, one way out, and a range for Google's managed services."""

from __future__ import annotations

from typing import Any

import pulumi_gcp as gcp

from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import NetworkPlan

ALL_PROTOCOLS = [{"protocol": "tcp"}, {"protocol": "udp"}, {"protocol": "icmp"}]


class Network(GcpComponent):
    """Attributes: `network`, the subnets `apps` (services) and `work` (jobs and Spark), and `connection`.

    `connection` is what Cloud SQL, Filestore and Redis wait for: they live in Google's network, peered with this.
    """

    needs = ("compute", "servicenetworking")

    def __init__(self, site: Site, plan: NetworkPlan) -> None:
        """Make the network of a plan: subnets for the purposes `apps` and `spark`, and the range `services`."""
        super().__init__("network", site)
        self.cidrs = {subnet.purpose: subnet.cidr for subnet in plan.subnets}
        self.network = gcp.compute.Network(
            "network",
            name=site.name,
            auto_create_subnetworks=False,
            # A global network would carry routes to regions in which this stack has nothing.
            routing_mode="REGIONAL",
            opts=self.child(),
        )
        self.apps = self._subnet("apps", self.cidrs["apps"])
        self.work = self._subnet("work", self.cidrs["spark"])
        self.services = self._range("services", self.cidrs["services"])
        self.connection = self._connection()
        self._way_out()
        self._walls()
        self.finish()

    def interface(self, subnet: gcp.compute.Subnetwork) -> dict[str, Any]:
        """Return `vpc_access` of a Cloud Run container whose every packet leaves through this subnet."""
        return {
            # Also requests to other Cloud Run services, so that they count as coming from inside.
            "egress": "ALL_TRAFFIC",
            "network_interfaces": [{"network": self.network.id, "subnetwork": subnet.id}],
        }

    def _subnet(self, name: str, cidr: str) -> gcp.compute.Subnetwork:
        return gcp.compute.Subnetwork(
            name,
            network=self.network.id,
            region=self.site.region,
            ip_cidr_range=cidr,
            private_ip_google_access=True,
            log_config={
                "aggregation_interval": "INTERVAL_10_MIN",
                "flow_sampling": 0.5,
                "metadata": "INCLUDE_ALL_METADATA",
            },
            opts=self.child(),
        )

    def _range(self, name: str, cidr: str) -> gcp.compute.GlobalAddress:
        first, _, prefix = cidr.partition("/")
        return gcp.compute.GlobalAddress(
            name,
            name=self.site.called(name),
            purpose="VPC_PEERING",
            address_type="INTERNAL",
            address=first,
            prefix_length=int(prefix),
            network=self.network.id,
            opts=self.child(),
        )

    def _connection(self) -> gcp.servicenetworking.Connection:
        return gcp.servicenetworking.Connection(
            "services",
            network=self.network.id,
            service="servicenetworking.googleapis.com",
            reserved_peering_ranges=[self.services.name],
            # Else the peering outlives the connection, and the network cannot be deleted.
            deletion_policy="REMOVE_PEERING",
            update_on_creation_fail=True,
            opts=self.child(),
        )

    def _way_out(self) -> None:
        """Make the NAT gateway. It is a property of the region and no machine of a zone: one serves every topology."""
        router = gcp.compute.Router("router", network=self.network.id, region=self.site.region, opts=self.child())
        gcp.compute.RouterNat(
            "nat",
            router=router.name,
            region=self.site.region,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            enable_dynamic_port_allocation=True,
            enable_endpoint_independent_mapping=False,
            log_config={"enable": True, "filter": "ERRORS_ONLY"},
            opts=self.child(),
        )

    def _walls(self) -> None:
        """Let Spark's nodes talk among themselves; keep jobs and Spark away from database, share and Redis."""
        gcp.compute.Firewall(
            "spark-nodes",
            network=self.network.id,
            description="Spark's nodes to each other.",
            direction="INGRESS",
            allows=ALL_PROTOCOLS,
            source_ranges=[self.cidrs["spark"]],
            destination_ranges=[self.cidrs["spark"]],
            opts=self.child(),
        )
        gcp.compute.Firewall(
            "work-from-data",
            network=self.network.id,
            description="Jobs and Spark reach neither database nor share nor Redis.",
            direction="EGRESS",
            priority=900,
            denies=[{"protocol": "all"}],
            source_ranges=[self.cidrs["spark"]],
            destination_ranges=[self.cidrs["services"]],
            log_config={"metadata": "INCLUDE_ALL_METADATA"},
            opts=self.child(),
        )
