"""Cases of the rules on GCP."""

from __future__ import annotations

import json
from typing import Any

from penstock_infra.policy.identities import GOOGLE_MEMBERS
from penstock_infra.policy.rule import ROOT
from support.policy_cases.cases import GONE, IMAGE, TAGS, Break, Clouds, Made, Mutation, StackCase, breaks

SQL = "gcp:sql/databaseInstance:DatabaseInstance"
SQL_DATABASE = "gcp:sql/database:Database"
REDIS = "gcp:redis/instance:Instance"
FILESTORE = "gcp:filestore/instance:Instance"
PLAN = "gcp:backupdisasterrecovery/backupPlan:BackupPlan"
ASSOCIATION = "gcp:backupdisasterrecovery/backupPlanAssociation:BackupPlanAssociation"
BUCKET = "gcp:storage/bucket:Bucket"
FIREWALL = "gcp:compute/firewall:Firewall"
MACHINE = "gcp:compute/instance:Instance"
CLUSTER = "gcp:dataproc/cluster:Cluster"
POLICY = "gcp:dataproc/autoscalingPolicy:AutoscalingPolicy"
SECURE_PROXY = "gcp:compute/targetHttpsProxy:TargetHttpsProxy"
PLAIN_PROXY = "gcp:compute/targetHttpProxy:TargetHttpProxy"
TLS = "gcp:compute/sSLPolicy:SSLPolicy"
URL_MAP = "gcp:compute/uRLMap:URLMap"
FORWARDING = "gcp:compute/globalForwardingRule:GlobalForwardingRule"
SERVICE = "gcp:cloudrunv2/service:Service"
POOL = "gcp:cloudrunv2/workerPool:WorkerPool"
JOB = "gcp:cloudrunv2/job:Job"
ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
BINDING = "gcp:projects/iAMBinding:IAMBinding"
PROJECT_POLICY = "gcp:projects/iAMPolicy:IAMPolicy"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
LOG_BUCKET = "gcp:logging/projectBucketConfig:ProjectBucketConfig"
SECRET = "gcp:secretmanager/secret:Secret"
PROVIDER = "pulumi:providers:gcp"
INVOKERS = (
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
    "gcp:cloudrun/iamMember:IamMember",
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
)
INVOKER_BINDING = "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding"
WHO = "serviceAccount:web@p.iam.gserviceaccount.com"
OWN_ROLE = "projects/p/roles/penstock_start_jobs"
REFERENCE = {"secretKeyRef": {"secret": "owner-code", "version": "1"}}
CONTAINER: dict[str, Any] = {
    "image": IMAGE,
    "envs": [
        {"name": "PENSTOCK_PORT", "value": "6789"},
        {"name": "PENSTOCK_OWNER_CODE", "valueSource": REFERENCE},
    ],
}
WITHOUT_CODE = {**CONTAINER, "envs": CONTAINER["envs"][:1]}
ROOT_TEMPLATE = {"containers": [CONTAINER], "scaling": {"maxInstanceCount": 2}}
GOOD: dict[str, dict[str, Any]] = {
    SQL: {
        "deletionProtection": True,
        "settings": {
            "ipConfiguration": {"ipv4Enabled": False, "privateNetwork": "n", "sslMode": "ENCRYPTED_ONLY"},
            "deletionProtectionEnabled": True,
            "backupConfiguration": {
                "enabled": True,
                "pointInTimeRecoveryEnabled": True,
                "backupRetentionSettings": {"retainedBackups": 14},
            },
        },
    },
    SQL_DATABASE: {"name": "penstock"},
    REDIS: {"transitEncryptionMode": "SERVER_AUTHENTICATION", "authEnabled": True, "authorizedNetwork": "n"},
    FILESTORE: {"fileShares": {"name": "penstock", "nfsExportOptions": [{"ipRanges": ["10.40.0.0/20"]}]}},
    PLAN: {"backupRules": [{"ruleId": "nightly", "backupRetentionDays": 14}]},
    BUCKET: {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": True, "forceDestroy": False},
    FIREWALL: {"direction": "INGRESS", "allows": [{"protocol": "tcp"}], "sourceRanges": ["10.40.0.0/20"]},
    MACHINE: {"networkInterfaces": [{"subnetwork": "s"}]},
    CLUSTER: {
        "clusterConfig": {
            "gceClusterConfig": {"internalIpOnly": True},
            "endpointConfig": {"enableHttpPortAccess": False},
            "autoscalingConfig": {"policyUri": "policies/spark"},
        }
    },
    POLICY: {"workerConfig": {"maxInstances": 10}},
    SECURE_PROXY: {"sslPolicy": "tls"},
    TLS: {"minTlsVersion": "TLS_1_2"},
    SERVICE: {"invokerIamDisabled": True, "template": ROOT_TEMPLATE},
    POOL: {"scaling": {"manualInstanceCount": 2}, "template": {"containers": [CONTAINER]}},
    JOB: {"template": {"template": {"containers": [CONTAINER]}}},
    ROLE: {"permissions": ["run.jobs.run"]},
    **{kind: {"role": OWN_ROLE, "member": WHO} for kind in (*GOOGLE_MEMBERS, *INVOKERS)},
    INVOKER_BINDING: {"role": "roles/run.invoker", "members": [WHO]},
    REPOSITORY: {
        "dockerConfig": {"immutableTags": True},
        "vulnerabilityScanningConfig": {"enablementConfig": "INHERITED"},
    },
    LOG_BUCKET: {"retentionDays": 30},
    SECRET: {"secretId": "encryption-key"},
    PROVIDER: {"defaultLabels": json.dumps(TAGS)},
}
CONTAINERS = {SERVICE: "template.containers[0]", POOL: "template.containers[0]", JOB: "template.template.containers[0]"}

BREAKS: list[Break] = [
    *breaks(
        "database-private",
        SQL,
        ("settings.ipConfiguration.ipv4Enabled", GONE, "ipv4Enabled to false"),
        ("settings.ipConfiguration.privateNetwork", GONE, "privateNetwork"),
        (
            "settings.ipConfiguration.authorizedNetworks",
            [{"name": "home", "value": "203.0.113.0/24"}],
            "authorizedNetworks to nothing",
        ),
    ),
    *breaks(
        "database-encrypted",
        SQL,
        ("settings.ipConfiguration.sslMode", "ALLOW_UNENCRYPTED_AND_ENCRYPTED", "ENCRYPTED_ONLY"),
    ),
    *breaks(
        "database-protected",
        SQL,
        ("deletionProtection", False, "set deletionProtection to true"),
        ("settings.deletionProtectionEnabled", GONE, "deletionProtectionEnabled to true"),
    ),
    *breaks(
        "database-backed-up",
        SQL,
        ("settings.backupConfiguration.enabled", False, "enabled to true"),
        ("settings.backupConfiguration.pointInTimeRecoveryEnabled", False, "pointInTimeRecoveryEnabled to true"),
        ("settings.backupConfiguration.backupRetentionSettings.retainedBackups", 3, "7 or more"),
    ),
    *breaks(
        "cache-guarded",
        REDIS,
        ("transitEncryptionMode", "DISABLED", "SERVER_AUTHENTICATION"),
        ("authEnabled", False, "set authEnabled to true"),
        ("authorizedNetwork", GONE, "set authorizedNetwork"),
    ),
    *breaks("share-encrypted", FILESTORE, ("fileShares.nfsExportOptions[0].ipRanges", ["0.0.0.0/0"], "subnet")),
    *breaks("share-backed-up", PLAN, ("backupRules[0].backupRetentionDays", 2, "7 or more")),
    *breaks(
        "storage-closed",
        BUCKET,
        ("publicAccessPrevention", "inherited", "enforced"),
        ("uniformBucketLevelAccess", GONE, "uniformBucketLevelAccess to true"),
    ),
    *(
        Break("data-protected", kind, "protect", False, "set protect")
        for kind in (SQL, SQL_DATABASE, FILESTORE, BUCKET)
    ),
    Break("data-protected", SECRET, "protect", False, "set protect", name="encryption-key"),
    *breaks("no-world-ingress", FIREWALL, ("sourceRanges", ["0.0.0.0/0"], "sourceRanges")),
    *breaks("no-public-address", MACHINE, ("networkInterfaces[0].accessConfigs", [{"natIp": "203.0.113.1"}], "public")),
    *breaks(
        "no-public-address",
        CLUSTER,
        ("clusterConfig.gceClusterConfig.internalIpOnly", False, "internalIpOnly to true"),
        ("clusterConfig.endpointConfig.enableHttpPortAccess", True, "enableHttpPortAccess to false"),
    ),
    *breaks("front-by-tls", SECURE_PROXY, ("sslPolicy", GONE, "set sslPolicy")),
    *breaks("front-by-tls", TLS, ("minTlsVersion", "TLS_1_0", "TLS_1_2")),
    *breaks(
        "sign-in-in-front",
        SERVICE,
        ("template.containers[0].envs[+]", {"name": "PENSTOCK_AUTH_MODE", "value": "none"}, "PENSTOCK_AUTH_MODE"),
        ("template.containers[0]", WITHOUT_CODE, "invokerIamDisabled to false"),
    ),
    *(
        Break("sign-in-in-front", kind, "member", "allUsers", "allUsers")
        for kind in (
            *INVOKERS,
            PROJECT_MEMBER,
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            "gcp:secretmanager/secretIamMember:SecretIamMember",
            "gcp:serviceaccount/iAMMember:IAMMember",
        )
    ),
    *breaks("sign-in-in-front", INVOKER_BINDING, ("members", [WHO, "allAuthenticatedUsers"], "allAuthenticatedUsers")),
    *breaks("no-wildcard-action", ROLE, ("permissions", ["run.jobs.*"], "run.jobs.*")),
    *(Break("no-primitive-role", kind, "role", "roles/editor", "roles/editor") for kind in GOOGLE_MEMBERS),
    *(Break("no-primitive-role", kind, "role", "roles/storage.admin", "storage.admin") for kind in GOOGLE_MEMBERS),
    *breaks("narrow-grants", PROJECT_MEMBER, ("role", "roles/dataproc.worker", "everything in the project")),
    *(
        one
        for kind, place in CONTAINERS.items()
        for one in (
            Break("no-plain-secret", kind, f"{place}.envs[+]", {"name": "API_TOKEN", "value": "s3cr3t"}, "API_TOKEN"),
            Break("image-by-digest", kind, f"{place}.image", "eu.pkg.dev/p/penstock:latest", "by digest"),
        )
    ),
    *breaks(
        "registry-closed",
        REPOSITORY,
        ("dockerConfig.immutableTags", False, "immutableTags to true"),
        ("vulnerabilityScanningConfig.enablementConfig", "DISABLED", "INHERITED"),
    ),
    *breaks("labelled", PROVIDER, ("defaultLabels|topology", GONE, "has no topology")),
    *breaks("logs-kept", LOG_BUCKET, ("retentionDays", GONE, "retentionDays")),
    *breaks("spark-stops", CLUSTER, ("clusterConfig.autoscalingConfig", GONE, "policyUri")),
    *breaks("spark-stops", POLICY, ("workerConfig.maxInstances", 400, "50 or less")),
    *breaks("copies-capped", SERVICE, ("template.scaling.maxInstanceCount", GONE, "50 or less")),
    *breaks("copies-capped", POOL, ("scaling.manualInstanceCount", 99, "50 or less")),
]
BAD = {
    BINDING: {"role": "roles/run.developer", "members": [WHO]},
    PROJECT_POLICY: {"policyData": "{}"},
}
BREAKS += [Break("narrow-grants", kind, "", None, "use an IAMMember") for kind in BAD]

ROOT_HA = Made(ROOT, "dev", {}, {"topology": "ha"})
REDIRECTS = [
    Made(URL_MAP, "redirect", {}, {"id": "maps/redirect", "defaultUrlRedirect": {"httpsRedirect": True}}),
    Made(URL_MAP, "web", {}, {"id": "maps/web", "defaultService": "web"}),
    Made(PLAIN_PROXY, "http", {}, {"urlMap": "maps/redirect"}),
]
STACKS = [
    StackCase(
        "database-survives",
        [ROOT_HA, Made(SQL, "database", {}, {"settings": {"availabilityType": "REGIONAL"}})],
        Mutation(SQL, "settings.availabilityType", "ZONAL"),
        "REGIONAL",
    ),
    StackCase(
        "share-kept",
        [Made(FILESTORE, "share", {}, {}), Made(ASSOCIATION, "share", {}, {})],
        Mutation(ASSOCIATION),
        "nothing backs it up",
    ),
    StackCase("http-redirected", REDIRECTS, Mutation(PLAIN_PROXY, "urlMap", "maps/web"), "httpsRedirect"),
    StackCase(
        "one-way-in",
        [
            Made(FORWARDING, "https", {}, {"portRange": "443"}),
            Made(SERVICE, "web", {}, {"ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"}),
        ],
        Mutation(SERVICE, "ingress", "INGRESS_TRAFFIC_ALL"),
        "set ingress to",
    ),
]
GCP = Clouds(GOOD, BREAKS, STACKS, BAD)
