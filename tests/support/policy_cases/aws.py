"""Cases of the rules on AWS."""

from __future__ import annotations

import json
from typing import Any

from penstock_infra.policy.rule import ROOT
from support.policy_cases.cases import GONE, IMAGE, TAGS, Break, Clouds, Made, Mutation, StackCase, breaks

RDS = "aws:rds/instance:Instance"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
NODES = "aws:elasticache/replicationGroup:ReplicationGroup"
EFS = "aws:efs/fileSystem:FileSystem"
EFS_POLICY = "aws:efs/fileSystemPolicy:FileSystemPolicy"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
LISTENER = "aws:lb/listener:Listener"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ROLE = "aws:iam/role:Role"
IDENTITY_POLICIES = ("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy", "aws:iam/userPolicy:UserPolicy")
SERVERLESS = "aws:emrserverless/application:Application"
SCALING = "aws:emr/managedScalingPolicy:ManagedScalingPolicy"
CLUSTER = "aws:emr/cluster:Cluster"
SELECTION = "aws:backup/selection:Selection"
PROVIDER = "pulumi:providers:aws"
SECRET = "aws:secretsmanager/secret:Secret"


def document(**statement: Any) -> str:
    """Return a document of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def refusing(*actions: str) -> str:
    """Return a policy of a resource that refuses what comes without TLS."""
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    return document(Effect="Deny", Principal={"AWS": "*"}, Action=list(actions), Resource="arn:x", Condition=plain)


PASSING = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
CONTAINER: dict[str, Any] = {
    "name": "web",
    "image": IMAGE,
    "user": "10001:10001",
    "readonlyRootFilesystem": True,
    "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
    "environment": [
        {"name": "PENSTOCK_HOST", "value": "0.0.0.0"},
        {"name": "PENSTOCK_SECRET_STORE", "value": "database"},
        {"name": "PENSTOCK_DB_SECRET", "value": "aws:arn:aws:secretsmanager:eu-central-1:1:secret:rds!db-1#password"},
    ],
    "secrets": [{"name": "PENSTOCK_ENCRYPTION_KEY", "valueFrom": "arn:aws:secretsmanager:eu-central-1:1:secret:key"}],
    "logConfiguration": {"logDriver": "awslogs"},
}
GOOD: dict[str, dict[str, Any]] = {
    RDS: {
        "publiclyAccessible": False,
        "dbSubnetGroupName": "data",
        "vpcSecurityGroupIds": ["sg-1"],
        "storageEncrypted": True,
        "parameterGroupName": "tls",
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "backupRetentionPeriod": 14,
    },
    "aws:rds/parameterGroup:ParameterGroup": {"parameters": [{"name": "rds.force_ssl", "value": "1"}]},
    NODES: {
        "transitEncryptionEnabled": True,
        "atRestEncryptionEnabled": True,
        "authToken": "a long password",
        "subnetGroupName": "data",
    },
    "aws:elasticache/cluster:Cluster": {"replicationGroupId": "cache"},
    EFS: {"encrypted": True},
    EFS_POLICY: {"fileSystemId": "fs-1", "policy": refusing("elasticfilesystem:ClientMount")},
    "aws:backup/plan:Plan": {"rules": [{"ruleName": "nightly", "lifecycle": {"deleteAfter": 14}}]},
    "aws:backup/vault:Vault": {"name": "share"},
    BUCKET: {"bucketPrefix": "penstock-"},
    BLOCK: dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True),
    BUCKET_POLICY: {"bucket": "b", "policy": refusing("s3:*")},
    "aws:kms/key:Key": {"enableKeyRotation": True},
    SECRET: {"namePrefix": "penstock/"},
    INGRESS: {"cidrIpv4": "0.0.0.0/0", "fromPort": 443, "toPort": 443, "ipProtocol": "tcp"},
    GROUP: {"ingress": [{"cidrBlocks": ["10.0.0.0/8"], "fromPort": 22, "toPort": 22, "protocol": "tcp"}]},
    OLD_RULE: {"type": "ingress", "cidrBlocks": ["10.0.0.0/8"], "protocol": "tcp"},
    SERVICE: {"networkConfiguration": {"assignPublicIp": False}, "desiredCount": 2},
    "aws:ec2/subnet:Subnet": {"mapPublicIpOnLaunch": False},
    "aws:ec2/instance:Instance": {"associatePublicIpAddress": False},
    LISTENER: {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "certificateArn": "arn:c"},
    ATTACHMENT: {"policyArn": "arn:aws:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"},
    ROLE: {"assumeRolePolicy": document(Principal={"Service": "ecs-tasks.amazonaws.com"}, Action="sts:AssumeRole")},
    **{kind: {"policy": document(Action=["s3:GetObject"], Resource="arn:b/*")} for kind in IDENTITY_POLICIES},
    TASK: {
        "containerDefinitions": json.dumps([CONTAINER]),
        "volumes": [
            {
                "name": "share",
                "efsVolumeConfiguration": {
                    "fileSystemId": "fs-1",
                    "transitEncryption": "ENABLED",
                    "authorizationConfig": {"iam": "ENABLED"},
                },
            }
        ],
    },
    "aws:ecr/repository:Repository": {
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
    },
    "aws:cloudwatch/logGroup:LogGroup": {"retentionInDays": 30},
    SERVERLESS: {
        "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": 15},
        "maximumCapacity": {"cpu": "20 vCPU", "memory": "80 GB"},
    },
    SCALING: {"computeLimits": [{"unitType": "Instances", "minimumCapacityUnits": 1, "maximumCapacityUnits": 4}]},
    "aws:appautoscaling/target:Target": {"minCapacity": 2, "maxCapacity": 10},
    PROVIDER: {"defaultTags": json.dumps({"tags": TAGS})},
}


def in_container(path: str) -> str:
    return f"containerDefinitions|[0].{path}"


BREAKS: list[Break] = [
    *breaks(
        "database-private",
        RDS,
        ("publiclyAccessible", True, "set publiclyAccessible to false"),
        ("dbSubnetGroupName", GONE, "set dbSubnetGroupName"),
        ("vpcSecurityGroupIds", [], "set vpcSecurityGroupIds"),
    ),
    *breaks(
        "database-encrypted",
        RDS,
        ("storageEncrypted", GONE, "set storageEncrypted to true"),
        ("parameterGroupName", GONE, "set parameterGroupName"),
    ),
    *breaks(
        "database-encrypted",
        "aws:rds/parameterGroup:ParameterGroup",
        ("parameters[0].value", "0", "set rds.force_ssl to 1"),
        ("parameters", GONE, "set rds.force_ssl to 1"),
    ),
    *breaks(
        "database-protected",
        RDS,
        ("deletionProtection", False, "set deletionProtection to true"),
        ("skipFinalSnapshot", True, "set skipFinalSnapshot to false"),
    ),
    *breaks("database-backed-up", RDS, ("backupRetentionPeriod", 3, "set backupRetentionPeriod to 7 or more")),
    *breaks(
        "cache-guarded",
        NODES,
        ("transitEncryptionEnabled", False, "set transitEncryptionEnabled to true"),
        ("atRestEncryptionEnabled", GONE, "set atRestEncryptionEnabled to true"),
        ("authToken", GONE, "set authToken"),
        ("subnetGroupName", GONE, "set subnetGroupName"),
    ),
    *breaks("cache-guarded", "aws:elasticache/cluster:Cluster", ("replicationGroupId", GONE, "ReplicationGroup")),
    *breaks("share-encrypted", EFS, ("encrypted", False, "set encrypted to true")),
    *breaks("share-encrypted", EFS_POLICY, ("policy|Statement", [], "aws:SecureTransport")),
    *breaks(
        "share-encrypted",
        TASK,
        ("volumes[0].efsVolumeConfiguration.transitEncryption", "DISABLED", "transitEncryption to ENABLED"),
        ("volumes[0].efsVolumeConfiguration.authorizationConfig.iam", GONE, "authorizationConfig.iam to ENABLED"),
    ),
    *breaks(
        "share-backed-up", "aws:backup/plan:Plan", ("rules[0].lifecycle.deleteAfter", 1, "deleteAfter to 7 or more")
    ),
    *(
        one
        for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        for one in breaks("storage-closed", BLOCK, (name, False, f"set {name} to true"))
    ),
    *breaks("storage-closed", BUCKET_POLICY, ("policy|Statement[0].Condition", {}, "aws:SecureTransport")),
    *breaks("vault-guarded", "aws:kms/key:Key", ("enableKeyRotation", GONE, "set enableKeyRotation to true")),
    *(
        Break("data-protected", kind, "protect", False, "set protect")
        for kind in ("aws:backup/vault:Vault", EFS, RDS, BUCKET)
    ),
    Break("data-protected", SECRET, "protect", False, "set protect", name="encryption-key"),
    *breaks(
        "no-world-ingress",
        INGRESS,
        ("fromPort", 22, "open 80 or 443"),
        ("toPort", 65535, "lets 0.0.0.0/0 in"),
    ),
    *breaks("no-world-ingress", GROUP, ("ingress[0].cidrBlocks", ["0.0.0.0/0"], "take it out")),
    *breaks("no-world-ingress", OLD_RULE, ("cidrBlocks", ["0.0.0.0/0"], "take it out")),
    *breaks("no-public-address", SERVICE, ("networkConfiguration.assignPublicIp", True, "assignPublicIp to false")),
    *breaks(
        "no-public-address", "aws:ec2/subnet:Subnet", ("mapPublicIpOnLaunch", True, "mapPublicIpOnLaunch to false")
    ),
    *breaks(
        "no-public-address",
        "aws:ec2/instance:Instance",
        ("associatePublicIpAddress", True, "associatePublicIpAddress to false"),
    ),
    *breaks(
        "front-by-tls",
        LISTENER,
        ("sslPolicy", "ELBSecurityPolicy-2016-08", "set sslPolicy"),
        ("certificateArn", GONE, "set certificateArn"),
    ),
    *breaks(
        "sign-in-in-front",
        TASK,
        (in_container("environment[+]"), {"name": "PENSTOCK_AUTH_MODE", "value": "none"}, "PENSTOCK_AUTH_MODE"),
    ),
    *(
        one
        for kind in IDENTITY_POLICIES
        for one in (
            Break("no-wildcard-action", kind, "policy|Statement[0].Action", ["s3:*"], "s3:*"),
            Break("no-wildcard-action", kind, "policy|Statement[0].NotAction", ["s3:GetObject"], "single actions"),
            Break(
                "pass-role-narrow",
                kind,
                "policy",
                document(Action="iam:PassRole", Resource="arn:aws:iam::1:role/x"),
                "iam:PassedToService",
            ),
            Break(
                "pass-role-narrow",
                kind,
                "policy",
                document(Action="iam:PassRole", Resource="arn:aws:iam::1:role/*", Condition=PASSING),
                "name the roles",
            ),
            Break("narrow-grants", kind, "policy|Statement[0].Resource", "*", "s3:GetObject on everything"),
            Break("narrow-grants", kind, "policy", document(Action="ecs:ListTasks", Resource="*"), "add a Condition"),
        )
    ),
    *(
        one
        for kind in (BUCKET_POLICY, EFS_POLICY)
        for one in (
            Break("no-wildcard-action", kind, "policy|Statement[0].Effect", "Allow", "")
            if kind == BUCKET_POLICY
            else Break(
                "no-wildcard-action", kind, "policy", document(Principal={"AWS": "arn:r"}, Action="*"), "single actions"
            ),
            Break("narrow-grants", kind, "policy|Statement[0].Effect", "Allow", "name a role in Principal"),
        )
    ),
    *breaks(
        "no-primitive-role", ATTACHMENT, ("policyArn", "arn:aws:iam::aws:policy/AdministratorAccess", "Administrator")
    ),
    *breaks(
        "no-primitive-role", ROLE, ("managedPolicyArns", ["arn:aws:iam::aws:policy/PowerUserAccess"], "PowerUserAccess")
    ),
    *breaks("narrow-grants", ROLE, ("assumeRolePolicy|Statement[0].Principal", {"AWS": "*"}, "everybody")),
    *breaks(
        "no-plain-secret",
        TASK,
        (in_container("environment[+]"), {"name": "REDIS_URL", "value": "rediss://h:6379"}, "REDIS_URL"),
        (in_container("environment[+]"), {"name": "WHERE", "value": "postgresql://u:p@h/d"}, "URL with a password"),
        (in_container("environment[2].value"), "hunter2hunter2", "PENSTOCK_DB_SECRET"),
    ),
    *breaks("image-by-digest", TASK, (in_container("image"), "registry.example.com/penstock:1", "by digest")),
    *breaks(
        "registry-closed",
        "aws:ecr/repository:Repository",
        ("imageTagMutability", "MUTABLE", "set imageTagMutability to IMMUTABLE"),
        ("imageScanningConfiguration.scanOnPush", False, "scanOnPush to true"),
    ),
    *breaks(
        "container-confined",
        TASK,
        (in_container("user"), "0", "root"),
        (in_container("user"), GONE, "root"),
        (in_container("privileged"), True, "privileged to false"),
        (in_container("readonlyRootFilesystem"), False, "readonlyRootFilesystem to true"),
        (in_container("linuxParameters"), GONE, "[ALL]"),
    ),
    *breaks("labelled", PROVIDER, ("defaultTags|tags.stack", GONE, "has no stack")),
    *breaks("logs-kept", "aws:cloudwatch/logGroup:LogGroup", ("retentionInDays", 0, "retentionInDays to 1 or more")),
    *breaks("logs-kept", TASK, (in_container("logConfiguration"), GONE, "logConfiguration")),
    *breaks(
        "spark-stops",
        SERVERLESS,
        ("autoStopConfiguration.enabled", False, "enabled to true"),
        ("autoStopConfiguration.idleTimeoutMinutes", 600, "60 or less"),
        ("maximumCapacity", GONE, "set maximumCapacity"),
    ),
    *breaks("spark-stops", SCALING, ("computeLimits[0].maximumCapacityUnits", 500, "50 or less")),
    *breaks("copies-capped", SERVICE, ("desiredCount", 51, "50 or less")),
    *breaks("copies-capped", "aws:appautoscaling/target:Target", ("maxCapacity", 51, "50 or less")),
    Break("copies-capped", SERVICE, "desiredCount", 4, "3 or less", config={"maxCopies": 3}),
]

FILES = Made(EFS, "share", {}, {"id": "fs-1"})
GUARDED = [FILES, Made(EFS_POLICY, "share", {}, {}), Made(SELECTION, "share", {}, {})]
CLOSED = [
    Made(BUCKET, "data", {}, {"bucket": "b"}),
    *(Made(kind, "data", {}, {"bucket": "b"}) for kind in (BLOCK, BUCKET_POLICY, ENCRYPTION)),
]
DOORS = [
    Made(BALANCER, "front", {}, {"arn": "lb-1", "securityGroups": ["sg-front"], "internal": False}),
    Made(INGRESS, "front-443", {}, {"cidrIpv4": "0.0.0.0/0", "securityGroupId": "sg-front"}),
]
REDIRECT = {"type": "redirect", "redirect": {"protocol": "HTTPS", "statusCode": "HTTP_301"}}
LISTENERS = [
    Made(BALANCER, "front", {}, {"arn": "lb-1", "internal": False}),
    Made(BALANCER, "jobs", {}, {"arn": "lb-2", "internal": True}),
    Made(LISTENER, "http", {}, {"protocol": "HTTP", "loadBalancerArn": "lb-1", "defaultActions": [REDIRECT]}),
    Made(
        LISTENER, "jobs", {}, {"protocol": "HTTP", "loadBalancerArn": "lb-2", "defaultActions": [{"type": "forward"}]}
    ),
]
SURVIVING = [Made(ROOT, "dev", {}, {"topology": "ha"}), Made(RDS, "database", {}, {"multiAz": True})]
STACKS = [
    StackCase("database-survives", SURVIVING, Mutation(RDS, "multiAz", value=False), "set multiAz to true"),
    StackCase(
        "database-survives",
        [Made(RDS, "database", {}, {"multiAz": True})],
        Mutation(RDS, "multiAz", value=False),
        "autoscale",
        {"topology": "autoscale"},
    ),
    StackCase("share-kept", GUARDED, Mutation(EFS_POLICY), "has no policy"),
    StackCase("share-kept", GUARDED, Mutation(SELECTION), "nothing backs it up"),
    *(StackCase("bucket-blocked", CLOSED, Mutation(kind), "add a") for kind in (BLOCK, BUCKET_POLICY, ENCRYPTION)),
    StackCase("network-closed", DOORS, Mutation(INGRESS, "securityGroupId", "sg-database"), "not the balancer's"),
    StackCase(
        "http-redirected",
        LISTENERS,
        Mutation(f"{LISTENER}::http", "defaultActions[0]", {"type": "forward"}),
        "not redirected",
    ),
    StackCase("http-redirected", LISTENERS, Mutation(f"{BALANCER}::jobs", "internal", value=False), "not redirected"),
    StackCase(
        "spark-bounded",
        [Made(CLUSTER, "spark", {}, {"name": "spark"}), Made(SCALING, "spark", {}, {})],
        Mutation(SCALING),
        "has no bounds",
    ),
]
AWS = Clouds(GOOD, BREAKS, STACKS)
