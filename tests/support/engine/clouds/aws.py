"""AWS as its stand-in knows it: outputs in `aws_outputs`, rules in `aws_rules`, and here what replaces what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from support.engine.clouds import aws_outputs as made
from support.engine.clouds.aws_outputs import ACCOUNT, REGION, called, numbered
from support.engine.clouds.aws_rules import REFUSALS, RULES
from support.engine.facts import CloudFacts, Inputs

ZONES = {"example.com.": "Z0EXAMPLE0COM"}
"""The public zones of the account, by name."""
EXISTS_NOT = "no matching Route 53 Hosted Zone found"


def availability_zones(arguments: Inputs) -> Mapping[str, Any]:
    names = [f"{REGION}{letter}" for letter in "abc"]
    zones = [f"euc1-az{number}" for number in (2, 3, 1)]
    return {"id": REGION, "names": names, "zoneIds": zones, "region": REGION, "groupNames": [REGION]}


def caller_identity(arguments: Inputs) -> Mapping[str, Any]:
    return {
        "id": ACCOUNT,
        "accountId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/operator",
        "userId": "AIDAEXAMPLE",
    }


def region(arguments: Inputs) -> Mapping[str, Any]:
    return {
        "id": REGION,
        "name": REGION,
        "region": REGION,
        "description": "Europe (Frankfurt)",
        "endpoint": f"ec2.{REGION}.amazonaws.com",
    }


def partition(arguments: Inputs) -> Mapping[str, Any]:
    return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def zone(arguments: Inputs) -> Mapping[str, Any]:
    from support.engine.behaviour import Refused

    name = str(arguments["name"]).rstrip(".") + "."
    if name not in ZONES:
        raise Refused(EXISTS_NOT)
    return {"id": ZONES[name], "zoneId": ZONES[name], "name": name, "privateZone": False}


def registry_token(arguments: Inputs) -> Mapping[str, Any]:
    return {
        "id": REGION,
        "userName": "AWS",
        "password": "a-token-of-twelve-hours",
        "proxyEndpoint": f"https://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com",
        "authorizationToken": "QVdTOmEtdG9rZW4tb2YtdHdlbHZlLWhvdXJz",
        "expiresAt": "2026-11-26T00:00:00Z",
    }


OUTPUTS = {
    "*": made.every,
    "aws:acm/certificate:Certificate": made.certificate,
    "aws:acm/certificateValidation:CertificateValidation": made.certificate_validation,
    "aws:backup/vault:Vault": made.vault,
    "aws:cloudwatch/logGroup:LogGroup": made.log_group,
    "aws:ec2/eip:Eip": made.address,
    "aws:ec2/internetGateway:InternetGateway": numbered("ec2", "internet-gateway", "igw"),
    "aws:ec2/natGateway:NatGateway": numbered("ec2", "natgateway", "nat"),
    "aws:ec2/routeTable:RouteTable": numbered("ec2", "route-table", "rtb"),
    "aws:ec2/securityGroup:SecurityGroup": numbered("ec2", "security-group", "sg"),
    "aws:ec2/subnet:Subnet": numbered("ec2", "subnet", "subnet"),
    "aws:ec2/vpc:Vpc": numbered("ec2", "vpc", "vpc"),
    "aws:ecr/repository:Repository": made.repository,
    "aws:ecs/cluster:Cluster": made.ecs_cluster,
    "aws:ecs/service:Service": made.ecs_service,
    "aws:ecs/taskDefinition:TaskDefinition": made.task_definition,
    "aws:efs/accessPoint:AccessPoint": numbered("elasticfilesystem", "access-point", "fsap"),
    "aws:efs/fileSystem:FileSystem": made.file_system,
    "aws:elasticache/replicationGroup:ReplicationGroup": made.replication_group,
    "aws:emr/cluster:Cluster": made.emr_cluster,
    "aws:emr/securityConfiguration:SecurityConfiguration": called("elasticmapreduce", "securityConfiguration"),
    "aws:emrserverless/application:Application": made.emr_application,
    "aws:iam/instanceProfile:InstanceProfile": made.instance_profile,
    "aws:iam/role:Role": made.role,
    "aws:kms/key:Key": made.key,
    "aws:lb/listener:Listener": made.listener,
    "aws:lb/loadBalancer:LoadBalancer": made.balancer,
    "aws:lb/targetGroup:TargetGroup": made.target_group,
    "aws:rds/instance:Instance": made.database,
    "aws:route53/record:Record": made.record,
    "aws:route53/zone:Zone": made.zone,
    "aws:s3/bucket:Bucket": made.bucket,
    "aws:secretsmanager/secret:Secret": made.secret,
    "aws:secretsmanager/secretVersion:SecretVersion": made.secret_version,
    "aws:sns/topic:Topic": made.topic,
}

NAMED = ["name", "namePrefix"]
REPLACES = {
    "*": ["region"],
    "aws:acm/certificate:Certificate": ["domainName", "subjectAlternativeNames", "validationMethod"],
    "aws:acm/certificateValidation:CertificateValidation": ["certificateArn", "validationRecordFqdns"],
    "aws:appautoscaling/policy:Policy": ["name", "resourceId", "scalableDimension", "serviceNamespace"],
    "aws:appautoscaling/target:Target": ["resourceId", "scalableDimension", "serviceNamespace"],
    "aws:backup/selection:Selection": ["planId", "name", "iamRoleArn", "resources"],
    "aws:backup/vault:Vault": ["name", "kmsKeyArn"],
    "aws:cloudwatch/dashboard:Dashboard": ["dashboardName"],
    "aws:cloudwatch/logGroup:LogGroup": [*NAMED, "logGroupClass"],
    "aws:cloudwatch/metricAlarm:MetricAlarm": ["name"],
    "aws:ec2/flowLog:FlowLog": ["vpcId", "trafficType", "logDestination", "logDestinationType", "iamRoleArn"],
    "aws:ec2/natGateway:NatGateway": ["allocationId", "subnetId", "connectivityType", "availabilityMode"],
    "aws:ec2/route:Route": ["routeTableId", "destinationCidrBlock"],
    "aws:ec2/routeTable:RouteTable": ["vpcId"],
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ["subnetId"],
    "aws:ec2/securityGroup:SecurityGroup": ["vpcId", *NAMED, "description"],
    "aws:ec2/subnet:Subnet": ["vpcId", "cidrBlock", "availabilityZone"],
    "aws:ec2/vpc:Vpc": ["cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength"],
    "aws:ec2/vpcEndpoint:VpcEndpoint": ["vpcId", "serviceName", "vpcEndpointType"],
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": ["repository", "policy"],
    "aws:ecr/repository:Repository": ["name", "encryptionConfigurations"],
    "aws:ecs/cluster:Cluster": ["name"],
    "aws:ecs/service:Service": ["name", "cluster", "launchType", "schedulingStrategy", "deploymentController"],
    "aws:ecs/taskDefinition:TaskDefinition": [
        "family", "containerDefinitions", "cpu", "memory", "networkMode", "executionRoleArn", "taskRoleArn",
        "requiresCompatibilities", "runtimePlatform", "volumes", "ephemeralStorage",
    ],
    "aws:efs/accessPoint:AccessPoint": ["fileSystemId", "posixUser", "rootDirectory"],
    "aws:efs/fileSystem:FileSystem": ["encrypted", "kmsKeyId", "performanceMode", "availabilityZoneName"],
    "aws:efs/mountTarget:MountTarget": ["fileSystemId", "subnetId", "ipAddress"],
    "aws:elasticache/replicationGroup:ReplicationGroup": [
        "replicationGroupId", "atRestEncryptionEnabled", "kmsKeyId", "port", "subnetGroupName", "engine",
    ],
    "aws:elasticache/subnetGroup:SubnetGroup": ["name"],
    "aws:emr/cluster:Cluster": [
        "name", "releaseLabel", "applications", "ec2Attributes", "securityConfiguration", "serviceRole", "logUri",
        "masterInstanceGroup", "coreInstanceGroup.instanceType", "configurationsJson",
        "keepJobFlowAliveWhenNoSteps",
    ],
    "aws:emr/managedScalingPolicy:ManagedScalingPolicy": ["clusterId"],
    "aws:emr/securityConfiguration:SecurityConfiguration": [*NAMED, "configuration"],
    "aws:emrserverless/application:Application": ["name", "type"],
    "aws:iam/instanceProfile:InstanceProfile": NAMED,
    "aws:iam/role:Role": NAMED,
    "aws:iam/rolePolicy:RolePolicy": ["role", *NAMED],
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ["role", "policyArn"],
    "aws:lb/listener:Listener": ["loadBalancerArn"],
    "aws:lb/loadBalancer:LoadBalancer": ["name", "internal", "loadBalancerType"],
    "aws:lb/targetGroup:TargetGroup": ["name", "port", "protocol", "vpcId", "targetType"],
    "aws:rds/instance:Instance": [
        "engine", "storageEncrypted", "kmsKeyId", "username", "dbName", "identifierPrefix", "availabilityZone",
    ],
    "aws:rds/parameterGroup:ParameterGroup": [*NAMED, "family", "description"],
    "aws:rds/subnetGroup:SubnetGroup": NAMED,
    "aws:route53/record:Record": ["zoneId"],
    "aws:route53/zone:Zone": ["name"],
    "aws:s3/bucket:Bucket": ["bucket", "bucketPrefix", "objectLockEnabled"],
    "aws:secretsmanager/secret:Secret": NAMED,
    "aws:secretsmanager/secretVersion:SecretVersion": ["secretId", "secretString"],
    "aws:sns/topic:Topic": NAMED,
    "aws:sns/topicSubscription:TopicSubscription": ["topic", "protocol", "endpoint"],
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ["securityGroupId"],
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ["securityGroupId"],
}  # fmt: skip

NAMES = {
    "aws:appautoscaling/policy:Policy": "name",
    "aws:cloudwatch/logGroup:LogGroup": "name",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "name",
    "aws:ec2/securityGroup:SecurityGroup": "name",
    "aws:ecr/repository:Repository": "name",
    "aws:ecs/cluster:Cluster": "name",
    "aws:ecs/service:Service": "name",
    "aws:elasticache/replicationGroup:ReplicationGroup": "replicationGroupId",
    "aws:elasticache/subnetGroup:SubnetGroup": "name",
    "aws:emr/securityConfiguration:SecurityConfiguration": "name",
    "aws:iam/instanceProfile:InstanceProfile": "name",
    "aws:iam/role:Role": "name",
    "aws:iam/rolePolicy:RolePolicy": "name",
    "aws:lb/loadBalancer:LoadBalancer": "name",
    "aws:lb/targetGroup:TargetGroup": "name",
    "aws:rds/instance:Instance": "identifier",
    "aws:rds/parameterGroup:ParameterGroup": "name",
    "aws:rds/subnetGroup:SubnetGroup": "name",
    "aws:s3/bucket:Bucket": "bucket",
    "aws:secretsmanager/secret:Secret": "name",
    "aws:sns/topic:Topic": "name",
}

FACTS = CloudFacts(
    outputs=OUTPUTS,
    secret_outputs={"aws:secretsmanager/secretVersion:SecretVersion": ("secretString",)},
    replaces=REPLACES,
    names=NAMES,
    unique={
        "aws:backup/vault:Vault": "name",
        "aws:cloudwatch/logGroup:LogGroup": "name",
        "aws:ec2/securityGroup:SecurityGroup": "name",
        "aws:ecr/repository:Repository": "name",
        "aws:ecs/cluster:Cluster": "name",
        "aws:elasticache/replicationGroup:ReplicationGroup": "replicationGroupId",
        "aws:iam/role:Role": "name",
        "aws:lb/loadBalancer:LoadBalancer": "name",
        "aws:lb/targetGroup:TargetGroup": "name",
        "aws:rds/instance:Instance": "identifier",
        "aws:s3/bucket:Bucket": "bucket",
        "aws:secretsmanager/secret:Secret": "name",
    },
    rules=RULES,
    delete_refusals=REFUSALS,
    invokes={
        "aws:ecr/getAuthorizationToken:getAuthorizationToken": registry_token,
        "aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones,
        "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
        "aws:index/getPartition:getPartition": partition,
        "aws:index/getRegion:getRegion": region,
        "aws:route53/getZone:getZone": zone,
    },
)
