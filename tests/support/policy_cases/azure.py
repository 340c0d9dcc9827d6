"""Cases of the rules on Azure."""

from __future__ import annotations

from typing import Any

from penstock_infra.policy.labels import AZURE_TAGGED
from penstock_infra.policy.protection import HOLDING_DATA
from penstock_infra.policy.rule import ROOT
from support.policy_cases.cases import GONE, IMAGE, TAGS, Break, Clouds, Made, Mutation, StackCase, breaks

AZ = "azure-native"
SERVER = f"{AZ}:dbforpostgresql:Server"
SETTING = f"{AZ}:dbforpostgresql:Configuration"
DOOR = f"{AZ}:dbforpostgresql:FirewallRule"
CLUSTER = f"{AZ}:redisenterprise:RedisEnterprise"
REDIS = f"{AZ}:redisenterprise:Database"
FILES = f"{AZ}:storage:FileServiceProperties"
SHARE = f"{AZ}:storage:FileShare"
ACCOUNT = f"{AZ}:storage:StorageAccount"
CONTAINER = f"{AZ}:storage:BlobContainer"
VAULT = f"{AZ}:keyvault:Vault"
SECRET = f"{AZ}:keyvault:Secret"
GROUP = f"{AZ}:network:NetworkSecurityGroup"
RULE = f"{AZ}:network:SecurityRule"
SUBNET = f"{AZ}:network:Subnet"
WORKSPACE = f"{AZ}:synapse:Workspace"
POOL = f"{AZ}:synapse:BigDataPool"
APP = f"{AZ}:app:ContainerApp"
JOB = f"{AZ}:app:Job"
ENVIRONMENT = f"{AZ}:app:ManagedEnvironment"
CONTAINER_GROUP = f"{AZ}:containerinstance:ContainerGroup"
ROLE = f"{AZ}:authorization:RoleDefinition"
ASSIGNMENT = f"{AZ}:authorization:RoleAssignment"
REGISTRY = f"{AZ}:containerregistry:Registry"
LOGS = f"{AZ}:operationalinsights:Workspace"
SUBSCRIPTION = "/subscriptions/00000000-0000-4000-8000-000000000001"
BUILT_IN = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
LET_IN: dict[str, Any] = {
    "name": "clients",
    "access": "Allow",
    "direction": "Inbound",
    "protocol": "Tcp",
    "sourceAddressPrefix": "Internet",
    "destinationPortRanges": ["80", "443", "31443"],
}
RUNS: dict[str, Any] = {
    "containers": [
        {
            "name": "web",
            "image": IMAGE,
            "env": [{"name": "PENSTOCK_PORT", "value": "6789"}, {"name": "REDIS_URL", "secretRef": "redis-url"}],
        }
    ],
    "initContainers": [{"name": "folders", "image": "mcr.microsoft.com/azurelinux/base/core:3.0"}],
}
SINGLE: dict[str, dict[str, Any]] = {
    SERVER: {
        "network": {"publicNetworkAccess": "Disabled", "delegatedSubnetResourceId": "subnet"},
        "backup": {"backupRetentionDays": 14},
    },
    SETTING: {"configurationName": "require_secure_transport", "value": "on"},
    CLUSTER: {"minimumTlsVersion": "1.2", "publicNetworkAccess": "Disabled"},
    REDIS: {"clientProtocol": "Encrypted"},
    FILES: {"shareDeleteRetentionPolicy": {"enabled": True, "days": 14}},
    ACCOUNT: {
        "kind": "StorageV2",
        "allowBlobPublicAccess": False,
        "publicNetworkAccess": "Disabled",
        "networkRuleSet": {"defaultAction": "Deny"},
        "minimumTlsVersion": "TLS1_2",
        "enableHttpsTrafficOnly": True,
    },
    CONTAINER: {"publicAccess": "None"},
    VAULT: {
        "properties": {
            "enableRbacAuthorization": True,
            "enablePurgeProtection": True,
            "enableSoftDelete": True,
            "publicNetworkAccess": "Disabled",
        }
    },
    GROUP: {"securityRules": [LET_IN]},
    RULE: LET_IN,
    SUBNET: {"defaultOutboundAccess": False},
    WORKSPACE: {"publicNetworkAccess": "Disabled"},
    POOL: {"autoPause": {"enabled": True, "delayInMinutes": 15}, "autoScale": {"maxNodeCount": 5}},
    APP: {
        "configuration": {"ingress": {"external": True, "allowInsecure": False}},
        "template": {**RUNS, "scale": {"maxReplicas": 2}},
    },
    JOB: {"template": RUNS},
    CONTAINER_GROUP: {
        "containers": [
            {
                "name": "job",
                "image": IMAGE,
                "environmentVariables": [{"name": "PENSTOCK_JOBS_URL", "value": "http://web:6789"}],
            }
        ]
    },
    ENVIRONMENT: {"appLogsConfiguration": {"destination": "azure-monitor"}},
    ROLE: {"permissions": [{"actions": ["Microsoft.App/jobs/start/action"], "dataActions": []}]},
    ASSIGNMENT: {
        "roleDefinitionId": f"{BUILT_IN}/7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "principalType": "ServicePrincipal",
        "scope": f"{SUBSCRIPTION}/resourceGroups/penstock-1/providers/Microsoft.ContainerRegistry/registries/penstock1",
    },
    REGISTRY: {"adminUserEnabled": False, "anonymousPullEnabled": False},
    LOGS: {"retentionInDays": 30},
}
DATA = tuple(kind for kind in HOLDING_DATA if kind.startswith(AZ))
GOOD: dict[str, dict[str, Any]] = {kind: SINGLE.get(kind, {}) for kind in {*SINGLE, *DATA, *AZURE_TAGGED}}
GOOD |= {kind: {**GOOD[kind], "tags": TAGS} for kind in AZURE_TAGGED}

