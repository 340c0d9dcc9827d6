"""Ids on Azure: paths, each made of what a resource lies in and its own name."""

from __future__ import annotations

import re

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
TENANT = "00000000-0000-4000-8000-000000000002"

_OF_SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION}"
_IN_GROUP = f"{_OF_SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}/providers/"
_STORAGE = f"{_IN_GROUP}Microsoft.Storage/storageAccounts/{{accountName}}"
_POSTGRES = f"{_IN_GROUP}Microsoft.DBforPostgreSQL/flexibleServers/{{serverName}}"
_REDIS = f"{_IN_GROUP}Microsoft.Cache/redisEnterprise/{{clusterName}}"
_ZONE = f"{_IN_GROUP}Microsoft.Network/privateDnsZones/{{privateZoneName}}"
_APPS = f"{_IN_GROUP}Microsoft.App/managedEnvironments/{{environmentName}}"
_SYNAPSE = f"{_IN_GROUP}Microsoft.Synapse/workspaces/{{workspaceName}}"
_NETWORK = f"{_IN_GROUP}Microsoft.Network/"

PATHS: dict[str, str] = {
    "app:ContainerApp": f"{_IN_GROUP}Microsoft.App/containerApps/{{containerAppName}}",
    "app:Job": f"{_IN_GROUP}Microsoft.App/jobs/{{jobName}}",
    "app:ManagedEnvironment": _APPS,
    "app:ManagedEnvironmentsStorage": f"{_APPS}/storages/{{storageName}}",
    "authorization:RoleAssignment": "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
    "authorization:RoleDefinition": (
        f"{_OF_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{{roleDefinitionId}}"
    ),
    "consumption:Budget": "{scope}/providers/Microsoft.Consumption/budgets/{budgetName}",
    "containerregistry:Registry": f"{_IN_GROUP}Microsoft.ContainerRegistry/registries/{{registryName}}",
    "dbforpostgresql:Configuration": f"{_POSTGRES}/configurations/{{configurationName}}",
    "dbforpostgresql:Database": f"{_POSTGRES}/databases/{{databaseName}}",
    "dbforpostgresql:Server": _POSTGRES,
    "keyvault:Secret": f"{_IN_GROUP}Microsoft.KeyVault/vaults/{{vaultName}}/secrets/{{secretName}}",
    "keyvault:Vault": f"{_IN_GROUP}Microsoft.KeyVault/vaults/{{vaultName}}",
    "managedidentity:UserAssignedIdentity": (
        f"{_IN_GROUP}Microsoft.ManagedIdentity/userAssignedIdentities/{{resourceName}}"
    ),
    "monitor:ActionGroup": f"{_IN_GROUP}Microsoft.Insights/actionGroups/{{actionGroupName}}",
    "monitor:DiagnosticSetting": "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
    "monitor:MetricAlert": f"{_IN_GROUP}Microsoft.Insights/metricAlerts/{{ruleName}}",
    "monitor:ScheduledQueryRule": f"{_IN_GROUP}Microsoft.Insights/scheduledQueryRules/{{ruleName}}",
    "network:NatGateway": f"{_NETWORK}natGateways/{{natGatewayName}}",
    "network:NetworkSecurityGroup": f"{_NETWORK}networkSecurityGroups/{{networkSecurityGroupName}}",
    "network:PrivateDnsZoneGroup": (
        f"{_NETWORK}privateEndpoints/{{privateEndpointName}}/privateDnsZoneGroups/{{privateDnsZoneGroupName}}"
    ),
    "network:PrivateEndpoint": f"{_NETWORK}privateEndpoints/{{privateEndpointName}}",
    "network:PublicIPAddress": f"{_NETWORK}publicIPAddresses/{{publicIpAddressName}}",
    "network:Subnet": f"{_NETWORK}virtualNetworks/{{virtualNetworkName}}/subnets/{{subnetName}}",
    "network:VirtualNetwork": f"{_NETWORK}virtualNetworks/{{virtualNetworkName}}",
    "operationalinsights:Workspace": f"{_IN_GROUP}Microsoft.OperationalInsights/workspaces/{{workspaceName}}",
    "portal:Dashboard": f"{_IN_GROUP}Microsoft.Portal/dashboards/{{dashboardName}}",
    "privatedns:PrivateRecordSet": f"{_ZONE}/{{recordType}}/{{relativeRecordSetName}}",
    "privatedns:PrivateZone": _ZONE,
    "privatedns:VirtualNetworkLink": f"{_ZONE}/virtualNetworkLinks/{{virtualNetworkLinkName}}",
    "redisenterprise:Database": f"{_REDIS}/databases/{{databaseName}}",
    "redisenterprise:RedisEnterprise": _REDIS,
    "resources:ResourceGroup": f"{_OF_SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}",
    "storage:BlobContainer": f"{_STORAGE}/blobServices/default/containers/{{containerName}}",
    "storage:BlobServiceProperties": f"{_STORAGE}/blobServices/{{blobServicesName}}",
    "storage:FileServiceProperties": f"{_STORAGE}/fileServices/{{fileServicesName}}",
    "storage:FileShare": f"{_STORAGE}/fileServices/default/shares/{{shareName}}",
    "storage:ManagementPolicy": f"{_STORAGE}/managementPolicies/{{managementPolicyName}}",
    "storage:StorageAccount": _STORAGE,
    "synapse:BigDataPool": f"{_SYNAPSE}/bigDataPools/{{bigDataPoolName}}",
    "synapse:Workspace": _SYNAPSE,
}
"""The id of each resource type, with the inputs it is made of."""


def token(kind: str) -> str:
    """Return the engine's token of a type such as `storage:StorageAccount`."""
    return f"azure-native:{kind}"


def places(kind: str) -> list[str]:
    """Return the inputs that an id is made of, the resource's own name last."""
    return re.findall(r"\{(\w+)\}", PATHS[kind])
