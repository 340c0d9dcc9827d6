"""Each rule between keys: one config that breaks it, one that passes."""

from __future__ import annotations

import pytest

from penstock_platform.options import StackOptions
from penstock_platform.rules import CONNECTIONS_KEPT, RULES, connections, problems_between
from penstock_platform.service_settings import POOL_SIZE
from support.stack_configs import blueprint_keys, config_of


def options(cloud: str, topology: str, **keys) -> StackOptions:
    return StackOptions(**blueprint_keys(config_of(cloud, topology, **keys)))


# Rule, key of its problem, a word of its message, and (cloud, topology, keys) that break it and that pass.
CASES = [
    ("_counts", "web.max", "below", ("aws", "autoscale", {"web": {"min": 5, "max": 2}}), ("aws", "autoscale", {})),
    ("_counts", "scheduler.min", "has one", ("gcp", "split", {"scheduler": {"min": 2}}), ("gcp", "split", {})),
    ("_counts", "web.min", "at least 2", ("aws", "ha", {"web": {"min": 1}}), ("aws", "ha", {"web": {"min": 3}})),
    ("_counts", "web.max", "does not scale", ("aws", "ha", {"web": {"max": 4}}), ("aws", "ha", {"web": {"max": 2}})),
    (
        "_counts",
        "scheduler.max",
        "needs more",
        ("aws", "autoscale", {"scheduler": {"min": 3, "max": 3}}),
        ("aws", "autoscale", {"scheduler": {"min": 3, "max": 4}}),
    ),
    (
        "_single_web",
        "web",
        "one service",
        ("gcp", "single", {"web": {"cpu": "1"}}),
        ("gcp", "split", {"web": {"cpu": "1"}}),
    ),
    (
        "_containers",
        "scheduler.memory",
        "no container",
        ("azure", "single", {"scheduler": {"memory": "16Gi"}}),
        ("aws", "single", {"scheduler": {"memory": "16Gi"}}),
    ),
    (
        "_database",
        "database.size",
        "burstable",
        ("aws", "ha", {"database": {"size": "medium"}}),
        ("aws", "split", {"database": {"size": "medium"}}),
    ),
    (
        "_database",
        "database.size",
        "connections",
        ("gcp", "autoscale", {"web": {"min": 2, "max": 20}}),
        ("gcp", "autoscale", {"web": {"min": 2, "max": 20}, "database": {"size": "xlarge"}}),
    ),
    (
        "_database",
        "database.size",
        "connections",
        ("kubernetes", "autoscale", {"web": {"min": 2, "max": 40}, "database": {"size": "small"}}),
        (
            "kubernetes",
            "autoscale",
            {"web": {"min": 2, "max": 40}, "kubernetes": {"issuer": "x", "databaseSecret": "x"}},
        ),
    ),
    (
        "_redis",
        "redis.size",
        "no Redis",
        ("gcp", "single", {"redis": {"size": "small"}}),
        ("gcp", "split", {"redis": {"size": "small"}}),
    ),
    (
        "_redis",
        "kubernetes.redisSecret",
        "no Redis",
        ("kubernetes", "single", {"kubernetes": {"issuer": "x", "redisSecret": "y"}}),
        ("kubernetes", "split", {"kubernetes": {"issuer": "x", "redisSecret": "y"}}),
    ),
    (
        "_share",
        "files.tier",
        "regional",
        ("gcp", "ha", {"files": {"tier": "zonal"}}),
        ("kubernetes", "split", {"files": {"tier": "zonal"}}),
    ),
    (
        "_share",
        "files.sizeGb",
        "100 GiB",
        ("gcp", "single", {"files": {"sizeGb": 50}}),
        ("aws", "single", {"files": {"sizeGb": 50}}),
    ),
    (
        "_networks",
        "networkCidr",
        "private",
        ("aws", "single", {"networkCidr": "8.8.0.0/16"}),
        ("aws", "single", {"networkCidr": "192.168.0.0/16"}),
    ),
    (
        "_networks",
        "networkCidr",
        "/16 and /20",
        ("aws", "single", {"networkCidr": "10.0.0.0/21"}),
        ("aws", "single", {"networkCidr": "10.0.0.0/20"}),
    ),
    (
        "_networks",
        "networkCidr",
        "kept for",
        ("gcp", "single", {"networkCidr": "172.17.0.0/16"}),
        ("gcp", "single", {"networkCidr": "172.18.0.0/16"}),
    ),
    (
        "_networks",
        "networkCidr",
        "avoidCidrs",
        ("aws", "single", {"avoidCidrs": ["10.40.128.0/20"]}),
        ("aws", "single", {"avoidCidrs": ["10.41.0.0/16"]}),
    ),
    (
        "_networks",
        "allowedCidrs",
        "empty",
        ("gcp", "single", {"allowedCidrs": []}),
        ("gcp", "single", {"allowedCidrs": ["10.0.0.0/8"]}),
    ),
    (
        "_networks",
        "allowedCidrs",
        "overlaps",
        ("gcp", "single", {"allowedCidrs": ["10.0.0.0/8", "10.1.0.0/16"]}),
        ("gcp", "single", {"allowedCidrs": ["10.0.0.0/16", "10.1.0.0/16"]}),
    ),
    ("_https", "certificate", "HTTPS alone", ("aws", "single", {"domain": None}), ("aws", "single", {})),
    (
        "_https",
        "certificate",
        "no ARN",
        ("aws", "single", {"certificate": "mine"}),
        ("aws", "single", {"certificate": "arn:aws:acm:eu-central-1:1:certificate/2"}),
    ),
    (
        "_https",
        "domain",
        "ingress",
        ("kubernetes", "single", {"domain": None}),
        ("kubernetes", "single", {"domain": None, "exposure": "portForward"}),
    ),
    (
        "_https",
        "kubernetes.tlsSecret",
        "TLS secret",
        ("kubernetes", "single", {"kubernetes": {}}),
        ("kubernetes", "single", {"kubernetes": {"tlsSecret": "x"}}),
    ),
    (
        "_https",
        "exposure",
        "for kubernetes",
        ("gcp", "single", {"exposure": "portForward"}),
        ("gcp", "single", {"exposure": "private"}),
    ),
    (
        "_executors",
        "executors",
        "not on gcp",
        ("gcp", "single", {"executors": ["local_python", "ecs"]}),
        ("aws", "single", {"executors": ["local_python", "ecs"]}),
    ),
    (
        "_executors",
        "executors",
        "twice",
        ("gcp", "single", {"executors": ["local_python", "local_python"]}),
        ("gcp", "single", {"executors": ["local_python"]}),
    ),
    (
        "_executors",
        "executors",
        "first yet",
        ("aws", "single", {"executors": ["ecs"]}),
        ("aws", "single", {"executors": ["local_python", "ecs"]}),
    ),
    (
        "_project",
        "project.url",
        "share alone",
        ("gcp", "single", {"project": {"url": "https://example.com/x.git"}}),
        ("gcp", "single", {"project": {"branch": "x"}}),
    ),
    (
        "_only_in_a_cluster",
        "kubernetes",
        "for cloud kubernetes",
        ("gcp", "single", {"kubernetes": {"issuer": "x"}}),
        ("kubernetes", "single", {"kubernetes": {"issuer": "x"}}),
    ),
]


