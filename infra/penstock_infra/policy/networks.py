"""Rules for the network: nothing listens to the world but the balancer, and nothing has a public address."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_infra.policy.rule import Resource, Rule, Stack, StackRule
from penstock_infra.policy.values import ABSENT, FALSE, NOT_TRUE, TRUE, UNKNOWN, Kind, Must, Part, number, one_of

WORLD = frozenset({"0.0.0.0/0", "::/0", "*", "Internet", "Any", "any"})
FRONT_PORTS = frozenset({80, 443})
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
FIREWALL = "gcp:compute/firewall:Firewall"
SECURITY_GROUP = "azure-native:network:NetworkSecurityGroup"
SECURITY_RULE = "azure-native:network:SecurityRule"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
NAMESPACE = "kubernetes:core/v1:Namespace"
PROXY_PORTS = frozenset({31080, 31443})
"""Where the proxy of a Container Apps environment takes HTTP and HTTPS behind its own balancer."""


def ports_of_rule(resource: Resource) -> Iterator[str]:
    """A rule that lets the world in is for port 80 or 443 alone."""
    sources = {resource.text("cidrIpv4"), resource.text("cidrIpv6")} & WORLD
    if sources and not _alone(resource.get("fromPort"), resource.get("toPort")):
        yield f"lets {_and(sources)} in; name a network or a group, or open 80 or 443 of the balancer's group alone"


def _alone(first: object, last: object) -> bool:
    return UNKNOWN in (first, last) or (first == last and number(first) in FRONT_PORTS)


def _and(values: set[str] | frozenset[str]) -> str:
    return " and ".join(sorted(values))


def no_inline_world(resource: Resource) -> Iterator[str]:
    """`ingress` lets no world in: what the world may reach is a rule of its own."""
    for rule in resource.each("ingress"):
        sources = {*rule.texts("cidrBlocks"), *rule.texts("ipv6CidrBlocks")} & WORLD
        if sources:
            yield f"{rule.at} lets {_and(sources)} in; take it out"


def no_old_world(resource: Resource) -> Iterator[str]:
    """There is no rule of the old kind that lets the world in."""
    sources = {*resource.texts("cidrBlocks"), *resource.texts("ipv6CidrBlocks")} & WORLD
    if resource.text("type") == "ingress" and sources:
        yield f"lets {_and(sources)} in; take it out"


def no_google_world(resource: Resource) -> Iterator[str]:
    """No rule of the network lets the world in: people come by Google's front ends, which need none."""
    outward = resource.text("direction") == "EGRESS" or not resource.get("allows")
    sources = set(resource.texts("sourceRanges")) & WORLD
    if not outward and sources:
        yield f"lets {_and(sources)} in; name networks in sourceRanges"


def ports_of_group(resource: Resource) -> Iterator[str]:
    """What lets the internet in is for 80 and 443 alone, and the ports of Azure's own proxy behind its balancer."""
    for rule in resource.each("securityRules"):
        yield from _azure_rule(rule)


def ports_of_security_rule(resource: Resource) -> Iterator[str]:
    """What lets the internet in is for 80 and 443 alone, and the ports of Azure's own proxy behind its balancer."""
    yield from _azure_rule(resource.whole)


def _azure_rule(rule: Part) -> Iterator[str]:
    inward = rule.text("access") == "Allow" and rule.text("direction") == "Inbound"
    sources = {*rule.texts("sourceAddressPrefix"), *rule.texts("sourceAddressPrefixes")} & WORLD
    hidden = any(rule.hides(path) for path in ("destinationPortRange", "destinationPortRanges"))
    ports = {number(port) for port in (*rule.texts("destinationPortRange"), *rule.texts("destinationPortRanges"))}
    if inward and sources and not hidden and not (ports and ports <= FRONT_PORTS | PROXY_PORTS):
        name = rule.text("name") or rule.at
        yield f"rule {name} lets {_and(sources)} in; name networks in sourceAddressPrefix, or open 80 and 443 alone"


def no_cluster_world(resource: Resource) -> Iterator[str]:
    """`spec.ingress` names no network of the whole world, and who is not named reaches single ports alone."""
    for rule in resource.each("spec.ingress"):
        for peer in rule.each("from"):
            if peer.text("ipBlock.cidr") in WORLD:
                yield f"{peer.at} lets {peer.text('ipBlock.cidr')} in; name pods or namespaces"
        if rule.get("from") is None and rule.get("ports") is None:
            yield f"{rule.at} lets everybody reach every port; name peers in from, or ports"


