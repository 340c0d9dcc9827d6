"""What AWS refuses although every property has the right type: rules between properties, and protections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

from support.engine.checking import Problem
from support.engine.facts import Inputs
from support.engine.wire import UNKNOWN, Secret

FARGATE = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
"""CPU units, and the MiB that Fargate allows with them."""
LOG_DAYS = {0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
LONGEST_STOP = 120
LONGEST_IDLE = 4000
LONGEST_NAME = 32


def known(value: Any) -> bool:
    return value is not None and value != UNKNOWN


def file_system(inputs: Inputs) -> Iterator[Problem]:
    mode, provisioned = inputs.get("throughputMode"), inputs.get("provisionedThroughputInMibps")
    if provisioned is not None and mode not in {"provisioned", UNKNOWN}:
        yield Problem("provisionedThroughputInMibps", "is for throughputMode provisioned")
    if inputs.get("kmsKeyId") is not None and inputs.get("encrypted") is not True:
        yield Problem("encrypted", "must be true when kmsKeyId is given")


def database(inputs: Inputs) -> Iterator[Problem]:
    if inputs.get("manageMasterUserPassword") is True and inputs.get("password") is not None:
        yield Problem("password", "conflicts with manageMasterUserPassword")
    if inputs.get("skipFinalSnapshot") is not True and inputs.get("finalSnapshotIdentifier") is None:
        yield Problem("finalSnapshotIdentifier", "is required unless skipFinalSnapshot is true")
    if inputs.get("multiAz") is True and inputs.get("availabilityZone") is not None:
        yield Problem("availabilityZone", "is for an instance of one zone")
    storage, most = inputs.get("allocatedStorage"), inputs.get("maxAllocatedStorage")
    if inputs.get("storageType") == "gp3" and known(storage) and storage < 20:
        yield Problem("allocatedStorage", "of gp3 starts at 20")
    if known(storage) and known(most) and most < storage * 1.1:
        yield Problem("maxAllocatedStorage", "must be at least a tenth above allocatedStorage")


def database_refusal(inputs: Inputs) -> str | None:
    if inputs.get("deletionProtection") is True:
        return "InvalidParameterCombination: Cannot delete protected DB Instance, please disable deletion protection"
    return None


def replication_group(inputs: Inputs) -> Iterator[Problem]:
    nodes = inputs.get("numCacheClusters", 1)
    if inputs.get("automaticFailoverEnabled") is True and known(nodes) and nodes < 2:
        yield Problem("automaticFailoverEnabled", "needs at least two cache clusters")
    if inputs.get("multiAzEnabled") is True and inputs.get("automaticFailoverEnabled") is not True:
        yield Problem("multiAzEnabled", "needs automaticFailoverEnabled")
    if inputs.get("authToken") is not None and inputs.get("transitEncryptionEnabled") is not True:
        yield Problem("authToken", "needs transitEncryptionEnabled")
    if inputs.get("authToken") is not None and inputs.get("userGroupIds"):
        yield Problem("authToken", "conflicts with userGroupIds")


def task_definition(inputs: Inputs) -> Iterator[Problem]:
    yield from _fargate_size(inputs)
    volumes = {volume["name"] for volume in inputs.get("volumes", [])}
    for index, volume in enumerate(inputs.get("volumes", [])):
        yield from _efs_volume(volume.get("efsVolumeConfiguration") or {}, f"volumes[{index}].efsVolumeConfiguration")
    text = inputs.get("containerDefinitions")
    if isinstance(text, Secret):
        yield Problem("containerDefinitions", "holds a secret")
    elif known(text):
        yield from _containers(json.loads(text), volumes)


def _fargate_size(inputs: Inputs) -> Iterator[Problem]:
    if "FARGATE" not in inputs.get("requiresCompatibilities", []):
        return
    cpu, memory = int(inputs.get("cpu", 0)), int(inputs.get("memory", 0))
    if memory not in FARGATE.get(cpu, ()):
        yield Problem("memory", f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory")
    if inputs.get("networkMode") != "awsvpc":
        yield Problem("networkMode", "must be awsvpc on Fargate")
    if not inputs.get("executionRoleArn"):
        yield Problem("executionRoleArn", "is required for awslogs and secrets on Fargate")


def _efs_volume(volume: Inputs, path: str) -> Iterator[Problem]:
    authorization = volume.get("authorizationConfig") or {}
    encrypted = volume.get("transitEncryption") == "ENABLED"
    if authorization and not encrypted:
        yield Problem(f"{path}.transitEncryption", "must be ENABLED with an access point or IAM")
    if authorization.get("accessPointId") and volume.get("rootDirectory", "/") != "/":
        yield Problem(f"{path}.rootDirectory", "must be left out or / with an access point")


def _containers(containers: list[Any], volumes: set[str]) -> Iterator[Problem]:
    for container in containers:
        for mount in container.get("mountPoints", []):
            if mount["sourceVolume"] not in volumes:
                yield Problem("containerDefinitions", f"mounts {mount['sourceVolume']}, which is no volume of the task")
        if container.get("stopTimeout", 0) > LONGEST_STOP:
            yield Problem("containerDefinitions", f"stopTimeout is at most {LONGEST_STOP} on Fargate")
        names = [entry["name"] for kind in ("environment", "secrets") for entry in container.get(kind, [])]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Problem("containerDefinitions", f"gives {name} twice")
        if not all(isinstance(entry["value"], str) for entry in container.get("environment", [])):
            yield Problem("containerDefinitions", "environment values must be strings")


def service(inputs: Inputs) -> Iterator[Problem]:
    least = inputs.get("deploymentMinimumHealthyPercent", 100)
    most = inputs.get("deploymentMaximumPercent", 200)
    if least >= most:
        yield Problem("deploymentMaximumPercent", "must be above deploymentMinimumHealthyPercent, or nothing can move")
    if inputs.get("availabilityZoneRebalancing") == "ENABLED" and most <= 100:
        yield Problem("availabilityZoneRebalancing", "needs deploymentMaximumPercent above 100")
    if inputs.get("healthCheckGracePeriodSeconds") is not None and not inputs.get("loadBalancers"):
        yield Problem("healthCheckGracePeriodSeconds", "is for services behind a balancer")
    if inputs.get("launchType") and inputs.get("capacityProviderStrategies"):
        yield Problem("launchType", "conflicts with capacityProviderStrategies")


def balancer(inputs: Inputs) -> Iterator[Problem]:
    if known(inputs.get("idleTimeout")) and not 1 <= inputs["idleTimeout"] <= LONGEST_IDLE:
        yield Problem("idleTimeout", f"must be between 1 and {LONGEST_IDLE}")
    if len(inputs.get("subnets", [])) < 2:
        yield Problem("subnets", "At least two subnets in two different Availability Zones must be specified")
    yield from short_name(inputs)


def short_name(inputs: Inputs) -> Iterator[Problem]:
    if known(inputs.get("name")) and len(inputs["name"]) > LONGEST_NAME:
        yield Problem("name", f"is longer than {LONGEST_NAME} characters")


def target_group(inputs: Inputs) -> Iterator[Problem]:
    check = inputs.get("healthCheck") or {}
    if check.get("timeout", 5) >= check.get("interval", 30):
        yield Problem("healthCheck.timeout", "must be below the interval")
    yield from short_name(inputs)


def listener(inputs: Inputs) -> Iterator[Problem]:
    if inputs.get("protocol") == "HTTPS" and not inputs.get("certificateArn"):
        yield Problem("certificateArn", "A certificate must be specified for HTTPS listeners")
    if inputs.get("protocol") == "HTTP" and (inputs.get("certificateArn") or inputs.get("sslPolicy")):
        yield Problem("certificateArn", "is for HTTPS listeners")


def log_group(inputs: Inputs) -> Iterator[Problem]:
    if known(inputs.get("retentionInDays")) and inputs["retentionInDays"] not in LOG_DAYS:
        yield Problem("retentionInDays", f"{inputs['retentionInDays']} is no retention that CloudWatch Logs has")


def security_rule(inputs: Inputs) -> Iterator[Problem]:
    sources = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
    if sum(inputs.get(source) is not None for source in sources) != 1:
        yield Problem("", f"needs exactly one of {', '.join(sources)}")
    ports = inputs.get("fromPort"), inputs.get("toPort")
    if inputs.get("ipProtocol") == "-1" and any(port is not None for port in ports):
        yield Problem("fromPort", "must be left out with ipProtocol -1")
    if inputs.get("ipProtocol") in {"tcp", "udp"} and None in ports:
        yield Problem("fromPort", "and toPort are required")


def subnet(inputs: Inputs) -> Iterator[Problem]:
    if known(inputs.get("cidrBlock")) and not 16 <= IPv4Network(inputs["cidrBlock"]).prefixlen <= 28:
        yield Problem("cidrBlock", "must be between /16 and /28")


def endpoint(inputs: Inputs) -> Iterator[Problem]:
    if inputs.get("vpcEndpointType") == "Gateway" and inputs.get("subnetIds"):
        yield Problem("subnetIds", "are for interface endpoints")


def policy(prop: str) -> Any:
    """Return the rule of a property that holds an IAM document."""

    def rule(inputs: Inputs) -> Iterator[Problem]:
        text = inputs.get(prop)
        if not known(text):
            return
        try:
            statements = json.loads(text)["Statement"]
        except (ValueError, KeyError):
            yield Problem(prop, "MalformedPolicyDocument")
            return
        for statement in statements:
            if statement.get("Effect") not in {"Allow", "Deny"} or not statement.get("Action"):
                yield Problem(prop, "MalformedPolicyDocument: a statement needs Effect and Action")

    return rule


def role(inputs: Inputs) -> Iterator[Problem]:
    yield from policy("assumeRolePolicy")(inputs)
    if len(inputs.get("namePrefix") or "") > 38:
        yield Problem("namePrefix", "is longer than 38 characters")


def emr_cluster(inputs: Inputs) -> Iterator[Problem]:
    attributes = inputs.get("ec2Attributes") or {}
    if inputs.get("masterInstanceGroup") and attributes.get("subnetIds"):
        yield Problem("ec2Attributes.subnetIds", "are for instance fleets")
    if attributes.get("emrManagedMasterSecurityGroup") and not attributes.get("serviceAccessSecurityGroup"):
        yield Problem("ec2Attributes.serviceAccessSecurityGroup", "is required in a private subnet")
    if inputs.get("keepJobFlowAliveWhenNoSteps") is False and not inputs.get("steps"):
        yield Problem("keepJobFlowAliveWhenNoSteps", "without steps ends the cluster at once")


def scaling_bounds(inputs: Inputs) -> Iterator[Problem]:
    least, most = inputs.get("minCapacity"), inputs.get("maxCapacity")
    if known(least) and known(most) and least > most:
        yield Problem("maxCapacity", "must not be below minCapacity")


def bucket_refusal(inputs: Inputs) -> str | None:
    """A stack's bucket holds something; S3 deletes none that does, unless it is told to empty it."""
    return None if inputs.get("forceDestroy") is True else "BucketNotEmpty: The bucket you tried to delete is not empty"


