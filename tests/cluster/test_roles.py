"""What the stack's accounts may ask of a real API server, by acting as each: all that it must, no more."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import pytest

from support.cluster.access import ServiceAccount
from support.kubernetes.rendering import config_of, rendered

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
JOBS, PODS, SECRETS = "jobs.batch", "pods", "secrets"
DEPLOYMENTS = "deployments.apps"
ROLES = "roles.rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Stack:
    """A stack that was applied: its two namespaces."""

    own: str

    @property
    def jobs(self):
        return f"{self.own}-jobs"

    def account(self, name):
        return ServiceAccount(self.jobs if name in {"job", "spark"} else self.own, name)


@pytest.fixture(scope="module")
def stack(cluster, tmp_path_factory):
    """Return the stack with every account: autoscale, with Spark."""
    name = f"t{secrets.token_hex(4)}"
    cluster.apply(rendered(tmp_path_factory.mktemp("stack"), config_of("autoscale", name=name)))
    yield Stack(name)
    for namespace in (name, f"{name}-jobs"):
        cluster.connection.request("DELETE", cluster.connection.resource("namespaces").path(name=namespace))


def allowed(cluster, account, resource, namespace, subresource=""):
    """Return the verbs that the account may use on a kind of object."""
    return {verb for verb in VERBS if cluster.can(account, verb, resource, subresource, namespace=namespace)}


# What an executor does: start a job, follow it and its pod, read its log, end it.
EXECUTOR = [
    (JOBS, "", {"create", "get", "list", "watch", "delete"}),
    (PODS, "", {"get", "list", "watch"}),
]


@pytest.mark.parametrize(("resource", "subresource", "verbs"), EXECUTOR)
def test_the_executor_may_what_it_must_in_the_jobs_namespace_and_no_more(cluster, stack, resource, subresource, verbs):
    assert allowed(cluster, stack.account("scheduler"), resource, stack.jobs, subresource) == verbs


@pytest.mark.parametrize(("resource", "subresource", "verbs"), EXECUTOR)
def test_the_executor_may_nothing_of_it_in_the_stacks_own_namespace(cluster, stack, resource, subresource, verbs):
    assert allowed(cluster, stack.account("scheduler"), resource, stack.own, subresource) == set()


def test_the_executor_reads_the_logs_of_jobs_alone(cluster, stack):
    scheduler = stack.account("scheduler")
    assert cluster.can(scheduler, "get", PODS, "log", namespace=stack.jobs)
    assert not cluster.can(scheduler, "get", PODS, "log", namespace=stack.own)


@pytest.mark.parametrize("subresource", ["exec", "attach", "portforward", "proxy", "ephemeralcontainers", "eviction"])
@pytest.mark.parametrize("account", ["scheduler", "spark"])
def test_nobody_gets_into_a_pod(cluster, stack, account, subresource):
    who = stack.account(account)
    for namespace in (stack.own, stack.jobs):
        for verb in ("create", "get", "update", "patch"):
            assert not cluster.can(who, verb, PODS, subresource, name="any", namespace=namespace), (verb, namespace)


@pytest.mark.parametrize(
    "resource",
    [
        SECRETS,
        "configmaps",
        "serviceaccounts",
        "services",
        "persistentvolumeclaims",
        DEPLOYMENTS,
        "statefulsets.apps",
        "cronjobs.batch",
        "networkpolicies.networking.k8s.io",
        ROLES,
        "rolebindings.rbac.authorization.k8s.io",
        "resourcequotas",
    ],
)
def test_the_executor_may_nothing_else_in_either_namespace(cluster, stack, resource):
    for namespace in (stack.own, stack.jobs):
        assert allowed(cluster, stack.account("scheduler"), resource, namespace) == set(), namespace


@pytest.mark.parametrize(
    "resource", ["nodes", "namespaces", "persistentvolumes", "clusterroles.rbac.authorization.k8s.io"]
)
@pytest.mark.parametrize("account", ["scheduler", "scaler", "spark", "web", "job"])
def test_nobody_may_anything_of_the_cluster(cluster, stack, account, resource):
    assert allowed(cluster, stack.account(account), resource, "") == set()


@pytest.mark.parametrize("account", ["scheduler", "scaler", "spark"])
def test_nobody_may_anything_in_other_namespaces(cluster, stack, account):
    who = stack.account(account)
    for resource in (JOBS, PODS, SECRETS, "configmaps", "services", DEPLOYMENTS):
        assert allowed(cluster, who, resource, "kube-system") == set(), resource
        assert allowed(cluster, who, resource, "default") == set(), resource


@pytest.mark.parametrize("account", ["scheduler", "scaler", "spark"])
@pytest.mark.parametrize("verb", ["escalate", "bind"])
def test_nobody_gives_rights_to_themselves(cluster, stack, account, verb):
    assert not cluster.can(stack.account(account), verb, ROLES, namespace=stack.own)
    assert not cluster.can(stack.account(account), verb, ROLES, namespace=stack.jobs)


@pytest.mark.parametrize("account", ["scheduler", "scaler", "spark", "web", "job"])
def test_nobody_acts_as_another(cluster, stack, account):
    for namespace in (stack.own, stack.jobs):
        assert not cluster.can(stack.account(account), "impersonate", "serviceaccounts", namespace=namespace)


@pytest.mark.parametrize("account", ["web", "job", "data"])
@pytest.mark.parametrize("resource", [JOBS, PODS, SECRETS, "configmaps", "services", DEPLOYMENTS, "serviceaccounts"])
def test_web_jobs_and_data_may_nothing(cluster, stack, account, resource):
    for namespace in (stack.own, stack.jobs):
        assert allowed(cluster, stack.account(account), resource, namespace) == set(), namespace


def test_the_scaler_sets_the_number_of_schedulers_alone(cluster, stack):
    scaler = stack.account("scaler")
    for verb in ("get", "patch", "update"):
        assert cluster.can(scaler, verb, DEPLOYMENTS, "scale", name="scheduler"), verb
        assert not cluster.can(scaler, verb, DEPLOYMENTS, "scale", name="web"), verb
        assert not cluster.can(scaler, verb, "statefulsets.apps", "scale", name="postgres"), verb
    for resource in (DEPLOYMENTS, PODS, JOBS, SECRETS):
        assert allowed(cluster, scaler, resource, stack.own) == set(), resource
        assert allowed(cluster, scaler, resource, stack.jobs) == set(), resource


def test_the_scheduler_scales_by_a_token_of_the_scaler_and_not_itself(cluster, stack):
    scheduler = stack.account("scheduler")
    assert cluster.can(scheduler, "create", "serviceaccounts", "token", name="scaler", namespace=stack.own)
    for other in ("web", "scheduler", "data", "default"):
        assert not cluster.can(scheduler, "create", "serviceaccounts", "token", name=other, namespace=stack.own), other
    for other in ("job", "spark"):
        assert not cluster.can(scheduler, "create", "serviceaccounts", "token", name=other, namespace=stack.jobs), other
    for verb in ("get", "patch", "update"):
        assert not cluster.can(scheduler, verb, DEPLOYMENTS, "scale", name="scheduler"), verb


def test_a_token_that_the_scheduler_asked_for_is_the_scalers_and_scales(cluster, stack):
    """The whole way, as the scaler goes it: the scheduler's account asks for a token, and that token scales."""
    from kubernetes import client

    accounts = cluster.connection.resource("serviceaccounts")
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    with cluster.impersonate(stack.account("scheduler")) as scheduler:
        answer = scheduler.request("POST", accounts.path(stack.own, "scaler", "token"), body).body
    settings = client.Configuration()
    given = cluster.connection.official.configuration
    settings.host, settings.ssl_ca_cert = given.host, given.ssl_ca_cert
    settings.api_key = {"authorization": f"Bearer {answer['status']['token']}"}
    with client.ApiClient(settings) as official:
        apps = client.AppsV1Api(official)
        apps.patch_namespaced_deployment_scale("scheduler", stack.own, {"spec": {"replicas": 4}})
        assert apps.read_namespaced_deployment_scale("scheduler", stack.own).spec.replicas == 4
        with pytest.raises(client.ApiException, match="Forbidden"):
            apps.patch_namespaced_deployment_scale("web", stack.own, {"spec": {"replicas": 0}})


