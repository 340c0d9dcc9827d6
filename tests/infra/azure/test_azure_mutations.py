"""One property broken at a time, in what a whole stack was made of: the cloud or the policy must say so."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from penstock_infra.policy.rule import Resource
from penstock_infra.policy.rules import RULES
from support.engine.behaviour import Behaviour
from support.engine.clouds.azure_access import may
from support.engine.clouds.azure_ids import token
from support.engine.world import World

GONE = object()
CONFIG = {"protectData": True, "topology": "autoscale"}


@dataclass(frozen=True)
class Mutation:
    """Which object (type and name), what is put where (`a.b[0].c`; GONE takes it away), and what must be said."""

    name: str
    kind: str
    of: str
    path: str
    value: Any
    complaint: str


MUTATIONS = [
    Mutation("public database", "dbforpostgresql:Server", "server", "network.publicNetworkAccess", "Enabled", "public"),
    Mutation("two zones on a burstable", "dbforpostgresql:Server", "server", "sku.tier", "Burstable", "not supported"),
    Mutation("too few backups", "dbforpostgresql:Server", "server", "backup.backupRetentionDays", 3, "from 7 to 35"),
    Mutation("no TLS to Postgres", "dbforpostgresql:Configuration", "require-tls", "value", "off", "TLS"),
    Mutation("plain Redis", "redisenterprise:Database", "redis", "clientProtocol", "Plaintext", "TLS"),
    Mutation(
        "public Redis", "redisenterprise:RedisEnterprise", "cluster",
        "publicNetworkAccess", "Enabled", "internet",
    ),
    Mutation("public blobs", "storage:StorageAccount", "objects", "allowBlobPublicAccess", True, "public"),
    Mutation("open account", "storage:StorageAccount", "objects", "publicNetworkAccess", "Enabled", "internet"),
    Mutation("public container", "storage:BlobContainer", "container", "publicAccess", "Blob", "public"),
    Mutation("vault without roles", "keyvault:Vault", "vault", "properties.enableRbacAuthorization", False, "Rbac"),
    Mutation("vault that can be purged", "keyvault:Vault", "vault", "properties.enablePurgeProtection", GONE, "urge"),
    Mutation("admin user", "containerregistry:Registry", "registry", "adminUserEnabled", True, "admin"),
    Mutation(
        "database port open to the world", "network:NetworkSecurityGroup", "database-traffic",
        "securityRules[0].sourceAddressPrefix", "*", "lets * in",
    ),
    Mutation("tiny subnet", "network:Subnet", "apps", "addressPrefix", "10.40.0.0/28", "at least a /27"),
    Mutation("plain HTTP", "app:ContainerApp", "web", "configuration.ingress.allowInsecure", True, "allowInsecure"),
    Mutation(
        "image by tag", "app:ContainerApp", "scheduler",
        "template.containers[0].image", "penstock:latest", "digest",
    ),
    Mutation(
        "wildcard", "authorization:RoleDefinition", "run-jobs",
        "permissions[0].actions[0]", "Microsoft.App/*", "*",
    ),
    Mutation(
        "no principal type", "authorization:RoleAssignment", "job-image",
        "principalType", GONE, "PrincipalNotFound",
    ),
    Mutation("pool that never stops", "synapse:BigDataPool", "pool", "autoPause.enabled", False, "autoPause"),
    Mutation("open workspace", "synapse:Workspace", "workspace", "publicNetworkAccess", "Enabled", "internet"),
    Mutation("no such size", "app:ContainerApp", "web", "template.containers[0].resources.memory", "4Gi", "is no size"),
    Mutation(
        "impatient probe", "app:ContainerApp", "web",
        "template.containers[0].probes[0].failureThreshold", 60, "1 to 10",
    ),
    Mutation("no such volume", "app:Job", "job-small", "template.volumes", [], "which is not there"),
    Mutation(
        "somebody else's identity", "app:ContainerApp", "web",
        "configuration.secrets[0].identity", "/other", "not the app's",
    ),
    Mutation(
        "two addresses in a rule", "network:NetworkSecurityGroup", "jobs-traffic",
        "securityRules[0].sourceAddressPrefixes", ["10.0.0.0/8"], "needs one of",
    ),
    Mutation(
        "NFS on standard storage", "storage:StorageAccount", "files",
        "sku.name", "Standard_ZRS", "does not go with",
    ),
    Mutation(
        "no zones without a network", "app:ManagedEnvironment", "environment",
        "vnetConfiguration.infrastructureSubnetId", GONE, "is required for zones",
    ),
    Mutation("untagged", "storage:StorageAccount", "objects", "tags", GONE, "tag"),
    Mutation("a disk that there is not", "dbforpostgresql:Server", "server", "storage.storageSizeGB", 20, "is no disk"),
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(made):
    return made("autoscale")


def put(inputs: Any, path: str, value: Any) -> None:
    """Put a value at a path; every part of the path but the last must be there."""
    *parts, last = [int(p) if p.isdigit() else p for p in path.replace("[", ".").replace("]", "").split(".")]
    for part in parts:
        inputs = inputs[part]
    if value is GONE:
        del inputs[last]
    else:
        inputs[last] = value


def complaints(kind: str, name: str, inputs: dict[str, Any], *, protect: bool) -> list[str]:
    """Return what the cloud and the policy say of a resource."""
    refused = [f"{one.path} {one.reason}" for one in Behaviour(World()).problems(token(kind), inputs)]
    resource = Resource(token(kind), name, inputs, protect=protect, config=CONFIG)
    return [*refused, *(said for rule in RULES for said in rule.complaints(resource))]


def test_nothing_is_said_of_a_stack_as_it_is_made(whole):
    protected = {one.urn for one in whole.state if one.protect}
    said = [
        complaint
        for one in whole.world.objects.values()
        if one.token.startswith("azure-native:")
        for complaint in complaints(one.token.split(":", 1)[1], one.name, one.inputs, protect=one.urn in protected)
    ]
    assert said == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_is_broken_is_noticed(whole, mutation):
    one = whole.one(mutation.kind, mutation.of)
    protect = any(kept.urn == one.urn and kept.protect for kept in whole.state)
    inputs = copy.deepcopy(one.inputs)
    put(inputs, mutation.path, mutation.value)
    found = complaints(mutation.kind, mutation.of, inputs, protect=protect)
    assert [said for said in found if mutation.complaint in said], found


@pytest.mark.parametrize("kind", ["dbforpostgresql:Server", "storage:FileShare", "keyvault:Vault"])
def test_data_that_is_not_protected_is_noticed(whole, kind):
    one = whole.one(kind)
    found = complaints(kind, one.name, one.inputs, protect=False)
    assert [said for said in found if "not protected" in said], found


def test_a_plain_secret_is_noticed(whole):
    one = whole.one("app:ContainerApp", "web")
    inputs = copy.deepcopy(one.inputs)
    variables = inputs["template"]["containers"][0]["env"]
    (password,) = [variable for variable in variables if variable["name"] == "PENSTOCK_DB_PASSWORD"]
    del password["secretRef"]
    password["value"] = "hunter2"
    found = complaints("app:ContainerApp", "web", inputs, protect=False)
    assert [said for said in found if "PENSTOCK_DB_PASSWORD" in said], found


@pytest.mark.parametrize(
    ("missing", "action", "kind", "name"),
    [
        ("scheduler-job-small", "Microsoft.App/jobs/start/action", "app:Job", "job-small"),
        ("scheduler-subnet", "Microsoft.Network/virtualNetworks/subnets/join/action", "network:Subnet", "jobs"),
    ],
)
def test_a_role_that_is_missing_is_noticed(whole, missing, action, kind, name):
    scheduler = whole.one("managedidentity:UserAssignedIdentity", "scheduler").outputs["principalId"]
    broken = World(objects={key: one for key, one in whole.world.objects.items() if one.name != missing})
    assert len(broken.objects) == len(whole.world.objects) - 1
    assert may(whole.world, scheduler, action, whole.one(kind, name).id)
    assert not may(broken, scheduler, action, whole.one(kind, name).id)
