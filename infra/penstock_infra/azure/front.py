"""The front: how the web service is reached, its own name and its certificate. Pure but for outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi

from penstock_infra.azure.traffic import EVERYONE
from penstock_platform.blueprint import Blueprint, FrontPlan, NetworkPlan, ServicePlan
from penstock_platform.vocabulary import Exposure

MANAGED = "managed"
"""The value of `certificate` with which Azure makes and renews one itself."""
PROXY_RANGE = "100.100.0.0/16"
"""Where the environment's own proxy has its addresses."""
SILENT_MINUTES = 4


@dataclass(frozen=True, kw_only=True)
class Front:
    """Addresses of the page: `host` is the platform's name, `url` what people open, `jobs_url` what jobs call."""

    host: pulumi.Output[str]
    url: pulumi.Output[str]
    jobs_url: pulumi.Output[str]


def front_of(blueprint: Blueprint, environment_domain: pulumi.Output[str]) -> Front:
    """Return the addresses: of the domain once there is a certificate for it, until then of the platform's name."""
    plan, web = blueprint.front, blueprint.web
    host = pulumi.Output.concat(web.name, ".", environment_domain)
    own_name = plan.domain is not None and plan.certificate is not None
    url = pulumi.Output.concat("https://", plan.domain if own_name and plan.domain else host)
    if plan.exposure is Exposure.PUBLIC:
        # The balancer is on the internet: jobs go to a port of the app that exists inside the environment alone.
        jobs_url = pulumi.Output.from_input(f"http://{web.name}:{web.web_port}")
    else:
        jobs_url = pulumi.Output.concat("https://", host)
    return Front(host=host, url=url, jobs_url=jobs_url)


def ingress_of(service: ServicePlan, front: FrontPlan, network: NetworkPlan) -> dict[str, Any] | None:
    """Return the ingress of a service; None for one that nobody reaches. HTTP is redirected to HTTPS."""
    if service.web_port is None:
        return None
    ingress = {
        # "External" is the internet in a public environment, and the network alone in a private one.
        "external": True,
        "target_port": service.web_port,
        "transport": "auto",
        "allow_insecure": False,
        "sticky_sessions": {"affinity": "sticky"},
        "traffic": [{"latest_revision": True, "weight": 100}],
        "ip_security_restrictions": list(_restrictions(front, network)) or None,
        "custom_domains": _domains(front),
    }
    if front.exposure is Exposure.PUBLIC:
        port = service.web_port
        ingress["additional_port_mappings"] = [{"external": False, "target_port": port, "exposed_port": port}]
    return ingress


def _restrictions(front: FrontPlan, network: NetworkPlan) -> Iterator[dict[str, str]]:
    """Allow these networks and, by that, nobody else; in a private environment jobs come the same way."""
    if EVERYONE in front.allowed_cidrs:
        return
    own = [network.cidr] if front.exposure is not Exposure.PUBLIC else []
    for index, cidr in enumerate((*front.allowed_cidrs, *own)):
        yield {"name": f"allowed-{index}", "action": "Allow", "ip_address_range": cidr}


def _domains(front: FrontPlan) -> list[dict[str, str]] | None:
    if front.domain is None or front.certificate is None:
        return None
    if front.certificate == MANAGED:
        return [{"name": front.domain, "binding_type": "Auto"}]
    return [{"name": front.domain, "binding_type": "SniEnabled", "certificate_id": front.certificate}]


def steps_to_reach(
    plan: FrontPlan, front: Front, address: pulumi.Output[str], verification: pulumi.Output[str]
) -> Iterator[pulumi.Output[str]]:
    """Yield what it takes to open the page, beyond its address."""
    if plan.exposure is not Exposure.PUBLIC:
        yield pulumi.Output.concat(
            "The page is at ", address, " inside the network alone: peer with it or use a VPN, and resolve ", front.host
        )
    if plan.domain is not None:
        yield pulumi.Output.concat(
            f"DNS of {plan.domain}: CNAME {plan.domain} to ", front.host, f"; TXT asuid.{plan.domain} = ", verification
        )
    if plan.domain is not None and plan.certificate is None:
        yield pulumi.Output.concat(
            f"Once both records are there: `pulumi config set penstock:certificate {MANAGED}` and `pulumi up`; until "
            f"then the page is at ",
            front.url,
        )
    yield pulumi.Output.from_input(
        f"Container Apps ends a connection that is silent for {SILENT_MINUTES} minutes; the page opens it again."
    )
