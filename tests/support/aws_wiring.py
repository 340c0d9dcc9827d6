"""Whether a rendered AWS stack would work: who reaches whom, from which subnets, and which role may what it has to.

Works on the resources of a state, so that a test can break one property in a copy and ask again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from support.iam import ALLOWED, Call, decide

ANYWHERE = "0.0.0.0/0"
INWARD = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"
OUTWARD = "vpc/securityGroupEgressRule:SecurityGroupEgressRule"


class Resource(Protocol):
    """A resource of a state."""

    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...
    @property
    def outputs(self) -> Mapping[str, Any]: ...


class Wiring:
    """The resources of one stack by class: `ecs/service:Service` without the package."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = resources

    def of(self, kind: str) -> list[Resource]:
        return [one for one in self.resources if one.type == f"aws:{kind}"]

    def by_arn(self, kind: str, arn: str) -> Resource:
        return next(one for one in self.of(kind) if one.outputs["arn"] == arn)

    def complaints(self) -> list[str]:
        """Return everything that would not work."""
        return [text for check in CHECKS for text in check(self)]

    # Subnets

    def way_out(self, subnet: str) -> str:
        """Return how a subnet reaches the internet: `internet` (and is reached), `nat`, or `none`."""
        tables = {
            one.inputs["routeTableId"]
            for one in self.of("ec2/routeTableAssociation:RouteTableAssociation")
            if one.inputs["subnetId"] == subnet
        }
        routes = [one.inputs for one in self.of("ec2/route:Route") if one.inputs["routeTableId"] in tables]
        outward = [route for route in routes if route.get("destinationCidrBlock") == ANYWHERE]
        if any(route.get("gatewayId") for route in outward):
            return "internet"
        return "nat" if any(route.get("natGatewayId") for route in outward) else "none"

    # Security groups

    def reaches(self, sources: Sequence[str], targets: Sequence[str], port: int) -> bool:
        """Return whether something in one of the first groups may open a port of something in one of the others."""
        lets_in = [
            rule.inputs.get("referencedSecurityGroupId")
            for rule in self.of(INWARD)
            if rule.inputs["securityGroupId"] in targets and covers(rule.inputs, port)
        ]
        goes_to = [
            rule.inputs.get("referencedSecurityGroupId")
            for rule in self.of(OUTWARD)
            if rule.inputs["securityGroupId"] in sources and covers(rule.inputs, port)
        ]
        # A rule without a group is for a network: all of it.
        return bool({*sources} & {*lets_in}) and (None in goes_to or bool({*targets} & {*goes_to}))

    # Roles

    def policies(self, role_arn: str) -> list[Mapping[str, Any]]:
        names = [one.outputs["name"] for one in self.of("iam/role:Role") if one.outputs["arn"] == role_arn]
        inline = [one for one in self.of("iam/rolePolicy:RolePolicy") if one.inputs["role"] in names]
        return [json.loads(one.inputs["policy"]) for one in inline]

    def lacks(self, role_arn: str, calls: Sequence[Call]) -> list[Call]:
        policies = self.policies(role_arn)
        return [call for call in calls if decide(policies, call) != ALLOWED]


def covers(rule: Mapping[str, Any], port: int) -> bool:
    return rule["ipProtocol"] == "-1" or rule["fromPort"] <= port <= rule["toPort"]


def subnets_fit(wiring: Wiring) -> Iterator[str]:
    """Containers go out by NAT, data does not go out, balancers and gateways stand outside."""
    for kind, paths, wanted in PLACES:
        for one in wiring.of(kind):
            for subnet in subnets_at(one.inputs, paths):
                found = wiring.way_out(subnet)
                if found != wanted:
                    yield f"{one.name} ({kind}) is in a subnet whose way out is {found}, not {wanted}"


PLACES = (
    ("ecs/service:Service", ("networkConfiguration", "subnets"), "nat"),
    ("rds/subnetGroup:SubnetGroup", ("subnetIds",), "none"),
    ("elasticache/subnetGroup:SubnetGroup", ("subnetIds",), "none"),
    ("efs/mountTarget:MountTarget", ("subnetId",), "none"),
    ("lb/loadBalancer:LoadBalancer", ("subnets",), "internet"),
    ("ec2/natGateway:NatGateway", ("subnetId",), "internet"),
)


def subnets_at(inputs: Mapping[str, Any], paths: tuple[str, ...]) -> list[str]:
    value: Any = inputs
    for name in paths:
        value = value[name]
    return [value] if isinstance(value, str) else list(value)


def services_reach_data(wiring: Wiring) -> Iterator[str]:
    """Every service reaches database, share and Redis."""
    for service in wiring.of("ecs/service:Service"):
        own = service.inputs["networkConfiguration"]["securityGroups"]
        for name, groups, port in stores(wiring):
            if not wiring.reaches(own, groups, port):
                yield f"{service.name} does not reach {name} on {port}"


def stores(wiring: Wiring) -> Iterator[tuple[str, Sequence[str], int]]:
    for one in wiring.of("rds/instance:Instance"):
        yield "the database", one.inputs["vpcSecurityGroupIds"], one.inputs["port"]
    for one in wiring.of("efs/mountTarget:MountTarget"):
        yield "the share", one.inputs["securityGroups"], 2049
    for one in wiring.of("elasticache/replicationGroup:ReplicationGroup"):
        yield "Redis", one.inputs["securityGroupIds"], one.inputs["port"]


