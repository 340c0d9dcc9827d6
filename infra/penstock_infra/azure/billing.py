"""What each resource type costs: the id of a line of the estimate, or a mark that there is none."""

from __future__ import annotations

from collections.abc import Mapping

from penstock_infra.billing import FREE, by_use

BILLING: Mapping[str, str] = {
    "azure-native:app:ContainerApp": "web",
    "azure-native:app:Job": by_use("CPU and memory while a job runs"),
    "azure-native:app:ManagedEnvironment": FREE,
    "azure-native:app:ManagedEnvironmentsStorage": FREE,
    "azure-native:authorization:RoleAssignment": FREE,
    "azure-native:authorization:RoleDefinition": FREE,
    "azure-native:consumption:Budget": FREE,
    "azure-native:containerregistry:Registry": "registry",
    "azure-native:dbforpostgresql:Configuration": FREE,
    "azure-native:dbforpostgresql:Database": FREE,
    "azure-native:dbforpostgresql:Server": "database",
    "azure-native:keyvault:Secret": by_use("ten thousand reads"),
    "azure-native:keyvault:Vault": "secrets",
    "azure-native:managedidentity:UserAssignedIdentity": FREE,
    "azure-native:monitor:ActionGroup": by_use("mails after the first thousand"),
    "azure-native:monitor:DiagnosticSetting": by_use("GiB of logs taken in"),
    "azure-native:monitor:MetricAlert": "alarms",
    "azure-native:monitor:ScheduledQueryRule": "alarms",
    "azure-native:network:NatGateway": "network-nat",
    "azure-native:network:NetworkSecurityGroup": FREE,
    "azure-native:network:PrivateDnsZoneGroup": FREE,
    "azure-native:network:PrivateEndpoint": "endpoints",
    "azure-native:network:PublicIPAddress": "public-ip",
    "azure-native:network:Subnet": FREE,
    "azure-native:network:VirtualNetwork": FREE,
    "azure-native:operationalinsights:Workspace": "logs",
    "azure-native:portal:Dashboard": FREE,
    "azure-native:privatedns:PrivateRecordSet": FREE,
    "azure-native:privatedns:PrivateZone": "dns",
    "azure-native:privatedns:VirtualNetworkLink": FREE,
    "azure-native:redisenterprise:Database": FREE,
    "azure-native:redisenterprise:RedisEnterprise": "cache",
    "azure-native:resources:ResourceGroup": FREE,
    "azure-native:storage:BlobContainer": FREE,
    "azure-native:storage:BlobServiceProperties": FREE,
    "azure-native:storage:FileServiceProperties": FREE,
    "azure-native:storage:FileShare": "share",
    "azure-native:storage:ManagementPolicy": FREE,
    "azure-native:storage:StorageAccount": "bucket",
    "azure-native:synapse:BigDataPool": "spark",
    "azure-native:synapse:Workspace": FREE,
    "docker-build:index:Image": FREE,
    "random:index/randomBytes:RandomBytes": FREE,
    "random:index/randomPassword:RandomPassword": FREE,
    "random:index/randomString:RandomString": FREE,
}
"""By the engine's token of every type that this package can make."""
