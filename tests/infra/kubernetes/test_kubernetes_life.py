"""A stack's life on the real engine: what is protected, what may go, and who owns the number of pods."""

from __future__ import annotations

import pytest

from penstock_infra.kubernetes.billing import BILLING
from penstock_infra.program import main
from support.engine.records import EngineFailed
from support.kubernetes.rendering import TOPOLOGIES, config_of

CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
PROVIDER = "pulumi:providers:kubernetes"
HOLDS_DATA = {"stack", "share", "postgres-data", "encryption-key", "database-password"}


@pytest.fixture
def stack(engine_stack):
    def make(*given, **others):
        return engine_stack(main, config_of(*given, **others))

    return make


def test_topologies_change_up_and_down_and_nothing_that_holds_data_is_touched(stack):
    """Protected, so that a plan which deletes any of it would fail."""
    one = stack("single", protectData=True)
    one.up()
    for topology in (*TOPOLOGIES[1:], "ha", "split", "single"):
        one.set_config(topology=topology)
        record = one.up()
        changed = {step.name: step.op for step in record.changes if step.op != "update"}
        assert not changed.keys() & HOLDS_DATA, (topology, changed)
        assert "replace" not in changed.values(), (topology, changed)
        assert one.up().changes == [], topology


def test_what_holds_data_and_nothing_else_is_protected_and_kept(stack):
    one = stack("ha", "public", protectData=True)
    one.up()
    # Random values of the same name are no objects of the cluster.
    of_cluster = [found for found in one.state() if found.type.startswith("kubernetes:")]
    assert {found.name for found in of_cluster if found.protect} == HOLDS_DATA
    assert {found.name for found in of_cluster if found.retain_on_delete} == HOLDS_DATA
    with pytest.raises(EngineFailed, match="protected"):
        one.destroy()


def test_unprotected_everything_goes(stack):
    one = stack("ha", "public")
    one.up()
    one.destroy()
    assert [found.urn for found in one.cloud.objects.values() if found.token.startswith("kubernetes:")] == []


def test_the_cluster_moves_web_and_the_scaler_moves_schedulers_once_they_are_made(stack):
    one = stack("autoscale")
    one.up()
    assert {found.name: found.inputs["spec"]["replicas"] for found in one.cloud.live(DEPLOYMENT)} == {
        "web": 2,
        "scheduler": 2,
    }
    one.set_config(web={"min": 3}, scheduler={"min": 3, "max": 8})
    record = one.up()
    assert {found.inputs["spec"]["replicas"] for found in one.cloud.live(DEPLOYMENT)} == {2}
    scaler = one.cloud.only("kubernetes:autoscaling/v2:HorizontalPodAutoscaler").inputs["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 6)
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    assert record.outputs["executorSettings"]["PENSTOCK_SCALER_MIN"] == "3"
    assert record.outputs["executorSettings"]["PENSTOCK_SCALER_TARGET"] == "scheduler"


def test_in_ha_the_program_sets_the_number(stack):
    one = stack("ha")
    one.up()
    one.set_config(web={"min": 3})
    assert [step.name for step in one.up().of(DEPLOYMENT) if step.op == "update"] == ["web"]
    found = {each.name: each.inputs["spec"]["replicas"] for each in one.cloud.live(DEPLOYMENT)}
    assert found == {"web": 3, "scheduler": 2}


def test_from_autoscale_to_ha_the_number_is_the_programs_again(stack):
    one = stack("autoscale", web={"min": 2})
    one.up()
    one.set_config(topology="ha", web={"min": 4})
    one.up()
    deployment = next(each for each in one.cloud.live(DEPLOYMENT) if each.name == "web")
    assert deployment.inputs["spec"]["replicas"] == 4
    # What the autoscaler wrote last is its own until the program takes it back by force.
    assert deployment.inputs["metadata"]["annotations"] == {"pulumi.com/patchForce": "true"}


def test_only_the_namespaces_are_taken_over_where_they_are_there_already(stack):
    one = stack("single")
    one.up()
    adopting = {
        found.name: found.inputs.get("upsertExistingObjects") for found in one.state() if found.type == PROVIDER
    }
    assert adopting == {"cluster": None, "namespaces": "true"}
    by_provider = {}
    for found in one.state():
        if found.type.startswith("kubernetes:"):
            by_provider.setdefault(found.provider.split("::")[3], set()).add(found.type)
    assert by_provider["namespaces"] == {"kubernetes:core/v1:Namespace"}
    assert "kubernetes:core/v1:Namespace" not in by_provider["cluster"]


def test_the_kubeconfig_of_the_config_is_the_providers_and_secret(engine_stack):
    one = engine_stack(
        main, {**config_of("single"), "kubernetes:kubeconfig": "apiVersion: v1", "kubernetes:context": "ours"}
    )
    one.up()
    provider = next(found for found in one.state() if found.name == "cluster")
    assert (provider.inputs["context"], provider.inputs["kubeconfig"]) == ("ours", "[secret]")
    assert provider.inputs["enableServerSideApply"] == "true"


def test_every_type_that_is_made_has_a_cost_line_or_is_free(rendering):
    made = set()
    for topology in TOPOLOGIES:
        stack = rendering(topology, "public", kubernetes={"issuer": "x", "prometheusNamespace": "monitoring"})
        made |= {step.type for step in stack.record.steps if not step.type.startswith(("penstock:", "pulumi:"))}
    assert made <= BILLING.keys()
    assert BILLING.keys() - made == {"docker-build:index:Image"}
