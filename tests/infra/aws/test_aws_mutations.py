"""One property broken at a time: the wiring, the stand-in or the policy pack says so by name.

The resources of a rendered stack are taken as they were registered, one of them is changed or taken out, and everything
that looks at them is asked again. The unbroken stack has no complaint.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from penstock_infra.policy.rule import Resource, Stack
from penstock_infra.policy.rules import RULES, STACK_RULES
from support.aws_wiring import Wiring
from support.engine.behaviour import Behaviour
from support.engine.records import StateResource
from support.engine.world import World

CONFIG = {"protectData": True, "topology": "autoscale"}
Change = Callable[[dict[str, Any], list[StateResource]], Any]


@dataclass(frozen=True)
class Mutation:
    """What is broken, of which resource (class and name), how (None: it is taken out), and what is said then."""

    name: str
    kind: str
    resource: str
    change: Change | None
    said: str


def complaints(resources: list[StateResource]) -> list[str]:
    """Return what anybody has against these resources."""
    behaviour = Behaviour(World())
    ours = [one for one in resources if one.type.startswith("aws:")]
    found = [
        f"{one.name}: {problem.path} {problem.reason}"
        for one in ours
        for problem in behaviour.problems(one.type, one.inputs)
    ]
    as_asked = [Resource(one.type, one.name, one.inputs, protect=one.protect, config=CONFIG) for one in resources]
    there = [
        replace(asked, props={**one.outputs, **one.inputs}) for asked, one in zip(as_asked, resources, strict=True)
    ]
    found += [text for asked in as_asked for rule in RULES for text in rule.complaints(asked)]
    found += [text for rule in STACK_RULES for text in rule.complaints(Stack(there, CONFIG))]
    return found + Wiring(resources).complaints()


def setting(path: str, value: Any) -> Change:
    """Return a change of one property at a dotted path; numbers are positions in lists."""

    def change(inputs: Any, _resources: list[StateResource]) -> None:
        *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        place: Any = inputs
        for part in way:
            place = place[part]
        place[last] = value

    return change


def in_json(prop: str, change: Change) -> Change:
    """Return a change inside of a property that is JSON."""

    def changed(inputs: dict[str, Any], resources: list[StateResource]) -> None:
        decoded = json.loads(inputs[prop])
        change(decoded, resources)
        inputs[prop] = json.dumps(decoded)

    return changed


def in_container(path: str, value: Any) -> Change:
    return in_json("containerDefinitions", setting(f"0.{path}", value))


def adding_variable(name: str, value: str) -> Change:
    return in_json(
        "containerDefinitions", lambda found, _: found[0]["environment"].append({"name": name, "value": value})
    )


def in_statements(actions: str, **parts: Any) -> Change:
    """Return a change of the statement with an action; None takes a part away."""

    def change(document: dict[str, Any], _resources: list[StateResource]) -> None:
        statement = next(one for one in document["Statement"] if actions in one["Action"])
        statement.update(parts)
        for name in [name for name, value in parts.items() if value is None]:
            del statement[name]

    return in_json("policy", change)


def open_to_world(inputs: dict[str, Any], _resources: list[StateResource]) -> None:
    del inputs["referencedSecurityGroupId"]
    inputs["cidrIpv4"] = "0.0.0.0/0"


def with_id_of(path: str, kind: str, name: str) -> Change:
    """Return a change that puts the id of another resource there."""

    def change(inputs: dict[str, Any], resources: list[StateResource]) -> None:
        other = next(one for one in resources if (one.type, one.name) == (f"aws:{kind}", name))
        setting(path, other.id)(inputs, resources)

    return change


def forwarding_to(group: str) -> Change:
    """Return a change of a listener: what comes is handed on as it is."""

    def change(inputs: dict[str, Any], resources: list[StateResource]) -> None:
        inputs["defaultActions"] = [{"type": "forward"}]
        with_id_of("defaultActions.0.targetGroupArn", "lb/targetGroup:TargetGroup", group)(inputs, resources)

    return change


SUBNET, GROUP = "ec2/subnet:Subnet", "ec2/securityGroup:SecurityGroup"
TASK, SERVICE = "ecs/taskDefinition:TaskDefinition", "ecs/service:Service"
ROLE_POLICY, INGRESS = "iam/rolePolicy:RolePolicy", "vpc/securityGroupIngressRule:SecurityGroupIngressRule"
DATABASE, CACHE = "rds/instance:Instance", "elasticache/replicationGroup:ReplicationGroup"
MUTATIONS = (
    # What the policy pack holds to.
    Mutation("database unencrypted", DATABASE, "database", setting("storageEncrypted", False), "storageEncrypted"),
    Mutation("database public", DATABASE, "database", setting("publiclyAccessible", True), "publiclyAccessible"),
    Mutation("database deletable", DATABASE, "database", setting("deletionProtection", False), "deletionProtection"),
    Mutation("database in one zone", DATABASE, "database", setting("multiAz", False), "multiAz"),
    Mutation(
        "database without TLS",
        "rds/parameterGroup:ParameterGroup",
        "database",
        setting("parameters.0.value", "0"),
        "force_ssl",
    ),
    Mutation(
        "Redis without TLS", CACHE, "cache", setting("transitEncryptionEnabled", False), "transitEncryptionEnabled"
    ),
    Mutation("share unencrypted", "efs/fileSystem:FileSystem", "share", setting("encrypted", False), "encrypted"),
    Mutation("share not backed up", "backup/selection:Selection", "share", None, "nothing backs it up"),
    Mutation("share open", "efs/fileSystemPolicy:FileSystemPolicy", "share", None, "has no policy"),
    Mutation(
        "bucket public",
        "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "data",
        setting("blockPublicPolicy", False),
        "blockPublicPolicy",
    ),
    Mutation("port open to the world", INGRESS, "database-scheduler", open_to_world, "database-scheduler"),
    Mutation(
        "old TLS", "lb/listener:Listener", "https", setting("sslPolicy", "ELBSecurityPolicy-2016-08"), "sslPolicy"
    ),
    Mutation(
        "page by HTTP",
        "lb/listener:Listener",
        "http",
        forwarding_to("web"),
        "http (aws:lb/listener",
    ),
    Mutation(
        "public address", SERVICE, "scheduler", setting("networkConfiguration.assignPublicIp", True), "assignPublicIp"
    ),
    Mutation("wildcard action", ROLE_POLICY, "scheduler-task", in_statements("ecs:RunTask", Action=["ecs:*"]), "ecs:*"),
    Mutation(
        "any role passed",
        ROLE_POLICY,
        "scheduler-task",
        in_statements("iam:PassRole", Condition=None),
        "PassedToService",
    ),
    Mutation("plain secret", TASK, "web", adding_variable("PENSTOCK_ENCRYPTION_KEY", "abc"), "PENSTOCK_ENCRYPTION_KEY"),
    Mutation("image by tag", TASK, "web", in_container("image", "penstock:latest"), "digest"),
    Mutation(
        "mutable tags",
        "ecr/repository:Repository",
        "images",
        setting("imageTagMutability", "MUTABLE"),
        "imageTagMutability",
    ),
    Mutation(
        "logs for ever", "cloudwatch/logGroup:LogGroup", "web", setting("retentionInDays", None), "retentionInDays"
    ),
    # What the cloud itself refuses.
    Mutation(
        "share mounted without TLS",
        TASK,
        "scheduler",
        setting("volumes.2.efsVolumeConfiguration.transitEncryption", "DISABLED"),
        "must be ENABLED",
    ),
    Mutation("no such size", TASK, "web", setting("memory", "16384"), "No Fargate configuration"),
    Mutation("stop takes too long", TASK, "scheduler", in_container("stopTimeout", 300), "at most 120"),
    Mutation(
        "rebalancing where nothing may overlap",
        SERVICE,
        "web",
        setting("deploymentMaximumPercent", 100),
        "availabilityZoneRebalancing",
    ),
    Mutation("failover of a lone node", CACHE, "cache", setting("numCacheClusters", 1), "at least two cache clusters"),
    # What would not work.
    Mutation(
        "secret that its role cannot read",
        ROLE_POLICY,
        "web-execution",
        in_statements("secretsmanager:GetSecretValue", Resource=["arn:aws:secretsmanager:x"]),
        "web: executionRoleArn may not secretsmanager:GetSecretValue",
    ),
    Mutation("missing role", ROLE_POLICY, "scheduler-execution", None, "scheduler: executionRoleArn may not"),
    Mutation(
        "share that its role cannot mount",
        ROLE_POLICY,
        "scheduler-task",
        in_statements("elasticfilesystem:ClientMount", Action=["elasticfilesystem:ClientMount"]),
        "may not elasticfilesystem:ClientWrite",
    ),
    Mutation("no way to the share", INGRESS, "share-scheduler", None, "scheduler does not reach the share on 2049"),
    Mutation("no way to Redis", INGRESS, "cache-web", setting("fromPort", 6380), "web does not reach Redis"),
    Mutation(
        "no way from the balancer",
        "vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "front-web",
        None,
        "front does not reach web on 6789",
    ),
    Mutation("no way for jobs", INGRESS, "jobs-front-jobs", None, "jobs do not reach the server"),
    Mutation(
        "jobs let to the database",
        INGRESS,
        "database-web",
        with_id_of("referencedSecurityGroupId", GROUP, "jobs"),
        "jobs reach the database",
    ),
    Mutation(
        "wrong port behind the balancer",
        "lb/targetGroup:TargetGroup",
        "web",
        setting("port", 8080),
        "on a port where nothing listens",
    ),
    Mutation(
        "wrong subnet",
        SERVICE,
        "scheduler",
        with_id_of("networkConfiguration.subnets.0", SUBNET, "public-a"),
        "scheduler (ecs/service:Service) is in a subnet",
    ),
    Mutation(
        "data in a subnet with a way out",
        "efs/mountTarget:MountTarget",
        "share-a",
        with_id_of("subnetId", SUBNET, "apps-a"),
        "share-a (efs/mountTarget:MountTarget) is in a subnet",
    ),
    Mutation("no way out", "ec2/route:Route", "apps-b", None, "whose way out is none, not nat"),
)


@pytest.fixture(scope="module")
def resources(rendering):
    """The resources of a stack that has everything."""
    return rendering("autoscale").resources


def mutated(resources: list[StateResource], mutation: Mutation) -> list[StateResource]:
    """Return the resources with one of them changed or taken out."""
    (broken,) = [one for one in resources if (one.type, one.name) == (f"aws:{mutation.kind}", mutation.resource)]
    others = [one for one in resources if one is not broken]
    if mutation.change is None:
        return others
    inputs = copy.deepcopy(dict(broken.inputs))
    mutation.change(inputs, resources)
    return [*others, replace(broken, inputs=inputs)]


def test_the_unbroken_stack_has_no_complaint(resources):
    assert complaints(resources) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_is_broken_is_said(resources, mutation):
    before = complaints(resources)
    found = [text for text in complaints(mutated(resources, mutation)) if text not in before]
    assert any(mutation.said in text for text in found), found
