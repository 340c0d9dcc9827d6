"""The front door: a load balancer under the operator's domain, or Cloud Run's own name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.checks import EVERYONE
from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import FrontPlan
from penstock_platform.vocabulary import Exposure

RANGES_PER_RULE = 10
"""The most networks that one rule of Cloud Armor takes."""
LAST_PRIORITY = 2_147_483_647

CLOUD_RUN_PROXY = "169.254.0.0/16"
"""Where Cloud Run's own proxy sits, inside each container's sandbox."""
GOOGLE_FRONT_ENDS = ("35.191.0.0/16", "130.211.0.0/22")
"""Google's front ends, which balancers speak from."""


@dataclass(frozen=True)
class Door:
    """How people come in: the address, Cloud Run's ingress, whose forwarded headers to believe, what it still takes."""

    url: str
    ingress: str
    proxies: pulumi.Input[str]
    reach: tuple[pulumi.Input[str], ...]


class Balancer(GcpComponent):
    """An external HTTPS load balancer; `address` is there first, and `open` leads it to a service."""

    needs = ("compute",)

    def __init__(self, site: Site, plan: FrontPlan) -> None:
        """Reserve the address."""
        super().__init__("balancer", site)
        self._plan = plan
        self.address = gcp.compute.GlobalAddress(
            "front", name=site.called("front"), address_type="EXTERNAL", ip_version="IPV4", opts=self.child()
        )

    def open(self, service: gcp.cloudrunv2.Service) -> None:
        """Serve this service by HTTPS, TLS 1.2 or newer, and redirect HTTP."""
        urls = gcp.compute.URLMap("web", default_service=self._backend(service).id, opts=self.child())
        policy = gcp.compute.SSLPolicy("tls", min_tls_version="TLS_1_2", profile="MODERN", opts=self.child())
        secure = gcp.compute.TargetHttpsProxy(
            "https",
            url_map=urls.id,
            ssl_certificates=[self._certificate()],
            ssl_policy=policy.id,
            opts=self.child(),
        )
        redirect = gcp.compute.URLMap(
            "redirect",
            default_url_redirect={
                "https_redirect": True,
                "redirect_response_code": "MOVED_PERMANENTLY_DEFAULT",
                "strip_query": False,
            },
            opts=self.child(),
        )
        plain = gcp.compute.TargetHttpProxy("http", url_map=redirect.id, opts=self.child())
        self._listen("https", secure.id, 443)
        self._listen("http", plain.id, 80)
        self.finish()

    def _backend(self, service: gcp.cloudrunv2.Service) -> gcp.compute.BackendService:
        group = gcp.compute.RegionNetworkEndpointGroup(
            "web",
            region=self.site.region,
            network_endpoint_type="SERVERLESS",
            cloud_run={"service": service.name},
            opts=self.child(),
        )
        wall = self._wall()
        return gcp.compute.BackendService(
            # No timeout: with Cloud Run behind it the service's own holds, for WebSockets too.
            "web",
            load_balancing_scheme="EXTERNAL_MANAGED",
            protocol="HTTPS",
            backends=[{"group": group.id}],
            security_policy=wall.id if wall is not None else None,
            log_config={"enable": True, "sample_rate": 1.0},
            opts=self.child(),
        )

    def _wall(self) -> gcp.compute.SecurityPolicy | None:
        """Return the policy that lets only allowedCidrs in; None where everyone is let in."""
        if self._plan.allowed_cidrs == EVERYONE:
            return None
        return gcp.compute.SecurityPolicy(
            "allowed",
            description="allowedCidrs, and nobody else.",
            rules=list(rules_of(self._plan.allowed_cidrs)),
            opts=self.child(),
        )

    def _certificate(self) -> pulumi.Input[str]:
        if self._plan.certificate:
            return self._plan.certificate
        made = gcp.compute.ManagedSslCertificate("front", managed={"domains": [self._plan.domain]}, opts=self.child())
        certificate: pulumi.Output[str] = made.id
        return certificate

    def _listen(self, name: str, target: pulumi.Input[str], port: int) -> None:
        gcp.compute.GlobalForwardingRule(
            name,
            target=target,
            ip_address=self.address.address,
            port_range=str(port),
            load_balancing_scheme="EXTERNAL_MANAGED",
            labels=self.site.labels,
            opts=self.child(),
        )


def rules_of(cidrs: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield the rules of a policy that lets these networks in and refuses the rest with 403."""
    for first in range(0, len(cidrs), RANGES_PER_RULE):
        yield _rule("allow", 1000 + first, list(cidrs[first : first + RANGES_PER_RULE]))
    yield _rule("deny(403)", LAST_PRIORITY, ["*"])


def _rule(action: str, priority: int, ranges: list[str]) -> dict[str, Any]:
    match = {"versioned_expr": "SRC_IPS_V1", "config": {"src_ip_ranges": ranges}}
    return {"action": action, "priority": priority, "match": match}


def door_of(site: Site, plan: FrontPlan, balancer: Balancer | None) -> Door:
    """Return how people come in; `balancer` is there exactly when the plan has a domain."""
    if balancer is not None:
        address = balancer.address.address
        return Door(
            url=f"https://{plan.domain}",
            ingress="INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
            proxies=pulumi.Output.concat(",".join((CLOUD_RUN_PROXY, *GOOGLE_FRONT_ENDS)), ",", address),
            reach=(
                pulumi.Output.concat(f"Point {plan.domain} (an A record) at ", address),
                *(() if plan.certificate else ("The certificate comes about an hour after the record is there.",)),
            ),
        )
    proxies = ",".join((CLOUD_RUN_PROXY, *GOOGLE_FRONT_ENDS))
    if plan.exposure is Exposure.PRIVATE:
        inside = f"The page answers inside the network {site.name} alone: from a machine in it, or through a VPN."
        return Door(site.web_url, "INGRESS_TRAFFIC_INTERNAL_ONLY", proxies, (inside,))
    return Door(site.web_url, "INGRESS_TRAFFIC_ALL", proxies, ())
