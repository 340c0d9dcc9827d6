"""The private address at which jobs reach the server: a balancer inside the network, under a name known only there."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import AwsComponent
from penstock_infra.aws.firewall import HTTP, HTTPS
from penstock_infra.aws.front import TLS_POLICY, Placement, alias, target_group
from penstock_platform.blueprint import Probe


@dataclass(frozen=True, kw_only=True)
class JobsAddress:
    """The name, and whether a certificate can be had for it: only below a domain that is in Route 53."""

    host: str
    encrypted: bool

    @property
    def port(self) -> int:
        """The port that jobs call."""
        return HTTPS if self.encrypted else HTTP

    @property
    def url(self) -> str:
        """PENSTOCK_JOBS_URL."""
        return f"{'https' if self.encrypted else 'http'}://{self.host}"


def jobs_address(name: str, domain: str | None, *, proven: bool) -> JobsAddress:
    """Return the address: `jobs.<domain>` where the stack makes certificates, else a name of the network."""
    return JobsAddress(host=f"jobs.{domain}" if proven else f"jobs.{name}.internal", encrypted=proven)


class JobsFront(AwsComponent):
    """The inner balancer: `target_group_arn`, `ready`."""

    def __init__(
        self,
        name: str,
        placement: Placement,
        address: JobsAddress,
        *,
        probe: Probe,
        certificate: pulumi.Input[str] | None,
    ) -> None:
        """Make the balancer, its listener, and the zone that only this network sees."""
        super().__init__(name, placement.account)
        balancer = aws.lb.LoadBalancer(
            "jobs",
            load_balancer_type="application",
            internal=True,
            subnets=list(placement.subnets),
            security_groups=[placement.group],
            drop_invalid_header_fields=True,
            tags=placement.account.named("jobs"),
            opts=self.child(),
        )
        group = target_group("jobs", placement, probe, sticky=False, opts=self.child())
        self.target_group_arn: pulumi.Output[str] = group.arn
        listener = aws.lb.Listener(
            "jobs",
            load_balancer_arn=balancer.arn,
            port=address.port,
            protocol="HTTPS" if address.encrypted else "HTTP",
            ssl_policy=TLS_POLICY if address.encrypted else None,
            certificate_arn=certificate if address.encrypted else None,
            default_actions=[{"type": "forward", "target_group_arn": group.arn}],
            opts=self.child(),
        )
        zone = aws.route53.Zone(
            "jobs",
            name=address.host,
            comment="Where jobs reach the server",
            vpcs=[{"vpc_id": placement.vpc_id}],
            force_destroy=True,
            opts=self.child(),
        )
        alias(address.host, zone.id, balancer, self.child())
        self.ready: list[pulumi.Resource] = [listener]
        self.finish()
