"""Rules for tags and labels: what is there says which stack it is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock_infra.policy.documents import document_of
from penstock_infra.policy.rule import Resource, Rule
from penstock_infra.policy.values import UNKNOWN

REQUIRED = ("app", "stack", "topology")
AZURE_TAGGED = (
    "azure-native:app:ContainerApp",
    "azure-native:app:Job",
    "azure-native:app:ManagedEnvironment",
    "azure-native:containerregistry:Registry",
    "azure-native:dbforpostgresql:Server",
    "azure-native:keyvault:Secret",
    "azure-native:keyvault:Vault",
    "azure-native:managedidentity:UserAssignedIdentity",
    "azure-native:monitor:ActionGroup",
    "azure-native:monitor:MetricAlert",
    "azure-native:monitor:ScheduledQueryRule",
    "azure-native:network:NatGateway",
    "azure-native:network:NetworkSecurityGroup",
    "azure-native:network:PrivateEndpoint",
    "azure-native:network:PublicIPAddress",
    "azure-native:network:VirtualNetwork",
    "azure-native:operationalinsights:Workspace",
    "azure-native:portal:Dashboard",
    "azure-native:privatedns:PrivateZone",
    "azure-native:privatedns:VirtualNetworkLink",
    "azure-native:redisenterprise:RedisEnterprise",
    "azure-native:resources:ResourceGroup",
    "azure-native:storage:StorageAccount",
    "azure-native:synapse:BigDataPool",
    "azure-native:synapse:Workspace",
)
"""What Azure lets carry tags, of what stacks are made of."""


def lacks(found: Any, where: str) -> Iterator[str]:
    """Yield the required tags that are not among those found."""
    if found is UNKNOWN:
        return
    missing = [name for name in REQUIRED if not (isinstance(found, Mapping) and found.get(name))]
    if missing:
        yield f"has no {' and no '.join(missing)}; set {where}"


def default_tags(resource: Resource) -> Iterator[str]:
    """The provider puts `app`, `stack` and `topology` on everything (`defaultTags`)."""
    given = _settings(resource.get("defaultTags"))
    tags = given.get("tags") if isinstance(given, Mapping) else given
    yield from lacks(tags, "defaultTags.tags of the provider")


def default_labels(resource: Resource) -> Iterator[str]:
    """The provider puts `app`, `stack` and `topology` on everything (`defaultLabels`)."""
    yield from lacks(_settings(resource.get("defaultLabels")), "defaultLabels of the provider")


def _settings(given: Any) -> Any:
    """Return a provider's setting: the engine writes an object as JSON."""
    return document_of(given) if isinstance(given, str) else given


def tags(resource: Resource) -> Iterator[str]:
    """`tags` hold `app`, `stack` and `topology`."""
    yield from lacks(resource.get("tags"), "tags")


def labels(resource: Resource) -> Iterator[str]:
    """`metadata.labels` hold `app`, `stack` and `topology`."""
    yield from lacks(resource.get("metadata.labels"), "metadata.labels")


LABELLED = Rule(
    "labelled",
    "Everything says of which stack it is, in its tags or labels.",
    {
        "pulumi:providers:aws": [default_tags],
        "pulumi:providers:gcp": [default_labels],
        **{kind: [tags] for kind in AZURE_TAGGED},
        "kubernetes:*": [labels],
    },
)

RULES = (LABELLED,)
