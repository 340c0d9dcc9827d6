"""One property broken at a time: each time a named check says so, and of the stack as it is none says anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import pytest

from support.cluster.objects import Manifest, pod_template
from support.engine.clouds.kubernetes import FACTS
from support.kubernetes.reach import Reach, outside, pod_of, stranger
from support.kubernetes.rendering import named

JOBS = "penstock-jobs"
TOKENS = {token.rsplit(":", 1)[1]: token for token in FACTS.rules if ":" in token}
MUST_NOT_REACH = (
    ("jobs to Postgres", stranger(JOBS, app="job"), "postgres", 5432),
    ("jobs to Redis", stranger(JOBS, app="job"), "redis", 6379),
    ("strangers to Postgres", stranger("elsewhere", app="any"), "postgres", 5432),
    ("the internet to schedulers", outside("203.0.113.7"), "scheduler", 6790),
)
MUST_REACH = (("web to Postgres", "web", "postgres", 5432), ("schedulers to Redis", "scheduler", "redis", 6379))
EXECUTOR = {"jobs": {"create", "delete", "get", "list", "watch"}, "pods": {"get", "list", "watch"}, "pods/log": {"get"}}
SECRET_WORDS = ("PASSWORD", "_KEY", "SECRET", "REDIS_URL", "DATABASE_URL", "OWNER_CODE")
NO_SECRETS = {"PENSTOCK_SECRET_STORE", "POSTGRES_PASSWORD_FILE"}


def complaints(manifests: list[Manifest]) -> Iterator[str]:
    """Yield what the stand-in cluster and the checks of this file have against the manifests."""
    for manifest in manifests:
        rule = FACTS.rules.get(TOKENS.get(manifest["kind"], ""))
        for problem in (*FACTS.rules["*"](manifest), *(rule(manifest) if rule else ())):
            yield f"{manifest['kind']} {manifest['metadata']['name']}: {problem.path} {problem.reason}"
    for check in (network, roles, plain_secrets, root, pod_security, claims, tokens):
        yield from check(manifests)


def network(manifests):
    reaches = Reach.of(manifests)
    for what, source, name, port in MUST_NOT_REACH:
        if reaches(source, pod_of(manifests, name), port):
            yield f"network: {what}"
    for what, source, name, port in MUST_REACH:
        if not reaches(pod_of(manifests, source), pod_of(manifests, name), port):
            yield f"network: not {what}"
    if reaches(stranger("elsewhere", app="any"), stranger(JOBS, app="job"), 8080):
        yield "network: strangers to jobs"
    for who in (stranger(JOBS, app="job"), pod_of(manifests, "scheduler")):
        if reaches(who, outside("169.254.169.254"), 80):
            yield f"network: the node's identity from {who.namespace}"


def roles(manifests):
    for role in (one for one in manifests if one["kind"] in {"Role", "ClusterRole"}):
        words = [word for rule in role["rules"] for key in ("apiGroups", "resources", "verbs") for word in rule[key]]
        if "*" in words:
            yield f"roles: {role['metadata']['name']} has a wildcard"
    try:
        executor = named(manifests, "Role", "executor", JOBS)
        named(manifests, "RoleBinding", "executor", JOBS)
    except LookupError as missing:
        yield f"roles: {missing}"
        return
    granted = {resource: set(rule["verbs"]) for rule in executor["rules"] for resource in rule["resources"]}
    if granted != EXECUTOR:
        yield f"roles: the executor may {granted}"


def plain_secrets(manifests):
    for manifest in manifests:
        for container in (pod_template(manifest) or {"spec": {"containers": []}})["spec"]["containers"]:
            for each in container.get("env", []):
                if (
                    each.get("value")
                    and any(word in each["name"] for word in SECRET_WORDS)
                    and each["name"] not in NO_SECRETS
                ):
                    yield f"secrets: {each['name']} in the clear"


def root(manifests):
    for manifest in manifests:
        for container in (pod_template(manifest) or {"spec": {"containers": []}})["spec"]["containers"]:
            if container["securityContext"].get("readOnlyRootFilesystem") is not True:
                yield f"root: {manifest['metadata']['name']} can write"


def pod_security(manifests):
    for namespace in (one for one in manifests if one["kind"] == "Namespace"):
        if namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"pod security: {namespace['metadata']['name']} enforces nothing"


def claims(manifests):
    if named(manifests, "PersistentVolumeClaim", "share")["spec"]["accessModes"] != ["ReadWriteMany"]:
        yield "claims: the share has one writer"


def tokens(manifests):
    for manifest in manifests:
        template = pod_template(manifest)
        if (
            template
            and template["spec"].get("automountServiceAccountToken")
            and manifest["metadata"]["name"] != "scheduler"
        ):
            yield f"tokens: {manifest['metadata']['name']} has one"


class Mutation(NamedTuple):
    """What is broken, how, and how the complaint begins."""

    name: str
    kind: str
    object: str
    change: Callable[[Any], object]
    complaint: str
    namespace: str = "penstock"


def pod(change):
    return lambda one: change(one["spec"]["template"]["spec"])


def container(change):
    return pod(lambda spec: change(spec["containers"][0]))


MUTATIONS = [
    Mutation("a port open to the cluster", "NetworkPolicy", "postgres",
             lambda one: one["spec"]["ingress"][0].pop("from"), "network: jobs to Postgres"),
    Mutation("a closed namespace left open", "NetworkPolicy", "default-deny",
             lambda one: one["spec"].update(policyTypes=["Egress"]), "network: strangers to jobs", JOBS),
    Mutation("a scheduler open to the world", "NetworkPolicy", "scheduler",
             lambda one: one["spec"]["ingress"].append({"ports": [{"port": 6790}]}),
             "network: the internet to schedulers"),
    Mutation("the way to Postgres closed", "NetworkPolicy", "web",
             lambda one: one["spec"]["egress"].clear(), "network: not web to Postgres"),
    Mutation("the metadata service reached", "NetworkPolicy", "jobs",
             lambda one: one["spec"]["egress"][1]["to"][0]["ipBlock"].pop("except"),
             "network: the node's identity", JOBS),
    Mutation("an executor that reads secrets", "Role", "executor",
             lambda one: one["rules"].append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}),
             "roles: the executor may", JOBS),
    Mutation("an executor with a wildcard", "Role", "executor",
             lambda one: one["rules"][0].update(verbs=["*"]), "roles: executor has a wildcard", JOBS),
    Mutation("an executor without its role", "RoleBinding", "executor",
             lambda one: one["metadata"].update(name="someone"), "roles: no RoleBinding", JOBS),
    Mutation("a secret in the clear", "Deployment", "web",
             container(lambda one: one["env"].append({"name": "PENSTOCK_ENCRYPTION_KEY", "value": "plain"})),
             "secrets: PENSTOCK_ENCRYPTION_KEY"),
    Mutation("a container that runs as root", "Deployment", "scheduler",
             pod(lambda one: one["securityContext"].update(runAsUser=0)), "Deployment scheduler: spec.template.spec"),
    Mutation("a container that gains rights", "Deployment", "web",
             container(lambda one: one["securityContext"].update(allowPrivilegeEscalation=True)), "Deployment web"),
    Mutation("a container that keeps its capabilities", "StatefulSet", "postgres",
             container(lambda one: one["securityContext"].pop("capabilities")), "StatefulSet postgres"),
    Mutation("a pod without seccomp", "StatefulSet", "redis",
             pod(lambda one: one["securityContext"].pop("seccompProfile")), "StatefulSet redis"),
    Mutation("a root that can be written", "Deployment", "web",
             container(lambda one: one["securityContext"].update(readOnlyRootFilesystem=False)), "root: web"),
    Mutation("a folder of the node", "Deployment", "web",
             pod(lambda one: one["volumes"].append({"name": "node", "hostPath": {"path": "/"}})), "Deployment web"),
    Mutation("no bounds", "Deployment", "web", container(lambda one: one.pop("resources")), "Deployment web"),
    Mutation("a selector that finds nothing", "Deployment", "web",
             lambda one: one["spec"]["template"]["metadata"]["labels"].clear(), "Deployment web"),
    Mutation("a token where none is needed", "Deployment", "web",
             pod(lambda one: one.update(automountServiceAccountToken=True)), "tokens: web"),
    Mutation("a namespace that enforces nothing", "Namespace", JOBS,
             lambda one: one["metadata"]["labels"].pop("pod-security.kubernetes.io/enforce"), "pod security", JOBS),
    Mutation("a share with one writer", "PersistentVolumeClaim", "share",
             lambda one: one["spec"].update(accessModes=["ReadWriteOnce"]), "claims: the share"),
    Mutation("bounds the wrong way round", "HorizontalPodAutoscaler", "web",
             lambda one: one["spec"].update(maxReplicas=1), "HorizontalPodAutoscaler web"),
]  # fmt: skip


@pytest.fixture
def stack(rendering):
    return deepcopy(rendering("autoscale", "public").manifests)


def test_of_the_stack_as_it_is_there_is_nothing_to_say(stack):
    assert list(complaints(stack)) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_broken_property_is_noticed(stack, mutation):
    mutation.change(named(stack, mutation.kind, mutation.object, mutation.namespace))
    said = list(complaints(stack))
    assert any(complaint.startswith(mutation.complaint) for complaint in said), said


def test_a_policy_that_is_left_out_is_noticed(stack):
    """Each policy matters: without it somebody reaches what they must not, or not what they must."""
    left_out = []
    for one in stack:
        if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] in {"postgres", "redis", "web", "scheduler"}:
            rest = [other for other in stack if other is not one]
            left_out.append((one["metadata"]["name"], bool(list(network(rest)))))
    assert dict(left_out) == {"postgres": True, "redis": True, "web": True, "scheduler": True}
