"""The stack's own network: two zones, private machines behind NAT, balancers in the outer subnets."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_platform.blueprint import Egress, NetworkPlan
from penstock_platform.networks import Subnet

ANYWHERE = "0.0.0.0/0"
EMR_TAG = {"for-use-with-amazon-emr-managed-policies": "true"}
"""EMR's own policy lets its service work only in subnets and security groups that carry this."""


class Network(AwsComponent):
    """VPC, subnets and routes. `vpc_id`; `subnets` by purpose (`public`, `apps`, `data`) give ids, one a zone.

    `ready` is what private machines wait for before they can reach the internet.
    """

    def __init__(self, name: str, account: Account, plan: NetworkPlan) -> None:
        """Make the network. Its zones are the first of the region that need no opting in."""
        super().__init__(name, account)
        self._account, self.plan = account, plan
        self.vpc = aws.ec2.Vpc(
            "vpc",
            cidr_block=plan.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=account.named("vpc"),
            opts=self.child(),
        )
        self.vpc_id: pulumi.Output[str] = self.vpc.id
        aws.ec2.DefaultSecurityGroup(
            "closed", vpc_id=self.vpc.id, ingress=[], egress=[], tags=account.named("closed"), opts=self.child()
        )
        self._zones = aws.get_availability_zones_output(
            state="available",
            filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
            opts=pulumi.InvokeOptions(parent=self),
        ).names
        self._made = {subnet.name: self._subnet(subnet) for subnet in plan.subnets}
        self.subnets = {
            purpose: [self._made[subnet.name].id for subnet in plan.of(purpose)]
            for purpose in ("public", "apps", "data")
        }
        self.ready: list[pulumi.Resource] = []
        tables = self._routes()
        aws.ec2.VpcEndpoint(
            "s3",
            vpc_id=self.vpc.id,
            service_name=f"com.amazonaws.{account.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags=account.named("s3"),
            opts=self.child(),
        )
        self.finish(vpc_id=self.vpc_id)

    def _subnet(self, subnet: Subnet) -> aws.ec2.Subnet:
        return aws.ec2.Subnet(
            subnet.name,
            vpc_id=self.vpc.id,
            cidr_block=subnet.cidr,
            availability_zone=self._zones[subnet.zone or 0],
            # Not even the outer subnets give out addresses: balancers and gateways bring their own.
            map_public_ip_on_launch=False,
            tags={**self._account.named(subnet.name), **EMR_TAG},
            opts=self.child(),
        )

    def _routes(self) -> list[aws.ec2.RouteTable]:
        internet = aws.ec2.InternetGateway(
            "internet", vpc_id=self.vpc.id, tags=self._account.named("internet"), opts=self.child()
        )
        outer = self._table("public", self.plan.of("public"))
        out = self._route("public", outer, gateway_id=internet.id)
        gateways = [self._gateway(subnet, out) for subnet in self.plan.of("public")[: self._gateways()]]
        tables = [outer, self._table("data", self.plan.of("data"))]
        for subnet in self.plan.of("apps"):
            table = self._table(subnet.name, (subnet,))
            gateway = gateways[(subnet.zone or 0) % len(gateways)]
            self.ready.append(self._route(subnet.name, table, nat_gateway_id=gateway.id))
            tables.append(table)
        return tables

    def _gateways(self) -> int:
        return self.plan.zones if self.plan.egress is Egress.PER_ZONE else 1

    def _gateway(self, subnet: Subnet, out: aws.ec2.Route) -> aws.ec2.NatGateway:
        name = f"nat-{'abc'[subnet.zone or 0]}"
        address = aws.ec2.Eip(name, domain="vpc", tags=self._account.named(name), opts=self.child(out))
        return aws.ec2.NatGateway(
            name,
            allocation_id=address.allocation_id,
            subnet_id=self._made[subnet.name].id,
            tags=self._account.named(name),
            opts=self.child(out),
        )

    def _table(self, name: str, subnets: tuple[Subnet, ...]) -> aws.ec2.RouteTable:
        table = aws.ec2.RouteTable(name, vpc_id=self.vpc.id, tags=self._account.named(name), opts=self.child())
        for subnet in subnets:
            aws.ec2.RouteTableAssociation(
                subnet.name, route_table_id=table.id, subnet_id=self._made[subnet.name].id, opts=self.child()
            )
        return table

    def _route(self, name: str, table: aws.ec2.RouteTable, **target: pulumi.Input[str]) -> aws.ec2.Route:
        return aws.ec2.Route(
            name, route_table_id=table.id, destination_cidr_block=ANYWHERE, **target, opts=self.child()
        )
