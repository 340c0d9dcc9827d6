"""Who may connect to whom: one security group for each thing that listens or calls, and one rule for each hop."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.network import ANYWHERE
from penstock_platform.blueprint import Blueprint

HTTP, HTTPS, NFS, POSTGRES, REDIS = 80, 443, 2049, 5432, 6379


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One port of a group, and who may reach it: another group or a network."""

    name: str
    to: str
    port: int
    group: str | None = None
    network: str | None = None


class Firewall(AwsComponent):
    """The security groups by name: `front`, `jobs-front`, `jobs`, `database`, `cache`, `share`, and one a service."""

    def __init__(
        self, name: str, account: Account, blueprint: Blueprint, *, vpc_id: pulumi.Input[str], jobs_port: int
    ) -> None:
        """Make the groups and their rules. `jobs_port` is where jobs reach the server."""
        super().__init__(name, account)
        self._account, self._vpc_id = account, vpc_id
        services = [service.name for service in blueprint.services]
        calling = [*services, "jobs"]
        listening = ["front", "jobs-front", "database", "share", *(["cache"] if blueprint.cache else [])]
        self._groups = {one: self._group(one) for one in (*listening, *calling)}
        for caller in calling:
            self._out(caller)
        for hop in hops(blueprint, services, jobs_port):
            self._allow(hop)
        self._balance(blueprint.web.name, blueprint.web.probe_port)
        self.finish()

    def group(self, name: str) -> pulumi.Output[str]:
        """Return the id of a group."""
        identity: pulumi.Output[str] = self._groups[name].id
        return identity

    def _group(self, name: str) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            name,
            name_prefix=f"{self._account.name}-{name}-",
            description=DESCRIPTIONS.get(name, f"The service {name}"),
            vpc_id=self._vpc_id,
            tags=self._account.named(name),
            opts=self.child(),
        )

    def _out(self, name: str) -> None:
        # Blocks call what their authors want: databases, web services, package indexes.
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-out",
            security_group_id=self.group(name),
            ip_protocol="-1",
            cidr_ipv4=ANYWHERE,
            description="Anything that a block calls",
            opts=self.child(),
        )

    def _allow(self, hop: Hop) -> None:
        aws.vpc.SecurityGroupIngressRule(
            hop.name,
            security_group_id=self.group(hop.to),
            ip_protocol="tcp",
            from_port=hop.port,
            to_port=hop.port,
            referenced_security_group_id=self.group(hop.group) if hop.group else None,
            cidr_ipv4=hop.network,
            description=f"From {hop.group or hop.network}",
            opts=self.child(),
        )

    def _balance(self, service: str, port: int) -> None:
        for balancer in ("front", "jobs-front"):
            aws.vpc.SecurityGroupEgressRule(
                f"{balancer}-{service}",
                security_group_id=self.group(balancer),
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                referenced_security_group_id=self.group(service),
                description=f"To {service}",
                opts=self.child(),
            )


DESCRIPTIONS = {
    "front": "The balancer that people open",
    "jobs-front": "The balancer that jobs call",
    "jobs": "Jobs that executors start",
    "database": "Postgres",
    "cache": "Redis",
    "share": "The NFS share",
}


def hops(blueprint: Blueprint, services: list[str], jobs_port: int) -> list[Hop]:
    """Return every hop that is let in."""
    found = [
        Hop(name=f"front-{port}-{network.replace('/', '-')}", to="front", port=port, network=network)
        for network in blueprint.front.allowed_cidrs
        for port in (HTTP, HTTPS)
    ]
    found.append(Hop(name="jobs-front-jobs", to="jobs-front", port=jobs_port, group="jobs"))
    web = blueprint.web
    found += [
        Hop(name=f"{web.name}-{one}", to=web.name, port=web.probe_port, group=one) for one in ("front", "jobs-front")
    ]
    stores = [("database", POSTGRES), ("share", NFS), *([("cache", REDIS)] if blueprint.cache else [])]
    found += [Hop(name=f"{to}-{one}", to=to, port=port, group=one) for to, port in stores for one in services]
    return found
