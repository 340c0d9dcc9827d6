"""What may reach each subnet: the rules of the network security groups, pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock_platform.blueprint import FrontPlan, NetworkPlan
from penstock_platform.vocabulary import Exposure

POSTGRES_PORTS = ("5432", "6432")
REDIS_PORT = 10000
EVERYONE = "0.0.0.0/0"
FRONT_PORTS = ("80", "443", "31080", "31443")
"""HTTP (redirected) and HTTPS, and the ports at which the environment's own proxy takes them behind its balancer."""
_LAST = 4096

Rule = dict[str, Any]


def rules_of(purpose: str, plan: NetworkPlan, front: FrontPlan) -> list[Rule]:
    """Return the rules of a subnet, in order of priority. What no rule allows is refused, also inside the network."""
    found = list(_ALLOWED[purpose](plan, front))
    numbered = [{**rule, "priority": 100 + 10 * index} for index, rule in enumerate(found)]
    # Azure's own default lets everything inside the network through. The apps' environment needs that.
    return (
        numbered
        if purpose == "apps"
        else [*numbered, {**_rule("nothing-else", "*", "*", "*", "Deny"), "priority": _LAST}]
    )


def _apps(plan: NetworkPlan, front: FrontPlan) -> Iterator[Rule]:
    if front.exposure is not Exposure.PUBLIC:
        return
    if EVERYONE in front.allowed_cidrs:
        yield _rule("clients", "Internet", cidr(plan, "apps"), FRONT_PORTS)
    else:
        rule = _rule("clients", "", cidr(plan, "apps"), FRONT_PORTS)
        del rule["source_address_prefix"]
        yield {**rule, "source_address_prefixes": list(front.allowed_cidrs)}


def _database(plan: NetworkPlan, _front: FrontPlan) -> Iterator[Rule]:
    yield _rule("apps", cidr(plan, "apps"), cidr(plan, "database"), POSTGRES_PORTS)
    # A server and its standby speak to each other inside their subnet.
    yield _rule("standby", cidr(plan, "database"), cidr(plan, "database"), POSTGRES_PORTS)


def _endpoints(plan: NetworkPlan, _front: FrontPlan) -> Iterator[Rule]:
    yield _rule("apps", cidr(plan, "apps"), cidr(plan, "endpoints"), ("443", "2049", str(REDIS_PORT)))
    # Jobs fetch and send files by signed URLs; neither share nor Redis is theirs.
    yield _rule("jobs", cidr(plan, "jobs"), cidr(plan, "endpoints"), ("443",))


def _jobs(_plan: NetworkPlan, _front: FrontPlan) -> Iterator[Rule]:
    yield from ()


_ALLOWED = {"apps": _apps, "database": _database, "endpoints": _endpoints, "jobs": _jobs}


def cidr(plan: NetworkPlan, purpose: str) -> str:
    """Return the range of the subnet of this purpose: on Azure there is one of each."""
    (subnet,) = plan.of(purpose)
    return subnet.cidr


def _rule(name: str, source: str, destination: str, ports: tuple[str, ...] | str, access: str = "Allow") -> Rule:
    where = {"destination_port_range": ports} if isinstance(ports, str) else {"destination_port_ranges": list(ports)}
    return {
        "name": name,
        "access": access,
        "direction": "Inbound",
        "protocol": "*" if access == "Deny" else "Tcp",
        "source_address_prefix": source,
        "source_port_range": "*",
        "destination_address_prefix": destination,
        **where,
    }
