"""Rules between properties that Azure enforces and no type says, and the lengths of names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from support.engine.checking import Problem
from support.engine.facts import Inputs
from support.engine.wire import UNKNOWN, is_unknown

GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NAMES = {
    "app:ContainerApp": ("containerAppName", r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?"),
    "app:Job": ("jobName", r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?"),
    "authorization:RoleAssignment": ("roleAssignmentName", GUID),
    "authorization:RoleDefinition": ("roleDefinitionId", GUID),
    "containerregistry:Registry": ("registryName", r"[A-Za-z0-9]{5,50}"),
    "dbforpostgresql:Server": ("serverName", r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"),
    "keyvault:Secret": ("secretName", r"[A-Za-z0-9-]{1,127}"),
    "keyvault:Vault": ("vaultName", r"(?=.{3,24}$)[A-Za-z](-?[A-Za-z0-9])*"),
    "redisenterprise:RedisEnterprise": ("clusterName", r"(?=.{1,60}$)[A-Za-z0-9](-?[A-Za-z0-9])*"),
    "storage:StorageAccount": ("accountName", r"[a-z0-9]{3,24}"),
    "synapse:BigDataPool": ("bigDataPoolName", r"[A-Za-z][A-Za-z0-9]{0,14}"),
    "synapse:Workspace": ("workspaceName", r"[a-z0-9]{1,50}"),
}
DISKS = (32, 64, 128, 256, 512, 1024, 2048, 4095, 4096, 8192, 16384)
WINDOWS = {"PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60, "PT6H": 360, "PT12H": 720, "P1D": 1440}

Rule = Callable[[Inputs], Iterator[Problem]]


def known(value: Any) -> bool:
    """Whether a value is there and holds nothing unknown."""
    return value is not None and not is_unknown(value)


def at(inputs: Inputs, path: str) -> Any:
    value: Any = inputs
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def named(kind: str) -> Rule:
    """Return the rule of a type's names."""
    prop, form = NAMES[kind]

    def rule(inputs: Inputs) -> Iterator[Problem]:
        name = inputs.get(prop)
        if known(name) and not re.fullmatch(form, str(name)):
            yield Problem(prop, f"{name!r} is no name for it; it has to look like {form}")

    return rule


def storage_account(inputs: Inputs) -> Iterator[Problem]:
    sku = at(inputs, "sku.name")
    if known(sku) and (inputs.get("kind") == "FileStorage") != str(sku).startswith("Premium"):
        yield Problem("sku", f"{sku} does not go with kind {inputs.get('kind')}")
    if inputs.get("kind") == "FileStorage" and inputs.get("isHnsEnabled"):
        yield Problem("isHnsEnabled", "is not for file storage")


def file_share(inputs: Inputs) -> Iterator[Problem]:
    if inputs.get("shareQuota", 100) < 100:
        yield Problem("shareQuota", "must be at least 100 on premium storage")
    if inputs.get("rootSquash") is not None and inputs.get("enabledProtocols") != "NFS":
        yield Problem("rootSquash", "is for NFS shares alone")


def vault(inputs: Inputs) -> Iterator[Problem]:
    properties = inputs["properties"]
    if properties.get("enablePurgeProtection") is False:
        yield Problem("properties.enablePurgeProtection", "can be true or left out, never false")
    if not 7 <= properties.get("softDeleteRetentionInDays", 90) <= 90:
        yield Problem("properties.softDeleteRetentionInDays", "must be from 7 to 90")


def server(inputs: Inputs) -> Iterator[Problem]:
    mode, tier = at(inputs, "highAvailability.mode"), at(inputs, "sku.tier")
    if mode not in {None, "Disabled", UNKNOWN} and tier == "Burstable":
        yield Problem("highAvailability.mode", "High availability is not supported for Burstable servers")
    if known(size := at(inputs, "storage.storageSizeGB")) and size not in DISKS:
        yield Problem("storage.storageSizeGB", f"{size} is no disk; there are {', '.join(map(str, DISKS))}")
    if not 7 <= at(inputs, "backup.backupRetentionDays") <= 35:
        yield Problem("backup.backupRetentionDays", "must be from 7 to 35")
    if at(inputs, "network.delegatedSubnetResourceId") and at(inputs, "network.publicNetworkAccess") == "Enabled":
        yield Problem("network.publicNetworkAccess", "a server inside a network cannot be public")
    zone = at(inputs, "network.privateDnsZoneArmResourceId")
    if known(zone) and not str(zone).endswith(".postgres.database.azure.com"):
        yield Problem("network.privateDnsZoneArmResourceId", "the zone must end in .postgres.database.azure.com")


