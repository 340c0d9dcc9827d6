"""Who may speak to whom: nobody, and then what each component needs, where the network plugin knows policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component
from penstock_infra.kubernetes.pods import Object
from penstock_infra.kubernetes.scope import NAMESPACE_NAME, Scope
from penstock_platform.blueprint import Blueprint, ServicePlan
from penstock_platform.options import KubernetesOptions
from penstock_platform.vocabulary import Exposure, ServiceRole, SparkMode

DNS_PORT = 53
POSTGRES_PORT = 5432
REDIS_PORT = 6379
SOLVER_PORT = 8089
SOLVER = {"acme.cert-manager.io/http01-solver": "true"}
"""Pods by which cert-manager shows an issuer that the domain is ours."""
INTERNET: list[Object] = [
    # The clouds' metadata services answer on these: whoever reaches them may become the node.
    {"ip_block": {"cidr": "0.0.0.0/0", "except_": ["169.254.0.0/16"]}},
    {"ip_block": {"cidr": "::/0", "except_": ["fe80::/10", "fd00:ec2::254/128"]}},
]
DNS_PEERS: list[Object] = [
    {"namespace_selector": {"match_labels": {NAMESPACE_NAME: "kube-system"}}},
    # The node's own cache, where a cluster has one.
    {"ip_block": {"cidr": "169.254.20.10/32"}},
]
BACKUP = "database-backup"


class Policy(NamedTuple):
    """One NetworkPolicy: what it is for, the pods it is about (none: all), and what they may receive and send."""

    name: str
    selector: Object
    ingress: Sequence[Object] = ()
    egress: Sequence[Object] = ()


def to(peers: Sequence[Object], *ports: int) -> Object:
    """Return a rule of egress; no ports are all of them."""
    return {"to": list(peers), **_ports(ports)}


def of(peers: Sequence[Object], *ports: int) -> Object:
    """Return a rule of ingress; no peers are everyone."""
    return {**({"from_": list(peers)} if peers else {}), **_ports(ports)}


def _ports(ports: Sequence[int]) -> Object:
    return {"ports": [{"port": port, "protocol": "TCP"} for port in ports]} if ports else {}


def pods(scope: Scope, component: str) -> Object:
    """Return a component's pods, wherever the policy is."""
    return {
        "namespace_selector": {"match_labels": {NAMESPACE_NAME: scope.namespace}},
        "pod_selector": {"match_labels": scope.selector(component)},
    }


def everyone_in(namespace: str) -> Object:
    """Return all pods of a namespace."""
    return {"namespace_selector": {"match_labels": {NAMESPACE_NAME: namespace}}}


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """The two namespaces of a stack, and what its cluster has."""

    blueprint: Blueprint
    options: KubernetesOptions
    stack: Scope
    jobs: Scope


class Network(Component):
    """Every NetworkPolicy of a stack; `made` are the resources, which must be there before pods are."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Close both namespaces, then open what is needed."""
        super().__init__(name, opts)
        self.made = [self._policy(args.stack, policy) for policy in stack_policies(args)]
        self.made += [self._policy(args.jobs, policy, prefix="jobs-") for policy in jobs_policies(args)]
        self.finish()

    def _policy(self, scope: Scope, policy: Policy, prefix: str = "") -> pulumi.Resource:
        directions = [name for name, rules in (("Ingress", policy.ingress), ("Egress", policy.egress)) if rules]
        made: pulumi.Resource = k8s.networking.v1.NetworkPolicy(
            prefix + policy.name,
            metadata=scope.metadata(policy.name, component="network"),
            spec={
                "pod_selector": policy.selector,
                "policy_types": directions or ["Ingress", "Egress"],
                **({"ingress": list(policy.ingress)} if policy.ingress else {}),
                **({"egress": list(policy.egress)} if policy.egress else {}),
            },
            opts=self.child(scope.made),
        )
        return made


def _closed() -> Iterator[Policy]:
    yield Policy("default-deny", {})
    names: Object = {
        "to": DNS_PEERS,
        "ports": [{"port": DNS_PORT, "protocol": protocol} for protocol in ("UDP", "TCP")],
    }
    yield Policy("dns", {}, egress=[names])


def stack_policies(args: NetworkArgs) -> Iterator[Policy]:
    """Yield the policies of the stack's own namespace."""
    scope, blueprint = args.stack, args.blueprint
    yield from _closed()
    for service in blueprint.services:
        selector = {"match_labels": scope.selector(service.name)}
        yield Policy(service.name, selector, list(_received(args, service)), list(_sent(args, service)))
    users = [pods(scope, service.name) for service in blueprint.services]
    if blueprint.database.external_secret is None:
        backup = pods(scope, BACKUP)
        yield Policy("postgres", {"match_labels": scope.selector("postgres")}, [of([*users, backup], POSTGRES_PORT)])
        to_postgres = to([pods(scope, "postgres")], POSTGRES_PORT)
        yield Policy(BACKUP, {"match_labels": scope.selector(BACKUP)}, egress=[to_postgres])
    if blueprint.cache is not None and blueprint.cache.external_secret is None:
        yield Policy("redis", {"match_labels": scope.selector("redis")}, [of(users, REDIS_PORT)])
    if args.options.issuer and blueprint.front.exposure is not Exposure.PORT_FORWARD:
        yield Policy("certificate-solver", {"match_labels": SOLVER}, [of([], SOLVER_PORT)])


def _received(args: NetworkArgs, service: ServicePlan) -> Iterator[Object]:
    port = service.probe_port
    if service.serves_web:
        yield of([everyone_in(args.jobs.namespace)], port)
        if args.blueprint.front.exposure is not Exposure.PORT_FORWARD:
            controller = args.options.ingress_namespace
            # A balancer outside the cluster has no namespace, so without a name of one nobody can be singled out.
            yield of([everyone_in(controller)] if controller else [], port)
    scraper = args.options.prometheus_namespace
    yield of([everyone_in(scraper)] if scraper else [{"namespace_selector": {}}], port)


def _sent(args: NetworkArgs, service: ServicePlan) -> Iterator[Object]:
    blueprint, scope = args.blueprint, args.stack
    outside = blueprint.database.external_secret is not None
    if not outside:
        yield to([pods(scope, "postgres")], POSTGRES_PORT)
    if blueprint.cache is not None:
        if blueprint.cache.external_secret is None:
            yield to([pods(scope, "redis")], REDIS_PORT)
        else:
            outside = True
    # Blocks reach whatever they are written for; a web server runs none, and needs out only to data that is outside.
    if outside or service.role is not ServiceRole.WEB:
        yield to(INTERNET)


def jobs_policies(args: NetworkArgs) -> Iterator[Policy]:
    """Yield the policies of the jobs' namespace: to the server, to the world, and Spark's pods among themselves."""
    web = args.blueprint.web
    yield from _closed()
    server = to([pods(args.stack, web.name)], web.probe_port)
    yield Policy("jobs", {}, egress=[server, to(INTERNET)])
    if args.blueprint.spark.mode is not SparkMode.OFF:
        # Spark puts this label on the pods that it makes, and the driver's pod has it too.
        own: Object = {"match_expressions": [{"key": "spark-role", "operator": "Exists"}]}
        yield Policy("spark", own, [of([{"pod_selector": own}])], [to([{"pod_selector": own}])])
