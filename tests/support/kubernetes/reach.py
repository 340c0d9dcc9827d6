"""Who reaches whom under the NetworkPolicies of some manifests, worked out as a network plugin does."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from support.cluster.objects import Manifest, pod_template

NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Peer:
    """One end: a pod with its labels in a namespace, or an address outside the cluster."""

    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    address: str = ""

    def has(self, selector: Mapping[str, Any]) -> bool:
        """Whether a label selector finds the pod; the empty one finds all."""
        return matches(selector, dict(self.labels))


def pod_of(manifests: Iterable[Manifest], workload: str, namespace: str = "penstock") -> Peer:
    """Return a pod of a workload; LookupError when nothing of that name makes pods."""
    for manifest in manifests:
        template = pod_template(manifest)
        if template is not None and manifest["metadata"]["name"] == workload:
            return Peer(namespace, tuple(template["metadata"]["labels"].items()))
    raise LookupError(f"no workload {workload}")


def stranger(namespace: str, **labels: str) -> Peer:
    """Return a pod that is none of the stack's workloads."""
    return Peer(namespace, tuple(labels.items()))


def outside(address: str) -> Peer:
    """Return an address outside the cluster."""
    return Peer(address=address)


@dataclass(frozen=True)
class Reach:
    """The policies of a stack."""

    policies: tuple[Manifest, ...]

    @classmethod
    def of(cls, manifests: Iterable[Manifest]) -> Reach:
        return cls(tuple(one for one in manifests if one["kind"] == "NetworkPolicy"))

    def __call__(self, source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
        """Whether the source may send and the target may receive."""
        sends = self._allows("Egress", source, target, port, protocol)
        return sends and self._allows("Ingress", target, source, port, protocol)

    def _allows(self, direction: str, pod: Peer, other: Peer, port: int, protocol: str) -> bool:
        """Whether a pod's own policies let this through: all does while no policy is about it."""
        if pod.address:
            return True
        about = [
            one["spec"]
            for one in self.policies
            if one["metadata"]["namespace"] == pod.namespace
            and pod.has(one["spec"]["podSelector"])
            and direction in one["spec"].get("policyTypes", ["Ingress"])
        ]
        rules = [rule for spec in about for rule in spec.get(direction.lower()) or []]
        side = "from" if direction == "Ingress" else "to"
        allowed = any(
            port_fits(rule.get("ports"), port, protocol) and peer_fits(rule.get(side), other, pod.namespace)
            for rule in rules
        )
        return not about or allowed


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels fit a selector; expressions of Exists and In are known."""
    for expression in selector.get("matchExpressions") or []:
        value = labels.get(expression["key"])
        fits = {"Exists": value is not None, "In": value in expression.get("values", ())}
        if not fits[expression["operator"]]:
            return False
    return (selector.get("matchLabels") or {}).items() <= labels.items()


def port_fits(ports: Any, port: int, protocol: str) -> bool:
    return not ports or any((one["port"], one.get("protocol", "TCP")) == (port, protocol) for one in ports)


def peer_fits(peers: Any, other: Peer, home: str) -> bool:
    return not peers or any(one_fits(peer, other, home) for peer in peers)


def one_fits(peer: Mapping[str, Any], other: Peer, home: str) -> bool:
    """Whether a peer of a rule is this pod or address; blocks of addresses are taken to hold pods too."""
    if "ipBlock" in peer:
        return block_fits(peer["ipBlock"], other.address or "10.99.0.1")
    if other.address:
        return False
    if "namespaceSelector" not in peer:
        return other.namespace == home and other.has(peer["podSelector"])
    namespace = matches(peer["namespaceSelector"], {NAMESPACE_NAME: other.namespace})
    return namespace and other.has(peer.get("podSelector") or {})


def block_fits(block: Mapping[str, Any], text: str) -> bool:
    address = ipaddress.ip_address(text)
    holes = [ipaddress.ip_network(one) for one in block.get("except") or []]
    return address in ipaddress.ip_network(block["cidr"]) and not any(address in hole for hole in holes)