NAMES = [f"{index}{case[0]}-{case[1]}" for index, case in enumerate(CASES)]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_rule_is_broken(case):
    _, key, word, (cloud, topology, keys), _ = case
    found = [problem for problem in problems_between(options(cloud, topology, **keys)) if problem.key == key]
    assert [problem for problem in found if word in problem.message], found


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_rule_is_passed(case):
    cloud, topology, keys = case[4]
    assert problems_between(options(cloud, topology, **keys)) == []


def test_every_rule_has_a_case():
    assert {case[0] for case in CASES} == {rule.__name__ for rule in RULES}


def test_a_broken_rule_is_named_once_and_says_what_is_allowed():
    [problem] = problems_between(options("aws", "ha", database={"size": "small"}))
    assert "allowed: large, xlarge" in problem.message


def test_every_process_counts_twice_in_a_rollout():
    one = options("gcp", "single")
    assert connections(one) == 2 * (POOL_SIZE + 1) * 2 + CONNECTIONS_KEPT  # web and scheduler in one container
    assert connections(options("gcp", "split")) == connections(one)
    assert connections(options("gcp", "autoscale")) == 12 * (POOL_SIZE + 1) * 2 + CONNECTIONS_KEPT


def test_all_problems_of_all_rules_are_listed():
    keys = {
        "database": {"size": "small"},
        "web": {"min": 1},
        "files": {"tier": "zonal", "sizeGb": 10},
        "networkCidr": "172.17.0.0/16",
        "exposure": "portForward",
        "kubernetes": {"issuer": "x"},
        "executors": ["gcp_cloud_run", "gcp_cloud_run"],
    }
    found = {problem.key for problem in problems_between(options("gcp", "ha", **keys))}
    assert found == {
        "database.size",
        "web.min",
        "files.tier",
        "files.sizeGb",
        "networkCidr",
        "exposure",
        "kubernetes",
        "executors",
    }