SPARK = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}


@pytest.mark.parametrize("resource", [PODS, "configmaps", "services"])
def test_a_spark_driver_makes_its_executors_in_the_jobs_namespace(cluster, stack, resource):
    assert allowed(cluster, stack.account("spark"), resource, stack.jobs) == SPARK
    assert allowed(cluster, stack.account("spark"), resource, stack.own) == set()


@pytest.mark.parametrize("resource", [SECRETS, JOBS, DEPLOYMENTS, "serviceaccounts", "persistentvolumeclaims", ROLES])
def test_a_spark_driver_may_nothing_else(cluster, stack, resource):
    assert allowed(cluster, stack.account("spark"), resource, stack.jobs) == set()


def test_the_namespace_in_which_pods_can_be_made_holds_no_secret_of_the_stack(cluster, stack):
    """Whoever makes a pod can mount every Secret beside it, and be every account beside it."""
    for kind in ("secrets", "configmaps", "persistentvolumeclaims"):
        found = cluster.connection.request("GET", cluster.connection.resource(kind).path(stack.jobs)).body["items"]
        names = {one["metadata"]["name"] for one in found}
        assert names <= {"kube-root-ca.crt"}, kind
    accounts = cluster.connection.request("GET", cluster.connection.resource("serviceaccounts").path(stack.jobs)).body
    assert {one["metadata"]["name"] for one in accounts["items"]} <= {"default", "job", "spark"}


@pytest.mark.parametrize("topology", ["single", "split"])
def test_where_one_scheduler_is_there_is_no_scaler(cluster, tmp_path, topology):
    found = rendered(tmp_path, config_of(topology, spark="off"))
    roles = {one["metadata"]["name"] for one in found if one["kind"] in {"Role", "RoleBinding"}}
    assert roles == {"executor"}


def test_pods_have_a_token_only_where_they_ask_the_api_server(tmp_path):
    found = rendered(tmp_path, config_of("autoscale"))
    accounts = [one for one in found if one["kind"] == "ServiceAccount"]
    assert {one["metadata"]["name"]: one["automountServiceAccountToken"] for one in accounts} == dict.fromkeys(
        ("data", "job", "scaler", "scheduler", "spark", "web"), False
    )
    pods = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in found
        if one["kind"] in {"Deployment", "StatefulSet"}
    }
    mounted = {name: pod["automountServiceAccountToken"] for name, pod in pods.items()}
    assert mounted == {"scheduler": True, "web": False, "postgres": False, "redis": False}
