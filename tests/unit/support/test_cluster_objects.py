"""From the engine's state to manifests in applying order."""

from __future__ import annotations

import json
import re

import pytest

from support.cluster.connection import Kind, warnings_of
from support.cluster.control_plane import MODULE, PROGRAMS, ROOT, version
from support.cluster.objects import SECRET, SIGNATURE, NotAnObject, in_namespace, objects_of, pod_template


def resource(token, name="one", **inputs):
    return {
        "urn": f"urn:pulumi:test::penstock::{token}::{name}",
        "type": token,
        "custom": True,
        "inputs": {"metadata": {"name": name, "namespace": "penstock"}, **inputs},
    }


def secret(**wrapped):
    return {SIGNATURE: SECRET, **wrapped}


def test_objects_come_in_the_order_in_which_they_are_needed():
    tokens = ["apps/v1:Deployment", "core/v1:PersistentVolumeClaim", "rbac.authorization.k8s.io/v1:RoleBinding"]
    tokens += ["core/v1:ConfigMap", "networking.k8s.io/v1:Ingress", "core/v1:ServiceAccount", "core/v1:Namespace"]
    tokens += ["example.test/v1:Wish", "rbac.authorization.k8s.io/v1:Role"]
    kinds = [each["kind"] for each in objects_of(resource(f"kubernetes:{token}") for token in tokens)]
    assert kinds == [
        "Namespace",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ConfigMap",
        "PersistentVolumeClaim",
        "Deployment",
        "Ingress",
        "Wish",
    ]


def test_of_one_kind_the_name_decides():
    found = objects_of(resource("kubernetes:core/v1:Service", name) for name in ("web", "jobs", "redis"))
    assert [each["metadata"]["name"] for each in found] == ["jobs", "redis", "web"]


def test_the_type_gives_what_the_inputs_leave_out():
    (core,) = objects_of([resource("kubernetes:core/v1:Service", spec={"type": "ClusterIP"})])
    metadata = {"name": "one", "namespace": "penstock"}
    assert core == {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": "ClusterIP"}}
    (patch,) = objects_of([resource("kubernetes:apps/v1:DeploymentPatch")])
    assert (patch["apiVersion"], patch["kind"]) == ("apps/v1", "Deployment")


def test_a_manifest_of_another_kind_than_its_type_is_a_fault():
    with pytest.raises(NotAnObject, match="holds a manifest of v1 Secret"):
        objects_of([resource("kubernetes:core/v1:ConfigMap", kind="Secret")])


def test_other_packages_providers_and_components_are_no_objects():
    others = [resource("aws:s3/bucketV2:BucketV2"), resource("pulumi:providers:kubernetes")]
    others += [resource("penstock:kubernetes:Network"), {"type": "kubernetes:yaml/v2:ConfigFile", "custom": False}]
    assert objects_of(others) == []


@pytest.mark.parametrize("token", ["kubernetes:helm.sh/v3:Release", "kubernetes:yaml/v2:ConfigGroup"])
def test_what_no_api_server_takes_is_not_passed_over(token):
    with pytest.raises(NotAnObject, match="is no object of an API server"):
        objects_of([resource(token)])


def test_an_object_without_a_name_is_a_fault():
    with pytest.raises(NotAnObject, match="has no name"):
        objects_of([{"type": "kubernetes:core/v1:Secret", "urn": "urn:x", "inputs": {"metadata": {}}}])


def test_secrets_are_opened_and_the_engines_own_keys_left_out():
    data = {"a": secret(plaintext=json.dumps("one")), "b": [secret(plaintext=json.dumps({"c": 1}))]}
    (found,) = objects_of([resource("kubernetes:core/v1:Secret", stringData=data, __defaults=[])])
    assert found["stringData"] == {"a": "one", "b": [{"c": 1}]}
    assert "__defaults" not in found
    (whole,) = objects_of([resource("kubernetes:core/v1:Secret", stringData=secret(plaintext=json.dumps({"a": "1"})))])
    assert whole["stringData"] == {"a": "1"}


def test_a_secret_that_is_still_encrypted_is_a_fault():
    with pytest.raises(NotAnObject, match="still encrypted"):
        objects_of([resource("kubernetes:core/v1:Secret", stringData={"a": secret(ciphertext="v1:x:y")})])


def test_objects_move_to_another_namespace_with_their_references():
    subject = {"kind": "ServiceAccount", "name": "executor", "namespace": "penstock"}
    selector = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "penstock", "app": "penstock"}}}
    given = objects_of(
        [
            {"type": "kubernetes:core/v1:Namespace", "inputs": {"metadata": {"name": "penstock"}}},
            resource("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", subjects=[subject]),
            resource("kubernetes:networking.k8s.io/v1:NetworkPolicy", spec={"ingress": [{"from": [selector]}]}),
        ]
    )
    namespace, binding, policy = in_namespace(given, "elsewhere")
    assert namespace["metadata"] == {"name": "elsewhere"}
    assert binding["metadata"]["namespace"] == binding["subjects"][0]["namespace"] == "elsewhere"
    labels = policy["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"]
    assert labels == {"kubernetes.io/metadata.name": "elsewhere", "app": "penstock"}
    assert given[0]["metadata"] == {"name": "penstock"}


def test_objects_of_two_namespaces_are_not_moved_into_one():
    two = objects_of([resource("kubernetes:core/v1:Secret"), resource("kubernetes:core/v1:Service")])
    two[1]["metadata"]["namespace"] = "other"
    with pytest.raises(ValueError, match="several namespaces: other, penstock"):
        in_namespace(two, "elsewhere")


def test_a_workload_has_the_template_of_its_pods():
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}}
    deployment = {"kind": "Deployment", "spec": {"template": template}}
    nightly = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": template}}}}
    assert pod_template(deployment) == pod_template(nightly) == template
    assert pod_template({"kind": "Pod", "spec": template["spec"]}) == {"spec": template["spec"]}
    assert pod_template({"kind": "ConfigMap", "data": {}}) is None
    assert pod_template({"kind": "Service", "spec": {"selector": {}}}) is None


def test_warnings_are_read_from_every_header():
    class Headers:
        def getlist(self, name):
            return ['299 - "one \\"quoted\\"", 299 - "two"', '299 - "three"'] if name == "Warning" else []

    assert warnings_of(Headers()) == ('one "quoted"', "two", "three")


def test_paths_of_kinds():
    pods = Kind("/api/v1", "pods", "Pod", namespaced=True)
    jobs = Kind("/apis/batch/v1", "jobs", "Job", namespaced=True)
    nodes = Kind("/api/v1", "nodes", "Node", namespaced=False)
    assert pods.path("one", "web", "log") == "/api/v1/namespaces/one/pods/web/log"
    assert pods.path() == "/api/v1/pods"
    assert (jobs.path("one"), jobs.group, jobs.version) == ("/apis/batch/v1/namespaces/one/jobs", "batch", "v1")
    assert (nodes.path("one", "here"), nodes.group) == ("/api/v1/nodes/here", "")


def test_what_is_built_is_what_is_looked_for():
    recipe = (ROOT / "make" / "cluster.sh").read_text()
    assert f"programs=({' '.join(PROGRAMS)})" in recipe
    assert re.fullmatch(r"v1\.\d+\.\d+", version())


def test_every_staging_module_is_of_the_same_release():
    replaced = re.findall(r"=> (k8s\.io/\S+) (v\S+)", MODULE.read_text())
    assert len(replaced) > 20
    assert {release for _, release in replaced} == {version().replace("v1.", "v0.")}
