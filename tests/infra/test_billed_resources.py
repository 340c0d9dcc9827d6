"""What a stack makes is what its estimate counts: the checked-in graphs of resources against the lines."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from itertools import product

import pytest

from penstock_infra.billing import is_mark
from penstock_platform.cost import LINE_IDS, estimate
from penstock_platform.planning import blueprint_of
from penstock_platform.vocabulary import Cloud, Topology
from support.golden_graphs import golden_path
from support.stack_configs import blueprint_keys, config_of

# Line, the types that are counted by it, and how many it counts besides them (those that the cloud makes by itself).
COUNTED = {
    Cloud.AWS: [
        ("network-nat", ["aws:ec2/natGateway:NatGateway"], 0),
        ("public-ip", ["aws:ec2/eip:Eip"], 2),  # the balancer's own, one a zone
        ("balancer", ["aws:lb/loadBalancer:LoadBalancer"], 0),
        ("dns", ["aws:route53/zone:Zone"], 0),
        ("kms", ["aws:kms/key:Key"], 0),
        ("secrets", ["aws:secretsmanager/secret:Secret"], 1),  # RDS makes its own
        ("alarms", ["aws:cloudwatch/metricAlarm:MetricAlarm"], 0),
    ],
    Cloud.GCP: [
        ("secrets", ["gcp:secretmanager/secretVersion:SecretVersion"], 0),
        ("alarms", ["gcp:monitoring/alertPolicy:AlertPolicy"], 0),
        ("balancer", ["gcp:compute/urlMap:UrlMap"], 0),  # none without a domain
    ],
    Cloud.AZURE: [
        ("network-nat", ["azure-native:network:NatGateway"], 0),
        ("public-ip", ["azure-native:network:PublicIPAddress"], 1),  # the environment's own
        ("endpoints", ["azure-native:network:PrivateEndpoint"], 0),
        ("dns", ["azure-native:privatedns:PrivateZone"], 0),
        ("registry", ["azure-native:containerregistry:Registry"], 0),
        ("alarms", ["azure-native:monitor:MetricAlert", "azure-native:monitor:ScheduledQueryRule"], 0),
    ],
    Cloud.KUBERNETES: [("balancer", ["kubernetes:networking.k8s.io/v1:Ingress"], 0)],
}
SERVICES = {
    Cloud.AWS: ["aws:ecs/service:Service"],
    Cloud.GCP: ["gcp:cloudrunv2/service:Service", "gcp:cloudrunv2/workerPool:WorkerPool"],
    Cloud.AZURE: ["azure-native:app:ContainerApp"],
    Cloud.KUBERNETES: ["kubernetes:apps/v1:Deployment"],
}
CACHES = {
    Cloud.AWS: "aws:elasticache/replicationGroup:ReplicationGroup",
    Cloud.GCP: "gcp:redis/instance:Instance",
    Cloud.AZURE: "azure-native:redisenterprise:RedisEnterprise",
}


@pytest.fixture(params=list(product(Cloud, Topology)), ids="-".join)
def pair(request):
    return request.param


@pytest.fixture
def made(pair) -> Counter[str]:
    """How many resources of each type the stack has."""
    return Counter(one["type"] for one in json.loads(golden_path(*pair).read_text(encoding="utf-8")))


@pytest.fixture
def lines(pair):
    """The lines of its estimate, by id."""
    return {one.id: one for one in estimate(blueprint_of(blueprint_keys(config_of(*pair)))).lines}


def test_what_is_counted_is_made(pair, made, lines):
    counted = {id: lines[id].quantity if id in lines else 0 for id, _, _ in COUNTED[pair[0]]}
    expected = {id: sum(made[one] for one in types) + besides for id, types, besides in COUNTED[pair[0]]}
    assert counted == expected


def test_every_service_is_counted(pair, made, lines):
    assert sum(made[one] for one in SERVICES[pair[0]]) == len(lines.keys() & {"penstock", "web", "scheduler"})


def test_a_cache_is_counted_where_there_is_one(pair, made, lines):
    cloud = pair[0]
    pods = made["kubernetes:apps/v1:StatefulSet"] - 1  # Postgres is the other
    assert ("cache" in lines) == bool(made[CACHES[cloud]] if cloud in CACHES else pods)


@pytest.mark.parametrize("cloud", Cloud)
def test_every_billed_type_names_a_line_that_there_is(cloud):
    billing = importlib.import_module(f"penstock_infra.{cloud}.billing").BILLING
    assert {value for value in billing.values() if not is_mark(value)} <= set(LINE_IDS)
