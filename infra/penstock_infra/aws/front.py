"""The balancer that people open: HTTPS alone, redirected from HTTP, with room for WebSockets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.domain import Zone
from penstock_infra.aws.firewall import HTTP, HTTPS
from penstock_platform.blueprint import FrontPlan, Probe
from penstock_platform.vocabulary import Exposure

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.2 and 1.3."""
STICKY_SECONDS = 86_400
DRAIN_SECONDS = 30
"""How long a leaving web server may finish its answers."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a balancer stands: the network, its outer subnets, and the balancer's own group."""

    account: Account
    vpc_id: pulumi.Input[str]
    subnets: Sequence[pulumi.Input[str]]
    group: pulumi.Input[str]


class Front(AwsComponent):
    """The balancer: `url`, `host` (its own name), `target_group_arn`, `ready` (what a service waits for)."""

    def __init__(
        self, name: str, placement: Placement, plan: FrontPlan, *, probe: Probe, certificate: pulumi.Input[str]
    ) -> None:
        """Make the balancer with its two listeners. An inner one stands in the same subnets, without addresses."""
        super().__init__(name, placement.account)
        balancer = aws.lb.LoadBalancer(
            "front",
            load_balancer_type="application",
            internal=plan.exposure is not Exposure.PUBLIC,
            subnets=list(placement.subnets),
            security_groups=[placement.group],
            idle_timeout=plan.idle_seconds,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            tags=placement.account.named("front"),
            opts=self.child(),
        )
        self.balancer = balancer
        self.host: pulumi.Output[str] = balancer.dns_name
        self.url = pulumi.Output.concat("https://", plan.domain or balancer.dns_name)
        group = target_group("web", placement, probe, sticky=True, opts=self.child())
        self.target_group_arn: pulumi.Output[str] = group.arn
        self.label: pulumi.Output[str] = pulumi.Output.format("{0}/{1}", balancer.arn_suffix, group.arn_suffix)
        self.balancer_suffix: pulumi.Output[str] = balancer.arn_suffix
        self.target_group_suffix: pulumi.Output[str] = group.arn_suffix
        secured = aws.lb.Listener(
            "https",
            load_balancer_arn=balancer.arn,
            port=HTTPS,
            protocol="HTTPS",
            ssl_policy=TLS_POLICY,
            certificate_arn=certificate,
            default_actions=[{"type": "forward", "target_group_arn": group.arn}],
            opts=self.child(),
        )
        redirected = aws.lb.Listener(
            "http",
            load_balancer_arn=balancer.arn,
            port=HTTP,
            protocol="HTTP",
            default_actions=[
                {"type": "redirect", "redirect": {"protocol": "HTTPS", "port": str(HTTPS), "status_code": "HTTP_301"}}
            ],
            opts=self.child(),
        )
        self.ready: list[pulumi.Resource] = [secured, redirected]
        self.finish(url=self.url)

    def publish(self, domain: str, zone: Zone) -> None:
        """Point the domain at the balancer."""
        alias(domain, zone.id, self.balancer, self.child())


def target_group(
    name: str, placement: Placement, probe: Probe, *, sticky: bool, opts: pulumi.ResourceOptions
) -> aws.lb.TargetGroup:
    """Return the containers behind a balancer.

    They are probed for life, not for readiness: ECS stops what its balancer finds unwell, and a database that fails
    over must not cost the web servers their lives.
    """
    return aws.lb.TargetGroup(
        name,
        vpc_id=placement.vpc_id,
        target_type="ip",
        port=probe.port,
        protocol="HTTP",
        deregistration_delay=DRAIN_SECONDS,
        load_balancing_algorithm_type="least_outstanding_requests",
        health_check={
            "path": probe.path,
            "port": "traffic-port",
            "protocol": "HTTP",
            "matcher": "200",
            "interval": probe.period_seconds,
            "timeout": probe.period_seconds // 2,
            "healthy_threshold": 2,
            "unhealthy_threshold": probe.failures,
        },
        stickiness={"enabled": sticky, "type": "lb_cookie", "cookie_duration": STICKY_SECONDS},
        tags=placement.account.named(name),
        opts=opts,
    )


def alias(domain: str, zone_id: pulumi.Input[str], balancer: aws.lb.LoadBalancer, opts: pulumi.ResourceOptions) -> None:
    """Make the record of a name that is a balancer's."""
    aws.route53.Record(
        domain,
        zone_id=zone_id,
        name=domain,
        type="A",
        aliases=[{"name": balancer.dns_name, "zone_id": balancer.zone_id, "evaluate_target_health": False}],
        opts=opts,
    )
