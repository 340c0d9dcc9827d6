"""The lane's own promise: its cluster refuses what a real one refuses, so that passing here says something."""

from __future__ import annotations

from copy import deepcopy

import pytest

from support.cluster.access import AccessDisagrees, ServiceAccount
from support.cluster.cluster import Cluster
from support.cluster.connection import KindNotServed, RequestRefused
from support.waiting import wait_until

SAFE = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def deployment(name="web", **context):
    """A Deployment that restricted Pod Security takes, unless the container's security context is changed."""
    container = {"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}]}
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{**container, "securityContext": {**SAFE, **context}}]},
            },
        },
    }


def account(name):
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


def grant(name, *rules):
    """A Role and its binding to the service account of the same name."""
    group = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": name}, "rules": list(rules)}
    subjects = [{"kind": "ServiceAccount", "name": name}]
    reference = {"apiGroup": group, "kind": "Role", "name": name}
    binding = {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": {"name": name}}
    return [role, {**binding, "roleRef": reference, "subjects": subjects}]


def pods_of(cluster: Cluster, namespace: str):
    return cluster.connection.request("GET", cluster.connection.resource("pods").path(namespace)).body["items"]


def condition_of(cluster: Cluster, namespace: str, kind: str):
    """The message of the Deployment's condition of this kind, once there is one."""
    found = cluster.get("apps/v1", "Deployment", "web", namespace) or {}
    conditions = found.get("status", {}).get("conditions", [])
    return next((each["message"] for each in conditions if each["type"] == kind), None)


def test_an_object_is_applied_twice_and_stays_one(cluster, namespace):
    first = cluster.apply([account("web"), deployment()], namespace)
    assert first.warnings == ()
    again = cluster.apply([account("web"), deployment()], namespace)
    assert [each["metadata"]["uid"] for each in again.objects] == [each["metadata"]["uid"] for each in first.objects]
    assert again.objects[1]["metadata"]["managedFields"][0]["manager"] == "penstock-test"


def test_controllers_make_the_pods_of_a_deployment(cluster, namespace):
    cluster.apply([deployment()], namespace)
    pods = wait_until(lambda: pods_of(cluster, namespace))
    assert [pod["spec"]["containers"][0]["image"] for pod in pods] == ["web:1"]


@pytest.mark.parametrize("where", [("spec",), ("spec", "template", "spec"), ("metadata",)])
def test_an_unknown_field_is_refused(cluster, namespace, where):
    wrong = deepcopy(deployment())
    inner = wrong
    for key in where:
        inner = inner[key]
    inner["replicasss"] = 2
    with pytest.raises(RequestRefused, match="replicasss"):
        cluster.apply([wrong], namespace)
    assert cluster.get("apps/v1", "Deployment", "web", namespace) is None


def test_a_doubled_entry_is_refused(cluster, namespace):
    wrong = deployment()
    wrong["spec"]["template"]["spec"]["containers"][0]["env"] *= 2
    with pytest.raises(RequestRefused, match="duplicate entries"):
        cluster.apply([wrong], namespace)


def test_a_value_of_the_wrong_type_is_refused(cluster, namespace):
    wrong = deployment()
    wrong["spec"]["replicas"] = "many"
    with pytest.raises(RequestRefused, match="replicas"):
        cluster.apply([wrong], namespace)


def test_a_kind_that_is_not_installed_is_named(cluster, namespace):
    unknown = {"apiVersion": "example.test/v1", "kind": "Wish", "metadata": {"name": "one"}}
    with pytest.raises(KindNotServed, match=r"example\.test/v1"):
        cluster.apply([unknown], namespace)


def test_an_object_of_another_field_manager_is_not_taken_over(cluster, namespace):
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "1"}}
    path = cluster.connection.resource("configmaps").path(namespace)
    cluster.connection.request("POST", path, theirs, {"fieldManager": "somebody"})
    with pytest.raises(RequestRefused, match="conflict") as refused:
        cluster.apply([{**theirs, "data": {"a": "2"}}], namespace)
    assert refused.value.status == 409


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"privileged": True, "allowPrivilegeEscalation": True}, "privileged"),
        ({"runAsNonRoot": False}, "runAsNonRoot"),
        ({"capabilities": {}}, "unrestricted capabilities"),
        ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile"),
    ],
)
def test_a_pod_that_may_too_much_is_warned_about_and_refused(cluster, namespace, context, said):
    applied = cluster.apply([deployment(**context)], namespace)
    assert [said in warning for warning in applied.warnings] == [True]
    assert applied.warnings[0].startswith("Deployment web: would violate PodSecurity")
    with pytest.raises(RequestRefused, match=said) as refused:
        cluster.admit_pods([deployment(**context)], namespace)
    assert refused.value.reason == "Forbidden"
    failed = wait_until(lambda: condition_of(cluster, namespace, "ReplicaFailure"))
    assert said in failed
    assert pods_of(cluster, namespace) == []


def test_a_safe_pod_is_admitted_and_not_made(cluster, namespace):
    assert cluster.admit_pods([account("web"), deployment()], namespace) == ("web",)
    assert pods_of(cluster, namespace) == []


def test_a_pod_with_an_unknown_field_is_refused(cluster, namespace):
    wrong = deployment()
    wrong["spec"]["template"]["spec"]["containers"][0]["imagee"] = "web:1"
    with pytest.raises(RequestRefused, match="imagee"):
        cluster.admit_pods([wrong], namespace)