def subnet(inputs: Inputs) -> Iterator[Problem]:
    cidr = inputs.get("addressPrefix")
    if known(cidr) and inputs.get("delegations") and ip_network(str(cidr)).prefixlen > 27:
        yield Problem("addressPrefix", "a delegated subnet must be at least a /27")


def security_group(inputs: Inputs) -> Iterator[Problem]:
    rules = inputs.get("securityRules") or []
    priorities = [rule["priority"] for rule in rules]
    if len(set(priorities)) < len(priorities) or any(not 100 <= one <= 4096 for one in priorities):
        yield Problem("securityRules", "priorities must differ and be from 100 to 4096")
    for rule in rules:
        if bool(rule.get("sourceAddressPrefix")) == bool(rule.get("sourceAddressPrefixes")):
            yield Problem("securityRules", f"{rule['name']} needs one of sourceAddressPrefix and sourceAddressPrefixes")


def environment(inputs: Inputs) -> Iterator[Problem]:
    subnet_id = at(inputs, "vnetConfiguration.infrastructureSubnetId")
    if subnet_id is None and (inputs.get("zoneRedundant") or at(inputs, "vnetConfiguration.internal")):
        yield Problem("vnetConfiguration.infrastructureSubnetId", "is required for zones and for a private environment")


def sized(container: Mapping[str, Any], where: str) -> Iterator[Problem]:
    resources = container.get("resources") or {}
    cpu, memory = resources.get("cpu"), str(resources.get("memory"))
    if not cpu or cpu > 4 or (cpu * 4) % 1 or memory != f"{cpu * 2:g}Gi":
        yield Problem(where, f"{cpu} CPU with {memory} is no size: quarter cores up to 4, with two GiB a core")


def probed(container: Mapping[str, Any], where: str) -> Iterator[Problem]:
    limits = {"failureThreshold": (1, 10), "periodSeconds": (1, 240), "initialDelaySeconds": (0, 60)}
    for probe in container.get("probes") or []:
        for name, (least, most) in limits.items():
            if name in probe and not least <= probe[name] <= most:
                yield Problem(f"{where}.probes", f"{probe['type']}: {name} must be from {least} to {most}")


def mounted(template: Mapping[str, Any]) -> Iterator[Problem]:
    volumes = {volume["name"] for volume in template.get("volumes") or []}
    for container in (*(template.get("containers") or []), *(template.get("initContainers") or [])):
        for mount in container.get("volumeMounts") or []:
            if mount["volumeName"] not in volumes:
                yield Problem(
                    "template.volumes", f"{container['name']} mounts {mount['volumeName']}, which is not there"
                )


def secrets_of(inputs: Inputs) -> Iterator[Problem]:
    """Every reference names a secret of the app, and every secret is read as an identity that the app has."""
    secrets = at(inputs, "configuration.secrets") or []
    names = {secret["name"] for secret in secrets}
    identities = at(inputs, "identity.userAssignedIdentities") or []
    for container in at(inputs, "template.containers") or []:
        for variable in container.get("env") or []:
            if variable.get("secretRef") not in {None, *names}:
                yield Problem("template.containers", f"{variable['name']} refers to no secret of the app")
    for one in [*secrets, *(at(inputs, "configuration.registries") or [])]:
        if known(one.get("identity")) and known(identities) and one["identity"] not in identities:
            yield Problem(
                "configuration", f"{one.get('name') or one.get('server')} is read as an identity that is not the app's"
            )


def container_app(inputs: Inputs) -> Iterator[Problem]:
    template = inputs["template"]
    for container in template["containers"]:
        yield from sized(container, "template.containers")
        yield from probed(container, "template.containers")
    yield from mounted(template)
    yield from secrets_of(inputs)
    if template["scale"]["minReplicas"] > template["scale"]["maxReplicas"]:
        yield Problem("template.scale.minReplicas", "is above maxReplicas")
    if template.get("terminationGracePeriodSeconds", 30) > 600:
        yield Problem("template.terminationGracePeriodSeconds", "must be at most 600")
    yield from restricted(inputs)


