"""Every stack as it is rendered, and variants that bring in what the least config leaves out: no rule complains."""

from __future__ import annotations

from typing import Any

import pytest

from penstock_infra.policy.fronts import FORWARDING
from penstock_infra.policy.labels import AZURE_TAGGED
from penstock_infra.policy.spark import CLUSTER, GOOGLE_CLUSTER, SERVERLESS
from penstock_platform.vocabulary import Cloud, Topology
from support.engine.schemas import schema_of
from support.mutations import complaints

SHARED, STARTED = {"mode": "shared", "maxWorkers": 4}, {"mode": "serverless", "maxWorkers": 4}
WATCHED = {"alarms": {"email": "ops@example.com"}, "monthlyBudget": 2000}
VARIANTS: list[tuple[Cloud, Topology, dict[str, Any], str]] = [
    (Cloud.AWS, Topology.SPLIT, {"spark": SHARED}, CLUSTER),
    (Cloud.AWS, Topology.HA, {"spark": STARTED, "exposure": "private"}, SERVERLESS),
    (Cloud.GCP, Topology.AUTOSCALE, {"spark": SHARED, "domain": "penstock.example.com"}, GOOGLE_CLUSTER),
    (Cloud.GCP, Topology.HA, {"domain": "p.example.com", "allowedCidrs": ["203.0.113.0/24"]}, FORWARDING),
    (Cloud.AZURE, Topology.HA, {"exposure": "private"}, "azure-native:privatedns:PrivateRecordSet"),
    (Cloud.KUBERNETES, Topology.HA, {"exposure": "portForward"}, "kubernetes:apps/v1:Deployment"),
    (Cloud.AWS, Topology.SINGLE, WATCHED, "aws:sns/topic:Topic"),
    (Cloud.GCP, Topology.SINGLE, WATCHED, "gcp:monitoring/notificationChannel:NotificationChannel"),
    (Cloud.AZURE, Topology.SINGLE, WATCHED, "azure-native:monitor:ActionGroup"),
]


@pytest.mark.parametrize("topology", Topology)
@pytest.mark.parametrize("cloud", Cloud)
def test_no_rule_complains_of_a_rendered_stack(stack_of, cloud, topology):
    assert complaints(stack_of(cloud, topology)) == []


@pytest.mark.parametrize(("cloud", "topology", "keys", "there"), VARIANTS, ids=lambda value: str(value)[:20])
def test_no_rule_complains_of_a_variant(stack_of, cloud, topology, keys, there):
    made = stack_of(cloud, topology, **keys)
    assert there in {one.type for one in made}
    assert complaints(made) == []


@pytest.mark.parametrize("cloud", Cloud)
def test_a_stack_without_protection_pleases_once_the_rules_know(stack_of, cloud):
    made = stack_of(cloud, Topology.SINGLE, protectData=False)
    assert complaints(made, {"protectData": False}) == []
    assert "data-protected" in {one.rule for one in complaints(made)}


def test_everything_on_azure_that_takes_tags_is_looked_at(stack_of):
    made = stack_of(Cloud.AZURE, Topology.AUTOSCALE)
    kinds = {one.type for one in made if one.type.startswith("azure-native:")}
    assert {kind for kind in kinds if "tags" in schema_of(kind).inputs} <= set(AZURE_TAGGED)