def balancers_reach_services(wiring: Wiring) -> Iterator[str]:
    """Every listener that forwards leads to a service that listens on that port."""
    for listener in wiring.of("lb/listener:Listener"):
        balancer = wiring.by_arn("lb/loadBalancer:LoadBalancer", listener.inputs["loadBalancerArn"])
        for action in listener.inputs["defaultActions"]:
            if action["type"] == "forward":
                yield from forwards(wiring, balancer, action["targetGroupArn"])


def forwards(wiring: Wiring, balancer: Resource, group_arn: str) -> Iterator[str]:
    group = wiring.by_arn("lb/targetGroup:TargetGroup", group_arn)
    behind = [
        (service, target)
        for service in wiring.of("ecs/service:Service")
        for target in service.inputs.get("loadBalancers", [])
        if target["targetGroupArn"] == group_arn
    ]
    if not behind:
        yield f"nothing is behind {balancer.name}"
    for service, target in behind:
        own = service.inputs["networkConfiguration"]["securityGroups"]
        port = target["containerPort"]
        if port != group.inputs["port"] or port not in ports_of(wiring, service):
            yield f"{balancer.name} asks {service.name} on a port where nothing listens"
        if not wiring.reaches(balancer.inputs["securityGroups"], own, port):
            yield f"{balancer.name} does not reach {service.name} on {port}"


def ports_of(wiring: Wiring, service: Resource) -> list[int]:
    definition = wiring.by_arn("ecs/taskDefinition:TaskDefinition", service.inputs["taskDefinition"])
    return [mapping["containerPort"] for mapping in container_of(definition)["portMappings"]]


def container_of(definition: Resource) -> Mapping[str, Any]:
    (container,) = json.loads(definition.inputs["containerDefinitions"])
    return dict(container)


def jobs_reach_the_server(wiring: Wiring) -> Iterator[str]:
    """A job reaches the private address, and no store."""
    jobs = [one.id for one in wiring.of("ec2/securityGroup:SecurityGroup") if one.name == "jobs"]
    for listener in wiring.of("lb/listener:Listener"):
        balancer = wiring.by_arn("lb/loadBalancer:LoadBalancer", listener.inputs["loadBalancerArn"])
        port = listener.inputs["port"]
        if balancer.name == "jobs" and not wiring.reaches(jobs, balancer.inputs["securityGroups"], port):
            yield f"jobs do not reach the server on {port}"
    for name, groups, port in stores(wiring):
        if wiring.reaches(jobs, groups, port):
            yield f"jobs reach {name}"


def roles_suffice(wiring: Wiring) -> Iterator[str]:
    """The role that starts a task may pull, log and read its secrets; its own mounts the share."""
    for definition in wiring.of("ecs/taskDefinition:TaskDefinition"):
        container = container_of(definition)
        needs = {
            "executionRoleArn": list(starting(wiring, container)),
            "taskRoleArn": list(working(wiring, definition, container)),
        }
        for role, calls in needs.items():
            for call in wiring.lacks(definition.inputs[role], calls):
                yield f"{definition.name}: {role} may not {call.action} on {call.resource}"


def starting(wiring: Wiring, container: Mapping[str, Any]) -> Iterator[Call]:
    yield Call("ecr:GetAuthorizationToken")
    for repository in wiring.of("ecr/repository:Repository"):
        yield Call("ecr:BatchGetImage", repository.outputs["arn"])
    for secret in container["secrets"]:
        yield Call("secretsmanager:GetSecretValue", secret["valueFrom"])
    group = container["logConfiguration"]["options"]["awslogs-group"]
    for log_group in wiring.of("cloudwatch/logGroup:LogGroup"):
        if log_group.outputs["name"] == group:
            yield Call("logs:PutLogEvents", f"{log_group.outputs['arn']}:log-stream:x")


def working(wiring: Wiring, definition: Resource, container: Mapping[str, Any]) -> Iterator[Call]:
    points = {one.id: one.outputs["arn"] for one in wiring.of("efs/accessPoint:AccessPoint")}
    files = {one.id: one.outputs["arn"] for one in wiring.of("efs/fileSystem:FileSystem")}
    for volume in definition.inputs["volumes"]:
        if (share := volume.get("efsVolumeConfiguration")) is not None:
            point = points[share["authorizationConfig"]["accessPointId"]]
            through = {"elasticfilesystem:AccessPointArn": point}
            yield Call("elasticfilesystem:ClientMount", files[share["fileSystemId"]], through)
            yield Call("elasticfilesystem:ClientWrite", files[share["fileSystemId"]], through)
    for entry in container["environment"]:
        if entry["name"] == "PENSTOCK_DB_SECRET":
            yield Call("secretsmanager:GetSecretValue", entry["value"].removeprefix("aws:").partition("#")[0])


CHECKS: tuple[Callable[[Wiring], Iterator[str]], ...] = (
    subnets_fit,
    services_reach_data,
    balancers_reach_services,
    jobs_reach_the_server,
    roles_suffice,
)