def repository_refusal(inputs: Inputs) -> str | None:
    return None if inputs.get("forceDelete") is True else "RepositoryNotEmptyException: it still contains images"


def vault_refusal(inputs: Inputs) -> str | None:
    return (
        None
        if inputs.get("forceDestroy") is True
        else "InvalidRequestException: Backup vault cannot be deleted (contains recovery points)"
    )


RULES = {
    "aws:appautoscaling/target:Target": scaling_bounds,
    "aws:cloudwatch/logGroup:LogGroup": log_group,
    "aws:ec2/subnet:Subnet": subnet,
    "aws:ec2/vpcEndpoint:VpcEndpoint": endpoint,
    "aws:ecs/service:Service": service,
    "aws:ecs/taskDefinition:TaskDefinition": task_definition,
    "aws:efs/fileSystem:FileSystem": file_system,
    "aws:efs/fileSystemPolicy:FileSystemPolicy": policy("policy"),
    "aws:elasticache/replicationGroup:ReplicationGroup": replication_group,
    "aws:emr/cluster:Cluster": emr_cluster,
    "aws:iam/role:Role": role,
    "aws:iam/rolePolicy:RolePolicy": policy("policy"),
    "aws:lb/listener:Listener": listener,
    "aws:lb/loadBalancer:LoadBalancer": balancer,
    "aws:lb/targetGroup:TargetGroup": target_group,
    "aws:rds/instance:Instance": database,
    "aws:s3/bucketPolicy:BucketPolicy": policy("policy"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": security_rule,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": security_rule,
}
REFUSALS = {
    "aws:backup/vault:Vault": vault_refusal,
    "aws:ecr/repository:Repository": repository_refusal,
    "aws:rds/instance:Instance": database_refusal,
    "aws:s3/bucket:Bucket": bucket_refusal,
}