INGRESS = Rule(
    "no-world-ingress",
    "Nothing lets the whole world in but ports 80 and 443 of the balancer.",
    {
        INGRESS_RULE: [ports_of_rule],
        GROUP: [no_inline_world],
        OLD_RULE: [no_old_world],
        FIREWALL: [no_google_world],
        SECURITY_GROUP: [ports_of_group],
        SECURITY_RULE: [ports_of_security_rule],
        NETWORK_POLICY: [no_cluster_world],
    },
)

INSIDE = Kind("ClusterIP", lambda value: value in (None, "ClusterIP"))
PRIVATE = Kind("Private", lambda value: value in (None, "Private"))

ADDRESSES = Rule(
    "no-public-address",
    "Neither processes nor data have a public address.",
    {
        "aws:ecs/service:Service": [
            Must("networkConfiguration.assignPublicIp", NOT_TRUE, "its tasks have public addresses")
        ],
        "aws:ec2/subnet:Subnet": [Must("mapPublicIpOnLaunch", NOT_TRUE, "machines in it get public addresses")],
        "aws:ec2/instance:Instance": [Must("associatePublicIpAddress", FALSE, "the machine has a public address")],
        "gcp:compute/instance:Instance": [
            Must("networkInterfaces.accessConfigs", ABSENT, "the machine has a public address")
        ],
        "gcp:dataproc/cluster:Cluster": [
            Must("clusterConfig.gceClusterConfig.internalIpOnly", TRUE, "its machines have public addresses"),
            Must("clusterConfig.endpointConfig.enableHttpPortAccess", NOT_TRUE, "its pages are on the internet"),
        ],
        "azure-native:synapse:Workspace": [
            Must("publicNetworkAccess", one_of("Disabled"), "the workspace answers on the internet")
        ],
        "azure-native:containerinstance:ContainerGroup": [
            Must("ipAddress.type", PRIVATE, "its containers have a public address")
        ],
        "azure-native:network:Subnet": [
            Must("defaultOutboundAccess", FALSE, "machines in it may use an address that nobody knows")
        ],
        "kubernetes:core/v1:Service": [
            Must("spec.type", INSIDE, "it opens a port outside the cluster"),
            Must("spec.externalIPs", ABSENT, "it answers at addresses outside the cluster"),
        ],
    },
    exceptions=("Addresses of NAT gateways and of balancers: that is what those are for.",),
)


def only_at_the_balancer(stack: Stack) -> Iterator[str]:
    """What lets the world in is a rule of the group of a balancer: of the public one, where there is one."""
    outer = [one for one in stack.of(BALANCER) if one.get("internal") is not True]
    balancers = outer or stack.of(BALANCER)
    rules = [one for one in stack.of(INGRESS_RULE) if {one.text("cidrIpv4"), one.text("cidrIpv6")} & WORLD]
    if any(one.whole.hides("securityGroups") for one in balancers) or not stack.knows(rules, "securityGroupId"):
        return
    fronts = {group for one in balancers for group in one.texts("securityGroups")}
    for rule in rules:
        if rule.text("securityGroupId") not in fronts:
            yield rule.told("the group that lets the world in is not the balancer's; take the rule away")


def namespaces_closed(stack: Stack) -> Iterator[str]:
    """Each namespace has a NetworkPolicy for all its pods that lets nothing in and nothing out."""
    policies = stack.of(NETWORK_POLICY)
    if not all(stack.knows(policies, path) for path in CLOSING):
        return
    closed = {policy.text("metadata.namespace") for policy in policies if _closes(policy)}
    for namespace in stack.of(NAMESPACE):
        name = namespace.text("metadata.name")
        if name and name not in closed:
            yield namespace.told(
                "its pods may speak to anybody; add a NetworkPolicy with an empty podSelector and no rules"
            )


CLOSING = ("metadata.namespace", "spec.podSelector.matchLabels", "spec.policyTypes", "spec.ingress", "spec.egress")


def _closes(policy: Resource) -> bool:
    selector = policy.get("spec.podSelector", {})
    everyone = not any(selector.values()) if isinstance(selector, dict) else False
    both = policy.whole.hides("spec.policyTypes") or {"Ingress", "Egress"} <= set(policy.texts("spec.policyTypes"))
    return everyone and both and not policy.get("spec.ingress") and not policy.get("spec.egress")


CLOSED = StackRule(
    "network-closed",
    "The world reaches the balancer and nothing else; pods reach what they are allowed to.",
    {"aws": [only_at_the_balancer], "kubernetes": [namespaces_closed]},
)

RULES = (INGRESS, ADDRESSES)
STACK_RULES = (CLOSED,)
