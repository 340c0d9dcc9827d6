"""Every object that the Kubernetes program makes is taken by a real API server: strictly, and without a warning."""

from __future__ import annotations

import json
import secrets
from collections import Counter

import pytest

from support.cluster.connection import KindNotServed, RequestRefused
from support.cluster.objects import namespaces_of
from support.kubernetes.rendering import TOPOLOGIES, config_of, manifests_of, rendered, stack_of, variants
from support.waiting import wait_until

APPLY = "application/apply-patch+yaml"
HOLDS_DATA = {"Namespace", "PersistentVolumeClaim"}
OF_THE_OPERATOR = "monitoring.coreos.com/v1"
DATA = {"postgres", "database-backup"}
SEVERAL = {"web", "scheduler", "redis"} | DATA
PODS = {"single": {"penstock"} | DATA, "split": {"web", "scheduler"} | DATA, "ha": SEVERAL, "autoscale": SEVERAL}


@pytest.fixture
def name():
    """A stack's name of this test's own: its namespaces are made by the objects themselves."""
    return f"t{secrets.token_hex(4)}"


@pytest.fixture
def cleared(cluster, name):
    """Remove both namespaces of the stack afterwards."""
    yield
    for namespace in (name, f"{name}-jobs"):
        if cluster.get("v1", "Namespace", namespace):
            cluster.connection.request("DELETE", cluster.connection.resource("namespaces").path(name=namespace))


def pods_by_workload(cluster, namespace):
    found = cluster.connection.request("GET", cluster.connection.resource("pods").path(namespace)).body["items"]
    return Counter(pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in found)


def wanted_pods(objects):
    workloads = [one for one in objects if one["kind"] in {"Deployment", "StatefulSet"}]
    return {one["metadata"]["name"]: one["spec"]["replicas"] for one in workloads}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_exposure_and_spark_mode_is_taken_without_a_warning(cluster, tmp_path, name, cleared, topology):
    taken: set[str] = set()
    admitted: set[str] = set()
    with stack_of(tmp_path, config_of(topology, name=name)) as stack:
        for exposure, spark in variants():
            stack.set_config(config_of(topology, exposure, spark, name=name))
            stack.up()
            objects = [one for one in manifests_of(stack) if json.dumps(one, sort_keys=True) not in taken]
            assert cluster.apply(objects).warnings == (), (exposure, spark)
            admitted |= set(cluster.admit_pods(objects))
            taken |= {json.dumps(one, sort_keys=True) for one in objects}
    assert admitted == PODS[topology]
    assert len(taken) > len(objects)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_controllers_make_every_pod_within_the_quota(cluster, tmp_path, name, cleared, topology):
    objects = rendered(tmp_path, config_of(topology, name=name))
    cluster.apply(objects)
    wanted = wanted_pods(objects)
    assert sum(wanted.values()) >= 2
    wait_until(lambda: pods_by_workload(cluster, name) == wanted, 60, f"not the pods of {wanted}")


def test_a_topology_is_changed_up_and_down_in_place(cluster, tmp_path, name, cleared):
    """As the provider does it: applied over what is there, with force, then what is no longer declared goes."""
    before, kept = {}, set()
    with stack_of(tmp_path, config_of("single", name=name)) as stack:
        for topology in (*TOPOLOGIES, "ha", "split", "single"):
            stack.set_config(topology=topology)
            stack.up()
            objects = {key_of(one): one for one in manifests_of(stack)}
            for one in objects.values():
                apply_with_force(cluster, one)
            for key in before.keys() - objects.keys():
                remove(cluster, before[key])
            before = objects
            claims = {
                one["metadata"]["name"]: uid(cluster, one) for one in objects.values() if one["kind"] in HOLDS_DATA
            }
            kept.add(json.dumps(claims, sort_keys=True))
    assert len(kept) == 1, "what holds data was made anew"


def key_of(manifest):
    metadata = manifest["metadata"]
    return manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def path_of(cluster, manifest):
    kind = cluster.connection.kind_of(manifest["apiVersion"], manifest["kind"])
    return kind.path(manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"])


def apply_with_force(cluster, manifest):
    query = {"fieldManager": "penstock-test", "fieldValidation": "Strict", "force": "true"}
    return cluster.connection.request("PATCH", path_of(cluster, manifest), manifest, query, APPLY)


def remove(cluster, manifest):
    cluster.connection.request("DELETE", path_of(cluster, manifest), query={"propagationPolicy": "Background"})


def uid(cluster, manifest):
    return cluster.connection.request("GET", path_of(cluster, manifest)).body["metadata"]["uid"]


def test_databases_outside_leave_nothing_of_their_own(cluster, tmp_path, name, cleared):
    outside = {"databaseSecret": "our-database", "redisSecret": "our-redis", "imagePullSecret": "our-registry"}
    objects = rendered(tmp_path, config_of("ha", name=name, kubernetes=outside))
    assert cluster.apply(objects).warnings == ()
    assert set(cluster.admit_pods(objects)) == {"web", "scheduler"}


def test_what_the_operator_watches_is_for_clusters_that_have_it(cluster, tmp_path, name, cleared):
    objects = rendered(tmp_path, config_of("ha", name=name, kubernetes={"prometheusNamespace": "monitoring"}))
    ours = [one for one in objects if one["apiVersion"] == OF_THE_OPERATOR]
    assert {one["kind"] for one in ours} == {"PodMonitor", "PrometheusRule"}
    with pytest.raises(KindNotServed):
        cluster.apply(ours)
    assert cluster.apply([one for one in objects if one not in ours]).warnings == ()


def test_a_pod_that_holds_to_nothing_is_refused_in_both_namespaces(cluster, tmp_path, name, cleared):
    objects = rendered(tmp_path, config_of("single", name=name))
    cluster.apply(objects)
    for namespace in sorted(set(namespaces_of(objects))):
        bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}}
        spec = {"containers": [{"name": "bare", "image": "bare:1"}], "automountServiceAccountToken": False}
        path = cluster.connection.resource("pods").path(namespace)
        wait_until(
            lambda where=namespace: cluster.get("v1", "ServiceAccount", "default", where), 60, "no default account"
        )
        with pytest.raises(RequestRefused, match="violates PodSecurity"):
            cluster.connection.request("POST", path, {**bare, "spec": spec})


def test_the_number_of_pods_is_taken_back_from_an_autoscaler_by_force_alone(cluster, tmp_path, name, cleared):
    """Why Deployments carry pulumi.com/patchForce: after autoscale, another owner has set the number."""
    cluster.apply(rendered(tmp_path / "before", config_of("autoscale", name=name)))
    web = cluster.connection.resource("deployments.apps").path(name, "web", "scale")
    theirs = {"spec": {"replicas": 5}}
    merge = "application/merge-patch+json"
    cluster.connection.request("PATCH", web, theirs, {"fieldManager": "kube-controller-manager"}, merge)
    found = rendered(tmp_path / "after", config_of("ha", name=name))
    ours = next(one for one in found if one["kind"] == "Deployment" and one["metadata"]["name"] == "web")
    with pytest.raises(RequestRefused, match="conflict"):
        cluster.apply([ours])
    assert ours["metadata"]["annotations"] == {"pulumi.com/patchForce": "true"}
    assert apply_with_force(cluster, ours).body["spec"]["replicas"] == 2