BREAKS: list[Break] = [
    *breaks(
        "database-private",
        SERVER,
        ("network.publicNetworkAccess", "Enabled", "publicNetworkAccess to Disabled"),
        ("network.delegatedSubnetResourceId", GONE, "delegatedSubnetResourceId"),
    ),
    Break("database-private", DOOR, "", None, "take this firewall rule away"),
    *breaks("database-encrypted", SETTING, ("value", "off", "set value to on")),
    *breaks("database-backed-up", SERVER, ("backup.backupRetentionDays", 1, "7 or more")),
    *breaks(
        "cache-guarded",
        CLUSTER,
        ("minimumTlsVersion", "1.0", "1.2"),
        ("publicNetworkAccess", "Enabled", "Disabled"),
    ),
    *breaks("cache-guarded", REDIS, ("clientProtocol", "Plaintext", "Encrypted")),
    *breaks(
        "share-backed-up",
        FILES,
        ("shareDeleteRetentionPolicy.enabled", False, "enabled to true"),
        ("shareDeleteRetentionPolicy.days", 1, "7 or more"),
    ),
    *breaks(
        "storage-closed",
        ACCOUNT,
        ("allowBlobPublicAccess", GONE, "allowBlobPublicAccess to false"),
        ("publicNetworkAccess", "Enabled", "Disabled"),
        ("networkRuleSet.defaultAction", "Allow", "Deny"),
        ("minimumTlsVersion", "TLS1_0", "TLS1_2"),
        ("enableHttpsTrafficOnly", False, "enableHttpsTrafficOnly to true"),
    ),
    *breaks("storage-closed", CONTAINER, ("publicAccess", "Blob", "None")),
    *breaks(
        "vault-guarded",
        VAULT,
        ("properties.enableRbacAuthorization", False, "enableRbacAuthorization to true"),
        ("properties.enablePurgeProtection", GONE, "enablePurgeProtection to true"),
        ("properties.enableSoftDelete", False, "enableSoftDelete to true"),
        ("properties.publicNetworkAccess", "Enabled", "Disabled"),
    ),
    *(Break("data-protected", kind, "protect", False, "set protect") for kind in DATA),
    Break("data-protected", SECRET, "protect", False, "set protect", name="encryption-key"),
    *breaks(
        "no-world-ingress",
        GROUP,
        ("securityRules[0].destinationPortRanges", ["22"], "clients"),
        ("securityRules[0].destinationPortRanges", GONE, "clients"),
    ),
    *breaks("no-world-ingress", RULE, ("destinationPortRanges", ["443", "5432"], "sourceAddressPrefix")),
    *breaks("no-public-address", WORKSPACE, ("publicNetworkAccess", "Enabled", "Disabled")),
    *breaks("no-public-address", CONTAINER_GROUP, ("ipAddress.type", "Public", "ipAddress.type to Private")),
    *breaks("no-public-address", SUBNET, ("defaultOutboundAccess", GONE, "defaultOutboundAccess to false")),
    *breaks("front-by-tls", APP, ("configuration.ingress.allowInsecure", True, "allowInsecure to false")),
    *breaks(
        "sign-in-in-front",
        APP,
        ("template.containers[0].env[+]", {"name": "PENSTOCK_AUTH_MODE", "value": "none"}, "PENSTOCK_AUTH_MODE"),
    ),
    *breaks(
        "no-wildcard-action",
        ROLE,
        ("permissions[0].actions", ["Microsoft.App/*"], "Microsoft.App/*"),
        ("permissions[0].dataActions", ["*"], "single actions"),
    ),
    *breaks(
        "no-primitive-role",
        ASSIGNMENT,
        ("roleDefinitionId", f"{BUILT_IN}/b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    ),
    *breaks(
        "narrow-grants",
        ASSIGNMENT,
        ("scope", SUBSCRIPTION, "whole subscription"),
        ("scope", f"{SUBSCRIPTION}/resourceGroups/penstock-1", "everything in penstock-1"),
        ("principalType", GONE, "set principalType"),
    ),
    *(
        Break("no-plain-secret", kind, f"template.containers[0].env[0].{name}", value, says)
        for kind in (APP, JOB)
        for name, value, says in (("value", "postgresql://u:p@h/d", "URL with a password"),)
    ),
    *breaks(
        "no-plain-secret",
        CONTAINER_GROUP,
        ("containers[0].environmentVariables[+]", {"name": "JOB_TOKEN", "value": "s3cr3t"}, "JOB_TOKEN"),
    ),
    *(
        Break("image-by-digest", kind, path, "docker.io/library/alpine:3", "by digest")
        for kind, path in (
            (APP, "template.initContainers[0].image"),
            (JOB, "template.containers[0].image"),
            (CONTAINER_GROUP, "containers[0].image"),
        )
    ),
    *breaks(
        "registry-closed",
        REGISTRY,
        ("adminUserEnabled", True, "adminUserEnabled to false"),
        ("anonymousPullEnabled", True, "anonymousPullEnabled to false"),
    ),
    *(Break("labelled", kind, "tags.app", GONE, "has no app") for kind in AZURE_TAGGED),
    *breaks("logs-kept", LOGS, ("retentionInDays", GONE, "retentionInDays")),
    *breaks("logs-kept", ENVIRONMENT, ("appLogsConfiguration", GONE, "azure-monitor")),
    *breaks(
        "spark-stops",
        POOL,
        ("autoPause.enabled", False, "enabled to true"),
        ("autoPause.delayInMinutes", 900, "60 or less"),
        ("autoScale.maxNodeCount", 200, "51 or less"),
    ),
    *breaks("copies-capped", APP, ("template.scale.maxReplicas", 100, "50 or less")),
]
BAD = {DOOR: {"startIpAddress": "0.0.0.0", "endIpAddress": "255.255.255.255"}}
STACKS = [
    StackCase(
        "database-survives",
        [Made(ROOT, "dev", {}, {"topology": "ha"}), Made(SERVER, "s", {}, {"highAvailability": {"mode": "SameZone"}})],
        Mutation(SERVER, "highAvailability.mode", "Disabled"),
        "ZoneRedundant",
    ),
    StackCase("share-kept", [Made(SHARE, "share", {}, {}), Made(FILES, "f", {}, {})], Mutation(FILES), "gone at once"),
]
AZURE = Clouds(GOOD, BREAKS, STACKS, BAD)
