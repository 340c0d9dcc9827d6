"""What is broken in a copy of a rendered stack is caught by the rule that is there for it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from penstock_platform.vocabulary import Cloud, Topology
from support.mutations import GONE, Mutation, complaining, mutated

WORLD = "0.0.0.0/0"
SUBSCRIPTION = "/subscriptions/00000000-0000-4000-8000-000000000001"
CONTRIBUTOR = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
DUMPS = "spec.jobTemplate.spec.template.spec.containers[0].command"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
PASSING = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::123456789012:role/x"}


def plain(name: str, value: str = "hunter2hunter2") -> dict[str, str]:
    return {"name": name, "value": value}


class Broken(NamedTuple):
    """What is broken, and the rule that must say so."""

    target: str
    path: str
    value: Any
    rule: str


AWS = [
    Broken("aws:rds/instance:Instance", "storageEncrypted", False, "database-encrypted"),
    Broken("aws:rds/instance:Instance", "publiclyAccessible", True, "database-private"),
    Broken("aws:rds/instance:Instance", "backupRetentionPeriod", 0, "database-backed-up"),
    Broken("aws:rds/instance:Instance", "deletionProtection", False, "database-protected"),
    Broken("aws:rds/instance:Instance", "multiAz", False, "database-survives"),
    Broken("aws:rds/parameterGroup:ParameterGroup", "parameters", [], "database-encrypted"),
    Broken("aws:rds/instance:Instance", "protect", False, "data-protected"),
    Broken("aws:s3/bucket:Bucket", "protect", False, "data-protected"),
    Broken("aws:elasticache/replicationGroup:ReplicationGroup", "transitEncryptionEnabled", False, "cache-guarded"),
    Broken("aws:elasticache/replicationGroup:ReplicationGroup", "authToken", GONE, "cache-guarded"),
    Broken("aws:efs/fileSystem:FileSystem", "encrypted", False, "share-encrypted"),
    Broken("aws:efs/fileSystemPolicy:FileSystemPolicy", "", GONE, "share-kept"),
    Broken("aws:backup/selection:Selection", "", GONE, "share-kept"),
    Broken("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "", GONE, "bucket-blocked"),
    Broken("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "blockPublicAcls", False, "storage-closed"),
    Broken("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4", WORLD, "no-world-ingress"),
    Broken("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4", WORLD, "network-closed"),
    Broken("aws:ecs/service:Service", "networkConfiguration.assignPublicIp", True, "no-public-address"),
    Broken("aws:lb/listener:Listener::https", "sslPolicy", "ELBSecurityPolicy-2016-08", "front-by-tls"),
    Broken("aws:lb/listener:Listener::http", "defaultActions", [{"type": "forward"}], "http-redirected"),
    Broken("aws:iam/rolePolicy:RolePolicy", "policy|Statement[+]", EVERYTHING, "no-wildcard-action"),
    Broken("aws:iam/rolePolicy:RolePolicy", "policy|Statement[+]", EVERYTHING, "narrow-grants"),
    Broken("aws:iam/rolePolicy:RolePolicy", "policy|Statement[+]", PASSING, "pass-role-narrow"),
    Broken("aws:iam/role:Role", "assumeRolePolicy|Statement[0].Principal", "*", "narrow-grants"),
    Broken(
        "aws:ecs/taskDefinition:TaskDefinition",
        "containerDefinitions|[0].environment[+]",
        plain("REDIS_URL", "rediss://:p@h:6379"),
        "no-plain-secret",
    ),
    Broken("aws:ecs/taskDefinition:TaskDefinition", "containerDefinitions|[0].image", "p:latest", "image-by-digest"),
    Broken("aws:ecs/taskDefinition:TaskDefinition", "containerDefinitions|[0].user", "0", "container-confined"),
    Broken("aws:ecs/taskDefinition:TaskDefinition", "containerDefinitions|[0].logConfiguration", GONE, "logs-kept"),
    Broken("aws:ecr/repository:Repository", "imageTagMutability", "MUTABLE", "registry-closed"),
    Broken("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", GONE, "logs-kept"),
    Broken("aws:kms/key:Key", "enableKeyRotation", False, "vault-guarded"),
    Broken("pulumi:providers:aws", "defaultTags", GONE, "labelled"),
    Broken("pulumi:pulumi:Stack", "url", "https://me:p@penstock.example.com", "no-secret-in-outputs"),
]
GCP = [
    Broken(
        "gcp:sql/databaseInstance:DatabaseInstance", "settings.ipConfiguration.ipv4Enabled", True, "database-private"
    ),
    Broken("gcp:sql/databaseInstance:DatabaseInstance", "settings.ipConfiguration.sslMode", GONE, "database-encrypted"),
    Broken(
        "gcp:sql/databaseInstance:DatabaseInstance", "settings.backupConfiguration.enabled", False, "database-backed-up"
    ),
    Broken(
        "gcp:sql/databaseInstance:DatabaseInstance", "settings.deletionProtectionEnabled", False, "database-protected"
    ),
    Broken("gcp:sql/databaseInstance:DatabaseInstance", "settings.availabilityType", "ZONAL", "database-survives"),
    Broken("gcp:sql/databaseInstance:DatabaseInstance", "protect", False, "data-protected"),
    Broken("gcp:filestore/instance:Instance", "protect", False, "data-protected"),
    Broken("gcp:redis/instance:Instance", "authEnabled", False, "cache-guarded"),
    Broken("gcp:redis/instance:Instance", "transitEncryptionMode", "DISABLED", "cache-guarded"),
    Broken(
        "gcp:backupdisasterrecovery/backupPlan:BackupPlan", "backupRules[0].backupRetentionDays", 1, "share-backed-up"
    ),
    Broken("gcp:backupdisasterrecovery/backupPlanAssociation:BackupPlanAssociation", "", GONE, "share-kept"),
    Broken("gcp:storage/bucket:Bucket", "publicAccessPrevention", "inherited", "storage-closed"),
    Broken("gcp:compute/firewall:Firewall::spark-nodes", "sourceRanges", [WORLD], "no-world-ingress"),
    Broken("gcp:projects/iAMCustomRole:IAMCustomRole", "permissions[+]", "run.*", "no-wildcard-action"),
    Broken("gcp:projects/iAMMember:IAMMember", "role", "roles/editor", "no-primitive-role"),
    Broken("gcp:projects/iAMMember:IAMMember", "role", "roles/run.developer", "narrow-grants"),
    Broken("gcp:storage/bucketIAMMember:BucketIAMMember", "member", "allUsers", "sign-in-in-front"),
    Broken(
        "gcp:cloudrunv2/service:Service",
        "template.containers[0].envs[+]",
        plain("PENSTOCK_AUTH_MODE", "none"),
        "sign-in-in-front",
    ),
    Broken(
        "gcp:cloudrunv2/service:Service",
        "template.containers[0].envs[+]",
        plain("PENSTOCK_ENCRYPTION_KEY"),
        "no-plain-secret",
    ),
    Broken("gcp:cloudrunv2/workerPool:WorkerPool", "template.containers[0].image", "p:latest", "image-by-digest"),
    Broken("gcp:cloudrunv2/service:Service", "template.scaling.maxInstanceCount", GONE, "copies-capped"),
    Broken("gcp:artifactregistry/repository:Repository", "dockerConfig.immutableTags", False, "registry-closed"),
    Broken("gcp:logging/projectBucketConfig:ProjectBucketConfig", "retentionDays", GONE, "logs-kept"),
    Broken("gcp:dataproc/autoscalingPolicy:AutoscalingPolicy", "workerConfig.maxInstances", 900, "spark-stops"),
    Broken("pulumi:providers:gcp", "defaultLabels", GONE, "labelled"),
]
AZURE = [
    Broken("azure-native:dbforpostgresql:Server", "network.publicNetworkAccess", "Enabled", "database-private"),
    Broken("azure-native:dbforpostgresql:Server", "network.delegatedSubnetResourceId", GONE, "database-private"),
    Broken("azure-native:dbforpostgresql:Configuration", "value", "off", "database-encrypted"),
    Broken("azure-native:dbforpostgresql:Server", "backup.backupRetentionDays", 1, "database-backed-up"),
    Broken("azure-native:dbforpostgresql:Server", "highAvailability.mode", "Disabled", "database-survives"),
    Broken("azure-native:dbforpostgresql:Server", "protect", False, "data-protected"),
    Broken("azure-native:storage:StorageAccount", "protect", False, "data-protected"),
    Broken("azure-native:redisenterprise:Database", "clientProtocol", "Plaintext", "cache-guarded"),
    Broken("azure-native:redisenterprise:RedisEnterprise", "publicNetworkAccess", "Enabled", "cache-guarded"),
    Broken("azure-native:storage:FileServiceProperties", "", GONE, "share-kept"),
    Broken("azure-native:storage:FileServiceProperties", "shareDeleteRetentionPolicy.days", 1, "share-backed-up"),
    Broken("azure-native:storage:StorageAccount", "allowBlobPublicAccess", True, "storage-closed"),
    Broken("azure-native:storage:StorageAccount", "minimumTlsVersion", "TLS1_0", "storage-closed"),
    Broken("azure-native:keyvault:Vault", "properties.enablePurgeProtection", False, "vault-guarded"),
    Broken("azure-native:keyvault:Vault", "properties.enableRbacAuthorization", False, "vault-guarded"),
    Broken(
        "azure-native:network:NetworkSecurityGroup",
        "securityRules[+]",
        {
            "name": "open",
            "access": "Allow",
            "direction": "Inbound",
            "sourceAddressPrefix": "*",
            "destinationPortRange": "5432",
        },
        "no-world-ingress",
    ),
    Broken("azure-native:synapse:Workspace", "publicNetworkAccess", "Enabled", "no-public-address"),
    Broken("azure-native:app:ContainerApp", "configuration.ingress.allowInsecure", True, "front-by-tls"),
    Broken("azure-native:authorization:RoleAssignment", "roleDefinitionId", CONTRIBUTOR, "no-primitive-role"),
    Broken("azure-native:authorization:RoleAssignment", "scope", SUBSCRIPTION, "narrow-grants"),
    Broken("azure-native:authorization:RoleDefinition", "permissions[0].actions[+]", "*/write", "no-wildcard-action"),
    Broken("azure-native:app:ContainerApp", "template.containers[0].env[+]", plain("DATABASE_URL"), "no-plain-secret"),
    Broken("azure-native:app:Job", "template.containers[0].image", "p:latest", "image-by-digest"),
    Broken("azure-native:containerregistry:Registry", "adminUserEnabled", True, "registry-closed"),
    Broken("azure-native:resources:ResourceGroup", "tags", GONE, "labelled"),
    Broken("azure-native:synapse:BigDataPool", "autoPause.enabled", False, "spark-stops"),
    Broken("azure-native:app:ContainerApp", "template.scale.maxReplicas", 300, "copies-capped"),
]
POD = "spec.template.spec"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
KUBERNETES = [
    Broken("kubernetes:core/v1:PersistentVolumeClaim", "protect", False, "data-protected"),
    Broken("kubernetes:batch/v1:CronJob", "", GONE, "cluster-database-dumped"),
    Broken("kubernetes:batch/v1:CronJob", DUMPS, ["pg_dump; find d -mtime +1 -delete"], "cluster-database-dumped"),
    Broken("kubernetes:networking.k8s.io/v1:NetworkPolicy::default-deny", "", GONE, "network-closed"),
    Broken(
        "kubernetes:networking.k8s.io/v1:NetworkPolicy::postgres",
        "spec.ingress[0].from[+]",
        {"ipBlock": {"cidr": WORLD}},
        "no-world-ingress",
    ),
    Broken("kubernetes:core/v1:Service", "spec.type", "LoadBalancer", "no-public-address"),
    Broken("kubernetes:networking.k8s.io/v1:Ingress", "spec.tls", GONE, "front-by-tls"),
    Broken("kubernetes:rbac.authorization.k8s.io/v1:Role::executor", "rules[0].verbs", ["*"], "no-wildcard-action"),
    Broken(
        "kubernetes:rbac.authorization.k8s.io/v1:Role::executor",
        "rules[+]",
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        "narrow-grants",
    ),
    Broken(DEPLOYMENT, f"{POD}.containers[0].env[+]", plain("PENSTOCK_DB_PASSWORD"), "no-plain-secret"),
    Broken(DEPLOYMENT, f"{POD}.containers[0].image", "registry.example.com/penstock:1", "image-by-digest"),
    Broken(DEPLOYMENT, f"{POD}.containers[0].securityContext.readOnlyRootFilesystem", False, "container-confined"),
    Broken(DEPLOYMENT, f"{POD}.containers[0].securityContext.capabilities", GONE, "container-confined"),
    Broken(DEPLOYMENT, f"{POD}.securityContext.runAsNonRoot", False, "container-confined"),
    Broken(DEPLOYMENT, f"{POD}.volumes[+]", {"name": "h", "hostPath": {"path": "/"}}, "container-confined"),
    Broken(DEPLOYMENT, f"{POD}.containers[0].resources.limits", GONE, "container-confined"),
    Broken(DEPLOYMENT, "spec.replicas", 500, "copies-capped"),
    Broken("kubernetes:core/v1:Namespace::stack", "metadata.labels", {"app": "x"}, "container-confined"),
    Broken("kubernetes:core/v1:ServiceAccount", "automountServiceAccountToken", True, "container-confined"),
    Broken("kubernetes:core/v1:ConfigMap", "metadata.labels.stack", GONE, "labelled"),
]
ALL = [
    (cloud, one)
    for cloud, found in ((Cloud.AWS, AWS), (Cloud.GCP, GCP), (Cloud.AZURE, AZURE), (Cloud.KUBERNETES, KUBERNETES))
    for one in found
]


@pytest.mark.parametrize(
    ("cloud", "broken"), ALL, ids=[f"{index}-{one.rule}-{one.target}" for index, (_, one) in enumerate(ALL)]
)
def test_a_rule_catches_what_is_broken(stack_of, cloud, broken):
    found = complaining(stack_of(cloud, Topology.HA), Mutation(broken.target, broken.path, broken.value))
    assert broken.rule in found


def test_a_mutation_changes_a_copy_and_hits_what_it_names(stack_of):
    made = stack_of(Cloud.KUBERNETES, Topology.HA)
    before = [repr(one) for one in made]
    after = mutated(made, Mutation("kubernetes:apps/v1:Deployment::web", "spec.replicas", 7))
    assert [repr(one) for one in made] == before
    assert [one.name for one, other in zip(made, after, strict=True) if one != other] == ["web"]
    with pytest.raises(LookupError, match="there is no aws:rds/instance:Instance"):
        mutated(made, Mutation("aws:rds/instance:Instance", "multiAz", value=False))
