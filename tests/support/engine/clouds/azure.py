"""Azure as its stand-in knows it: ids, addresses, what cannot be changed, and what comes from outside the provider."""

from __future__ import annotations

import email.message
import io
import json
import urllib.request
import urllib.response
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from support.engine.clouds.azure_ids import PATHS, SUBSCRIPTION, TENANT, places, token
from support.engine.clouds.azure_rules import RULES
from support.engine.facts import CloudFacts, Inputs, Made

REGION = "westeurope"


def every(made: Made) -> dict[str, Any]:
    """What every resource has: an id that is a path, and its name."""
    kind = made.token.split(":", 1)[1]
    parts = {part: made.inputs[part] for part in places(kind)}
    return {"id": PATHS[kind].format_map(parts), "name": parts[places(kind)[-1]]}


def guid(made: Made, what: str) -> str:
    """Return a GUID that this object always has, another for each thing it has one for."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{made.seed}/{what}"))


def address(made: Made) -> dict[str, Any]:
    return {"ipAddress": f"20.31.0.{int(made.digest(2), 16)}"}


def environment(made: Made) -> dict[str, Any]:
    return {
        "defaultDomain": f"calmsea-{made.digest(8)}.{REGION}.azurecontainerapps.io",
        "staticIp": "10.40.0.250" if made.inputs["vnetConfiguration"].get("internal") else "20.31.1.1",
    }


def container_app(made: Made) -> dict[str, Any]:
    return {
        "customDomainVerificationId": made.digest(64).upper(),
        "latestRevisionName": f"{made.name}--0000001",
        **with_identities(made),
    }


def with_identities(made: Made) -> dict[str, Any]:
    """A list of identities goes in, a map with what they are comes out."""
    given = made.inputs["identity"]
    shown = {
        one: {"clientId": guid(made, one), "principalId": guid(made, one)} for one in given["userAssignedIdentities"]
    }
    return {"identity": {**given, "userAssignedIdentities": shown}}


def identity(made: Made) -> dict[str, Any]:
    return {"principalId": guid(made, "principal"), "clientId": guid(made, "client"), "tenantId": TENANT}


def registry(made: Made) -> dict[str, Any]:
    return {"loginServer": f"{made.inputs['registryName']}.azurecr.io"}


def server(made: Made) -> dict[str, Any]:
    return {"fullyQualifiedDomainName": f"{made.inputs['serverName']}.postgres.database.azure.com"}


def redis(made: Made) -> dict[str, Any]:
    return {"hostName": f"{made.inputs['clusterName']}.{REGION}.redis.azure.net"}


def vault(made: Made) -> dict[str, Any]:
    uri = f"https://{made.inputs['vaultName']}.vault.azure.net/"
    return {"properties": {**made.inputs["properties"], "vaultUri": uri}}


def secret(made: Made) -> dict[str, Any]:
    """A value never comes back; each value is a version of its own."""
    uri = f"https://{made.inputs['vaultName']}.vault.azure.net/secrets/{made.inputs['secretName']}"
    properties = made.inputs["properties"]
    version = uuid.uuid5(uuid.NAMESPACE_OID, f"{made.seed}/{properties['value']}").hex
    shown = {name: value for name, value in properties.items() if name != "value"}
    return {"properties": {**shown, "secretUri": uri, "secretUriWithVersion": f"{uri}/{version}"}}


def synapse(made: Made) -> dict[str, Any]:
    found = {"type": "SystemAssigned", "principalId": guid(made, "principal"), "tenantId": TENANT}
    return {
        "identity": found,
        "connectivityEndpoints": {"dev": f"https://{made.inputs['workspaceName']}.dev.azuresynapse.net"},
    }


OUTPUTS: dict[str, Callable[[Made], Mapping[str, Any]]] = {
    "app:ContainerApp": container_app,
    "app:Job": with_identities,
    "app:ManagedEnvironment": environment,
    "containerregistry:Registry": registry,
    "dbforpostgresql:Server": server,
    "keyvault:Secret": secret,
    "keyvault:Vault": vault,
    "managedidentity:UserAssignedIdentity": identity,
    "network:PublicIPAddress": address,
    "redisenterprise:RedisEnterprise": redis,
    "synapse:Workspace": synapse,
}

RESHAPED = {
    "app:ContainerApp": ("identity",),
    "app:Job": ("identity",),
    "keyvault:Secret": ("properties",),
    "keyvault:Vault": ("properties",),
    "synapse:Workspace": ("identity",),
}

FIXED: dict[str, tuple[str, ...]] = {
    "app:ContainerApp": ("environmentId",),
    "app:Job": ("environmentId",),
    "app:ManagedEnvironment": ("zoneRedundant", "vnetConfiguration", "infrastructureResourceGroup"),
    "authorization:RoleAssignment": ("principalId", "roleDefinitionId", "principalType"),
    "authorization:RoleDefinition": ("scope",),
    "consumption:Budget": ("timePeriod",),
    "dbforpostgresql:Server": ("administratorLogin", "network", "createMode"),
    "keyvault:Vault": (
        "properties.tenantId",
        "properties.enablePurgeProtection",
        "properties.softDeleteRetentionInDays",
    ),
    "network:NatGateway": ("sku", "zones"),
    "network:PrivateEndpoint": ("subnet", "privateLinkServiceConnections.privateLinkServiceId"),
    "network:PublicIPAddress": ("sku", "zones"),
    "network:Subnet": ("addressPrefix",),
    "redisenterprise:Database": ("port",),
    # Azure turns LRS into ZRS on request, in days, and never back: a program has to make another account.
    "storage:StorageAccount": ("kind", "isHnsEnabled", "sku.name"),
    "storage:FileShare": ("enabledProtocols",),
    "synapse:Workspace": (
        "managedVirtualNetwork",
        "defaultDataLakeStorage",
        "cspWorkspaceAdminProperties",
        "sqlAdministratorLogin",
        "managedResourceGroupName",
    ),
}
"""What a change of makes another object, besides its name, its place and its location."""

UNIQUE = {
    "containerregistry:Registry": "registryName",
    "dbforpostgresql:Server": "serverName",
    "keyvault:Vault": "vaultName",
    "redisenterprise:RedisEnterprise": "clusterName",
    "storage:StorageAccount": "accountName",
    "synapse:Workspace": "workspaceName",
}


def client_config(arguments: Inputs) -> Mapping[str, Any]:
    return {
        "clientId": "00000000-0000-4000-8000-000000000003",
        "objectId": "00000000-0000-4000-8000-000000000004",
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
    }


def client_token(arguments: Inputs) -> Mapping[str, Any]:
    return {"token": "an access token of whoever runs the stack"}


def redis_keys(arguments: Inputs) -> Mapping[str, Any]:
    """Keys are Base64: they hold what a URL must quote."""
    seed = f"{arguments['clusterName']}/{arguments['databaseName']}"
    key = uuid.uuid5(uuid.NAMESPACE_OID, seed).hex
    return {"primaryKey": f"{key}+/=", "secondaryKey": f"{key[::-1]}+/="}


class RegistryTokens(urllib.request.HTTPSHandler):
    """A registry gives its own token for an access token by HTTPS, past the provider: so does the stand-in."""

    def https_open(self, request: urllib.request.Request) -> Any:
        if not (request.host or "").endswith(".azurecr.io"):
            return super().https_open(request)
        answer = json.dumps({"refresh_token": "a token of the registry"}).encode()
        found = urllib.response.addinfourl(io.BytesIO(answer), email.message.Message(), request.full_url, 200)
        found.msg = "OK"  # type: ignore[attr-defined]
        return found


urllib.request.install_opener(urllib.request.build_opener(RegistryTokens))

FACTS = CloudFacts(
    outputs={"*": every, **{token(kind): made for kind, made in OUTPUTS.items()}},
    reshaped={token(kind): props for kind, props in RESHAPED.items()},
    replaces={"*": ["location"], **{token(kind): [*places(kind), *FIXED.get(kind, ())] for kind in PATHS}},
    # Every name is the program's, so an object cannot be beside the one that replaces it.
    deletes_first=[token(kind) for kind in PATHS],
    unique={token(kind): prop for kind, prop in UNIQUE.items()},
    rules={token(kind): rule for kind, rule in RULES.items()},
    invokes={
        "azure-native:authorization:getClientConfig": client_config,
        "azure-native:authorization:getClientToken": client_token,
        "azure-native:redisenterprise:listDatabaseKeys": redis_keys,
    },
    ids_are_paths=True,
)
