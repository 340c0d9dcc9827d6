"""What every object has, whatever the stack: a name that stays, labels, a place, and pods without rights."""

from __future__ import annotations

import itertools
import re

import pytest

from support.cluster.objects import pod_template
from support.kubernetes.rendering import IMAGE, TOPOLOGIES

NAMESPACES = {"penstock", "penstock-jobs"}
SMALL = {
    "single": {"penstock"},
    "split": {"web", "scheduler"},
    "ha": {"web", "scheduler"},
    "autoscale": {"web", "scheduler"},
}
READABLE = re.compile(r"[a-z]+(-[a-z]+)*")


@pytest.fixture(params=TOPOLOGIES)
def topology(request):
    return request.param


@pytest.fixture
def stack(rendering, topology):
    return rendering(topology)


def pods(stack):
    """Yield the name and the spec of every pod that the stack makes."""
    for manifest in stack.manifests:
        template = pod_template(manifest)
        if template is not None:
            yield manifest["metadata"]["name"], template["spec"]


def test_names_are_plain_words_and_each_is_of_one_object(stack):
    places = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in stack.manifests]
    assert len(set(places)) == len(places)
    assert [name for _, _, name in places if not READABLE.fullmatch(name)] == []


def test_every_object_is_in_one_of_two_namespaces_which_enforce_restricted_pods(stack):
    assert {one["metadata"]["namespace"] for one in stack.manifests if one["kind"] != "Namespace"} == NAMESPACES
    for namespace in stack.of("Namespace"):
        labels = namespace["metadata"]["labels"]
        assert [labels[f"pod-security.kubernetes.io/{level}"] for level in ("enforce", "audit", "warn")] == [
            "restricted"
        ] * 3
    for kind, namespace in itertools.product(("ResourceQuota", "LimitRange"), NAMESPACES):
        assert len([one for one in stack.of(kind) if one["metadata"]["namespace"] == namespace]) == 1


def test_every_object_carries_the_stacks_tags(rendering):
    stack = rendering("ha", tags={"team": "data"})
    for manifest in stack.manifests:
        labels = manifest["metadata"]["labels"]
        assert {"app": "penstock", "stack": "penstock", "topology": "ha", "team": "data"}.items() <= labels.items()


def test_the_word_topology_starts_no_pod_anew(stack, topology):
    for manifest in stack.manifests:
        template = pod_template(manifest)
        if template is not None:
            assert "topology" not in template["metadata"]["labels"]


def test_pods_have_no_rights_no_writable_root_and_bounds(stack):
    found = dict(pods(stack))
    assert found.keys() >= SMALL[stack.outputs["topology"]] | {"postgres", "database-backup"}
    for name, spec in found.items():
        assert spec["enableServiceLinks"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            own = container["securityContext"]
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name
            assert (
                container["resources"]["limits"].keys()
                == container["resources"]["requests"].keys()
                == {"cpu", "memory"}
            )


def test_services_run_the_given_image_as_its_own_user_with_room_to_write(stack, topology):
    for name in SMALL[topology]:
        container = stack.container("Deployment", name)
        pod = stack.named("Deployment", name)["spec"]["template"]["spec"]
        assert container["image"] == IMAGE
        assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 10001
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert volumes[mounts["/mnt/penstock"]]["persistentVolumeClaim"] == {"claimName": "share"}
        assert "emptyDir" in volumes[mounts["/tmp"]]
        assert "emptyDir" in volumes[mounts["/var/lib/penstock"]]
        assert pod["terminationGracePeriodSeconds"] > 100


def test_a_scheduler_that_stands_by_does_not_hold_a_rollout_up(rendering):
    stack = rendering("ha")
    probes = stack.container("Deployment", "scheduler")
    assert [probes[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")] == [
        "/healthz"
    ] * 3
    assert stack.container("Deployment", "web")["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert stack.named("Deployment", "scheduler")["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 1,
        "maxUnavailable": 0,
    }


@pytest.mark.parametrize(
    ("topology", "name", "kind"),
    [("single", "penstock", "Recreate"), ("split", "scheduler", "Recreate"), ("split", "web", "RollingUpdate")],
)
def test_a_lone_scheduler_stops_before_the_next_starts(rendering, topology, name, kind):
    assert rendering(topology).named("Deployment", name)["spec"]["strategy"]["type"] == kind


def test_several_copies_are_spread_and_interrupted_one_at_a_time(rendering):
    for topology, several in (("single", False), ("split", False), ("ha", True), ("autoscale", True)):
        stack = rendering(topology)
        budgets = {one["metadata"]["name"]: one["spec"] for one in stack.of("PodDisruptionBudget")}
        assert budgets.keys() == (SMALL[topology] if several else set())
        assert all(budget["maxUnavailable"] == 1 for budget in budgets.values())
        for name in SMALL[topology]:
            spread = stack.named("Deployment", name)["spec"]["template"]["spec"].get("topologySpreadConstraints", [])
            keys = [one["topologyKey"] for one in spread]
            assert keys == (["topology.kubernetes.io/zone", "kubernetes.io/hostname"] if several else [])


def test_the_quota_holds_every_service_at_its_maximum_twice(rendering):
    hard = rendering("autoscale").named("ResourceQuota", "quota")["spec"]["hard"]
    # 6 web at 0.5 and 6 schedulers at 1 core, twice; Postgres 2, Redis 1, backups and others 2.
    assert hard["requests.cpu"] == hard["limits.cpu"] == "23"
    assert hard["pods"] == str(2 * (6 + 6) + 1 + 1 + 10)
    assert hard["services.loadbalancers"] == "0"


def test_sparks_workers_have_room_in_the_jobs_quota(rendering):
    def cpu(workers):
        stack = rendering("split", spark_workers=workers)
        return int(stack.named("ResourceQuota", "quota", "penstock-jobs")["spec"]["hard"]["limits.cpu"])

    assert cpu(10) - cpu(4) == 6 * 4
