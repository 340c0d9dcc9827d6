"""Who reaches whom, worked out from the NetworkPolicies as a network plugin does."""

from __future__ import annotations

import pytest

from support.kubernetes.reach import Reach, outside, pod_of, stranger

JOBS = "penstock-jobs"
POSTGRES, REDIS, PAGE, HEALTH = 5432, 6379, 6789, 6790
INTERNET = outside("203.0.113.7")
OWN_NETWORK = outside("10.1.2.3")
METADATA = outside("169.254.169.254")
JOB = stranger(JOBS, app="anything")
CONTROLLER = stranger("ingress", app="controller")
DNS = stranger("kube-system", app="dns")
SOMEONE = stranger("elsewhere", app="anything")


@pytest.fixture
def ha(rendering):
    return rendering("ha").manifests


@pytest.fixture
def reaches(ha):
    return Reach.of(ha)


@pytest.mark.parametrize("who", ["web", "scheduler"])
def test_services_reach_their_data(ha, reaches, who):
    assert reaches(pod_of(ha, who), pod_of(ha, "postgres"), POSTGRES)
    assert reaches(pod_of(ha, who), pod_of(ha, "redis"), REDIS)
    assert not reaches(pod_of(ha, who), pod_of(ha, "postgres"), 22)


@pytest.mark.parametrize("who", [JOB, SOMEONE, CONTROLLER, INTERNET, stranger("penstock", app="anything")])
def test_nobody_else_reaches_data(ha, reaches, who):
    assert not reaches(who, pod_of(ha, "postgres"), POSTGRES)
    assert not reaches(who, pod_of(ha, "redis"), REDIS)


def test_data_reaches_nobody(ha, reaches):
    for name in ("postgres", "redis"):
        for target, port in ((INTERNET, 443), (pod_of(ha, "web"), PAGE), (METADATA, 80), (OWN_NETWORK, 443)):
            assert not reaches(pod_of(ha, name), target, port), (name, target)


def test_backups_reach_postgres_alone(ha, reaches):
    backup = pod_of(ha, "database-backup")
    assert reaches(backup, pod_of(ha, "postgres"), POSTGRES)
    assert not reaches(backup, pod_of(ha, "redis"), REDIS)
    assert not reaches(backup, INTERNET, 443)


def test_jobs_reach_the_page_and_the_world_and_nothing_of_the_stack(ha, reaches):
    assert reaches(JOB, pod_of(ha, "web"), PAGE)
    assert reaches(JOB, INTERNET, 443)
    assert reaches(JOB, OWN_NETWORK, POSTGRES)
    assert not reaches(JOB, pod_of(ha, "scheduler"), HEALTH + 1)
    assert not reaches(JOB, METADATA, 80)
    assert not reaches(JOB, stranger(JOBS, app="another"), 80)


def test_schedulers_reach_the_world_and_not_the_nodes_identity(ha, reaches):
    assert reaches(pod_of(ha, "scheduler"), INTERNET, 443)
    assert not reaches(pod_of(ha, "scheduler"), METADATA, 80)
    assert not reaches(pod_of(ha, "scheduler"), outside("fd00:ec2::254"), 80)


def test_a_web_server_runs_no_blocks_and_reaches_no_world(ha, reaches):
    assert not reaches(pod_of(ha, "web"), INTERNET, 443)


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_everyone_finds_names(ha, reaches, protocol):
    for who in (JOB, *(pod_of(ha, name) for name in ("web", "scheduler", "postgres", "redis", "database-backup"))):
        assert reaches(who, DNS, 53, protocol)
    for name in ("web", "postgres", "redis", "database-backup"):
        assert not reaches(pod_of(ha, name), SOMEONE, 53, protocol)


def test_forwarded_the_page_is_for_jobs_and_scrapers(ha, reaches):
    """A port forward goes through the node, past the policies."""
    assert not reaches(INTERNET, pod_of(ha, "web"), PAGE)
    assert reaches(SOMEONE, pod_of(ha, "web"), PAGE)
    assert not reaches(SOMEONE, pod_of(ha, "web"), HEALTH)


def test_an_ingress_of_a_named_namespace_reaches_the_page_alone(rendering):
    found = rendering("ha", "private", kubernetes={
        "tlsSecret": "our-certificate", "ingressNamespace": "ingress", "prometheusNamespace": "monitoring",
    }).manifests  # fmt: skip
    reaches, scraper = Reach.of(found), stranger("monitoring", app="prometheus")
    assert reaches(CONTROLLER, pod_of(found, "web"), PAGE)
    assert not reaches(CONTROLLER, pod_of(found, "scheduler"), HEALTH)
    assert not reaches(SOMEONE, pod_of(found, "web"), PAGE)
    assert not reaches(INTERNET, pod_of(found, "web"), PAGE)
    assert reaches(scraper, pod_of(found, "web"), PAGE)
    assert reaches(scraper, pod_of(found, "scheduler"), HEALTH)
    assert not reaches(SOMEONE, pod_of(found, "scheduler"), HEALTH)


def test_a_balancer_outside_the_cluster_reaches_the_page(rendering):
    found = rendering("ha", "public").manifests
    assert Reach.of(found)(INTERNET, pod_of(found, "web"), PAGE)
    assert not Reach.of(found)(INTERNET, pod_of(found, "scheduler"), HEALTH)


def test_an_issuer_that_tries_the_domain_reaches_the_solver(rendering):
    solver = stranger("penstock", **{"acme.cert-manager.io/http01-solver": "true"})
    assert Reach.of(rendering("ha", "public").manifests)(INTERNET, solver, 8089)
    assert not Reach.of(rendering("ha").manifests)(INTERNET, solver, 8089)


def test_in_single_the_one_service_is_page_and_scheduler(rendering):
    found = rendering("single").manifests
    reaches, one = Reach.of(found), pod_of(found, "penstock")
    assert reaches(one, pod_of(found, "postgres"), POSTGRES)
    assert reaches(one, INTERNET, 443)
    assert reaches(JOB, one, PAGE)


def test_with_a_database_outside_every_service_reaches_it(rendering):
    found = rendering("split", kubernetes={"databaseSecret": "our-database"}).manifests
    for name in ("web", "scheduler"):
        assert Reach.of(found)(pod_of(found, name), OWN_NETWORK, POSTGRES)


@pytest.mark.parametrize(("mode", "open_"), [("off", False), ("onDemand", True), ("shared", True)])
def test_sparks_pods_reach_each_other(rendering, mode, open_):
    reaches = Reach.of(rendering("split", "portForward", mode).manifests)
    driver, executor = (stranger(JOBS, **{"spark-role": role}) for role in ("driver", "executor"))
    assert reaches(driver, executor, 7079) is open_
    assert reaches(executor, driver, 7078) is open_
    assert not reaches(JOB, driver, 7078)