def restricted(inputs: Inputs) -> Iterator[Problem]:
    ingress = at(inputs, "configuration.ingress") or {}
    if len({rule["action"] for rule in ingress.get("ipSecurityRestrictions") or []}) > 1:
        yield Problem("configuration.ingress.ipSecurityRestrictions", "must all allow, or all deny")
    if (
        at(ingress, "stickySessions.affinity") == "sticky"
        and at(inputs, "configuration.activeRevisionsMode") != "Single"
    ):
        yield Problem("configuration.ingress.stickySessions", "needs a single active revision")


def job(inputs: Inputs) -> Iterator[Problem]:
    for container in inputs["template"]["containers"]:
        yield from sized(container, "template.containers")
    yield from mounted(inputs["template"])
    yield from secrets_of(inputs)
    if at(inputs, "configuration.triggerType") == "Manual" and not at(inputs, "configuration.manualTriggerConfig"):
        yield Problem("configuration.manualTriggerConfig", "is required for a manual trigger")


def role_assignment(inputs: Inputs) -> Iterator[Problem]:
    if inputs.get("principalType") is None:
        yield Problem("principalId", "PrincipalNotFound: a fresh identity is not known yet; say its principalType")


def role_definition(inputs: Inputs) -> Iterator[Problem]:
    scopes, scope = inputs.get("assignableScopes") or [], inputs.get("scope")
    if known(scopes) and known(scope) and scope not in scopes:
        yield Problem("assignableScopes", "must hold the scope of the definition")


def workspace(inputs: Inputs) -> Iterator[Problem]:
    if not inputs.get("defaultDataLakeStorage"):
        yield Problem("defaultDataLakeStorage", "is required")
    if at(inputs, "defaultDataLakeStorage.createManagedPrivateEndpoint") and not inputs.get("managedVirtualNetwork"):
        yield Problem("managedVirtualNetwork", "is required for a managed private endpoint")


def pool(inputs: Inputs) -> Iterator[Problem]:
    if not 3 <= at(inputs, "autoScale.minNodeCount") <= at(inputs, "autoScale.maxNodeCount") <= 200:
        yield Problem("autoScale", "nodes must be from 3 to 200, the least not above the most")
    if not 5 <= at(inputs, "autoPause.delayInMinutes") <= 10080:
        yield Problem("autoPause.delayInMinutes", "must be from 5 to 10080")


def alert(inputs: Inputs) -> Iterator[Problem]:
    window, every = inputs.get("windowSize"), inputs.get("evaluationFrequency")
    if window not in WINDOWS or every not in WINDOWS or WINDOWS[every] > WINDOWS[window]:
        yield Problem("windowSize", f"{window} looked at every {every} cannot be; there are {', '.join(WINDOWS)}")


def diagnostics(inputs: Inputs) -> Iterator[Problem]:
    if not any(inputs.get(name) for name in ("workspaceId", "storageAccountId", "eventHubName")):
        yield Problem("workspaceId", "a diagnostic setting needs somewhere to send to")


def both(*rules: Rule) -> Rule:
    def rule(inputs: Inputs) -> Iterator[Problem]:
        for one in rules:
            yield from one(inputs)

    return rule


_BETWEEN: dict[str, Rule] = {
    "app:ContainerApp": container_app,
    "app:Job": job,
    "app:ManagedEnvironment": environment,
    "authorization:RoleAssignment": role_assignment,
    "authorization:RoleDefinition": role_definition,
    "dbforpostgresql:Server": server,
    "keyvault:Vault": vault,
    "monitor:DiagnosticSetting": diagnostics,
    "monitor:MetricAlert": alert,
    "monitor:ScheduledQueryRule": alert,
    "network:NetworkSecurityGroup": security_group,
    "network:Subnet": subnet,
    "storage:FileShare": file_share,
    "storage:StorageAccount": storage_account,
    "synapse:BigDataPool": pool,
    "synapse:Workspace": workspace,
}
RULES: dict[str, Rule] = {
    kind: both(*(named(kind) for _ in [0] if kind in NAMES), *(_BETWEEN[kind] for _ in [0] if kind in _BETWEEN))
    for kind in sorted({*NAMES, *_BETWEEN})
}
"""Every rule, by type."""