def test_a_pod_of_an_account_that_is_not_there_is_refused(cluster, namespace):
    wrong = deployment()
    wrong["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
    with pytest.raises(RequestRefused, match='serviceaccount "nobody" not found'):
        cluster.admit_pods([wrong], namespace)


@pytest.mark.parametrize(
    ("verb", "resource", "subresource"),
    [
        ("get", "pods", ""),
        ("list", "pods", ""),
        ("watch", "pods", ""),
        ("get", "pods", "log"),
        ("create", "pods", "exec"),
        ("create", "jobs.batch", ""),
        ("update", "jobs.batch", ""),
        ("patch", "deployments.apps", "scale"),
        ("delete", "jobs.batch", ""),
        ("deletecollection", "jobs.batch", ""),
        ("list", "nodes", ""),
        ("escalate", "roles.rbac.authorization.k8s.io", ""),
    ],
)
def test_an_account_without_a_role_is_forbidden_and_one_with_it_is_not(cluster, namespace, verb, resource, subresource):
    plural, _, group = resource.partition(".")
    full = f"{plural}/{subresource}" if subresource else plural
    rule = {"apiGroups": [group], "resources": [full], "verbs": [verb]}
    cluster.apply([account("plain"), account("worker"), *grant("worker", rule)], namespace)
    assert cluster.can(ServiceAccount(namespace, "plain"), verb, resource, subresource) is False
    # A Role is for what is in its namespace: nodes are not.
    assert cluster.can(ServiceAccount(namespace, "worker"), verb, resource, subresource) is (resource != "nodes")


def test_an_account_with_a_role_may_do_just_that(cluster, namespace):
    rule = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get"]}
    worker = ServiceAccount(namespace, "worker")
    cluster.apply([account("worker"), *grant("worker", rule)], namespace)
    allowed = {verb for verb in ("get", "list", "create", "delete", "patch") if cluster.can(worker, verb, "jobs.batch")}
    assert allowed == {"get", "create"}
    assert not cluster.can(worker, "get", "pods")
    assert not cluster.can(worker, "get", "secrets")
    with cluster.namespace() as other:
        assert not cluster.can(worker, "get", "jobs.batch", namespace=other)


def test_a_role_for_one_object_is_for_that_object(cluster, namespace):
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["mine"], "verbs": ["get", "list"]}
    reader = ServiceAccount(namespace, "reader")
    cluster.apply([account("reader"), *grant("reader", rule)], namespace)
    assert cluster.can(reader, "get", "secrets", name="mine")
    assert cluster.can(reader, "list", "secrets", name="mine")
    assert not cluster.can(reader, "get", "secrets", name="other")
    assert not cluster.can(reader, "list", "secrets")


def test_a_role_to_create_by_name_is_seen_to_be_void(cluster, namespace):
    """A request to create names nothing, so such a Role allows none, whatever the access review says."""
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"], "verbs": ["create"]}
    cluster.apply([account("maker"), *grant("maker", rule)], namespace)
    with pytest.raises(AccessDisagrees):
        cluster.can(ServiceAccount(namespace, "maker"), "create", "configmaps", name="mine")


def test_trying_changes_nothing(cluster, namespace):
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
    kept = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "1"}}
    cluster.apply([account("owner"), *grant("owner", rule), kept], namespace)
    before = cluster.get("v1", "ConfigMap", "kept", namespace)
    for verb in ("get", "update", "patch", "delete", "deletecollection"):
        assert cluster.can(ServiceAccount(namespace, "owner"), verb, "configmaps", name="kept")
    assert cluster.get("v1", "ConfigMap", "kept", namespace) == before


def test_an_impersonated_account_uses_the_official_client(cluster, namespace):
    from kubernetes import client

    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    cluster.apply([account("reader"), *grant("reader", rule)], namespace)
    with cluster.impersonate(ServiceAccount(namespace, "reader")) as reader:
        pods = client.CoreV1Api(reader.official)
        assert pods.list_namespaced_pod(namespace).items == []
        with pytest.raises(client.ApiException, match="Forbidden"):
            pods.read_namespaced_pod("any", namespace)


def test_a_namespace_goes_with_all_that_is_in_it(cluster):
    with cluster.namespace() as name:
        cluster.apply([deployment()], name)
        wait_until(lambda: pods_of(cluster, name))
    wait_until(lambda: cluster.get("v1", "Namespace", name) is None, 60, "the namespace is still there")
    assert pods_of(cluster, name) == []


def test_what_was_applied_outside_namespaces_goes_when_the_cluster_is_closed(cluster, kubeconfig):
    kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
    mine = {**kind, "metadata": {"name": "penstock-test-mine"}, "value": 7}
    theirs = {**kind, "metadata": {"name": "penstock-test-theirs"}, "value": 7}
    path = cluster.connection.resource("priorityclasses.scheduling.k8s.io").path()
    cluster.connection.request("POST", path, theirs)
    opened = Cluster.open(kubeconfig)
    try:
        opened.apply([mine, theirs])
        opened.apply([mine])
    finally:
        opened.close()
    assert cluster.get(kind["apiVersion"], kind["kind"], "penstock-test-mine") is None
    assert cluster.get(kind["apiVersion"], kind["kind"], "penstock-test-theirs")
    cluster.connection.request("DELETE", f"{path}/penstock-test-theirs")
