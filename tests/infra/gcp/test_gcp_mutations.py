"""One property broken at a time, in what a whole stack was made of: a check or a rule of the cloud must say so."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from support.engine.clouds import gcp_tokens as t
from support.engine.clouds.gcp_checks import CHECKS, complaints
from support.engine.world import World

SHARED = {"domain": "pipes.example.com", "spark": {"mode": "shared"}}
GONE = object()


@dataclass(frozen=True)
class Mutation:
    """Which object (token and name), what is put where (`a.b[0].c`; GONE takes it away), what must be said."""

    name: str
    token: str
    of: str
    path: str
    value: Any
    complaint: str


MUTATIONS = [
    Mutation(
        "public database", t.DATABASE_INSTANCE, "database", "settings.ipConfiguration.ipv4Enabled", True,
        "the database has a public address",
    ),
    Mutation(
        "database without TLS", t.DATABASE_INSTANCE, "database", "settings.ipConfiguration.sslMode",
        "ALLOW_UNENCRYPTED_AND_ENCRYPTED", "takes connections without TLS",
    ),
    Mutation(
        "no backups", t.DATABASE_INSTANCE, "database", "settings.backupConfiguration.enabled", False,
        "the database has no backups",
    ),
    Mutation(
        "no way back to a moment", t.DATABASE_INSTANCE, "database",
        "settings.backupConfiguration.pointInTimeRecoveryEnabled", False, "REGIONAL needs backups",
    ),
    Mutation("edition left out", t.DATABASE_INSTANCE, "database", "settings.edition", GONE, "Invalid Tier"),
    Mutation("Redis without TLS", t.CACHE, "cache", "transitEncryptionMode", "DISABLED", "Redis speaks without TLS"),
    Mutation("Redis without a password", t.CACHE, "cache", "authEnabled", GONE, "Redis asks for no password"),
    Mutation(
        "bucket that may be public", t.BUCKET, "bucket", "publicAccessPrevention", "inherited", "could be made public"
    ),
    Mutation("lists on objects", t.BUCKET, "bucket", "uniformBucketLevelAccess", False, "objects have lists"),
    Mutation("world let in", t.FIREWALL, "spark-nodes", "sourceRanges", ["0.0.0.0/0"], "lets the whole world in"),
    Mutation("wall taken down", t.FIREWALL, "work-from-data", "", GONE, "nothing keeps jobs from the data"),
    Mutation("wall elsewhere", t.FIREWALL, "work-from-data", "sourceRanges", ["10.40.0.0/20"], "nothing keeps jobs"),
    Mutation(
        "job in the services' subnet", t.JOB, "job-small",
        "template.template.vpcAccess.networkInterfaces[0].subnetwork",
        "projects/p/regions/r/subnetworks/apps-1234567", "runs where the data can be reached",
    ),
    Mutation(
        "share for everybody", t.SHARE, "share", "fileShares.nfsExportOptions[0].ipRanges", ["0.0.0.0/0"],
        "others than the services may mount it",
    ),
    Mutation("share in a zone", t.SHARE, "share", "location", "europe-west1-b", "REGIONAL is made in a region"),
    Mutation(
        "tag for a digest", t.POOL, "scheduler", "template.containers[0].image", "penstock:latest", "an image by tag"
    ),
    Mutation("balancer gone around", t.SERVICE, "web", "ingress", "INGRESS_TRAFFIC_ALL", "around the balancer"),
    Mutation("old TLS", t.SSL_POLICY, "tls", "minTlsVersion", "TLS_1_0", "takes old versions of TLS"),
    Mutation("HTTP served", t.HTTP_PROXY, "http", "urlMap", "projects/p/global/urlMaps/web", "serves without TLS"),
    Mutation("role missing", t.JOB_MEMBER, "scheduler-large", "", GONE, "job-large: the executor cannot run it"),
    Mutation(
        "role on the wrong job", t.JOB_MEMBER, "scheduler-large", "name", "penstock-share-owner",
        "share-owner: the executor can run it",
    ),
    Mutation("role on all jobs", t.PROJECT_MEMBER, "scheduler-run-spark", "role", "start_jobs", "can run it"),
    Mutation(
        "anybody's account", t.PROJECT_MEMBER, "scheduler-run-spark", "role", "roles/iam.serviceAccountUser",
        "may act as every account of the project",
    ),
    Mutation("wildcard", t.ROLE, "start-jobs", "permissions", ["run.*"], "run.* is not a valid permission"),
    Mutation(
        "Spark in public", t.CLUSTER, "spark", "clusterConfig.gceClusterConfig.internalIpOnly", False,
        "machines have public addresses",
    ),
    Mutation("one worker", t.SPARK_POLICY, "spark", "workerConfig.minInstances", 1, "is at least 2"),
    Mutation("around the network", t.SERVICE, "web", "template.vpcAccess.egress", "PRIVATE_RANGES_ONLY", "goes around"),
    Mutation("stuck service", t.SERVICE, "web", "deletionProtection", GONE, "cannot be destroyed"),
    Mutation(
        "impatient probe", t.SERVICE, "web", "template.containers[0].startupProbe.failureThreshold", 60,
        "periodSeconds times failureThreshold",
    ),
    Mutation(
        "no such size", t.SERVICE, "web", "template.containers[0].resources.limits.memory", "8Gi",
        "from 512Mi to 4096Mi",
    ),
    Mutation("tags that move", t.REPOSITORY, "registry", "dockerConfig.immutableTags", False, "tags can be moved"),
    Mutation("range too small", t.ADDRESS, "services", "prefixLength", 26, "takes a /24 at the least"),
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(made):
    return made("autoscale", **SHARED).world


def put(inputs: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a path; every part of the path but the last must be there."""
    *parts, last = [
        int(part) if part.isdigit() else part for part in path.replace("[", ".").replace("]", "").split(".")
    ]
    for part in parts:
        inputs = inputs[part]
    if value is GONE:
        del inputs[last]
    else:
        inputs[last] = value


def mutated(whole: World, mutation: Mutation) -> World:
    """Return a copy of the world with one thing broken."""
    world = World(objects=copy.deepcopy(whole.objects))
    (one,) = [one for one in world.objects.values() if (one.token, one.name) == (mutation.token, mutation.of)]
    if not mutation.path:
        del world.objects[one.token, one.id]
    else:
        value = mutation.value
        if value == "start_jobs":
            value = f"projects/{t.PROJECT}/roles/penstock_start_jobs"
        put(one.inputs, mutation.path, value)
    return world


@pytest.mark.parametrize(
    ("topology", "keys"),
    [
        ("single", {}),
        ("split", {}),
        ("ha", {"exposure": "private", "spark": {"mode": "serverless"}}),
        ("autoscale", SHARED),
    ],
)
def test_nothing_is_said_of_a_stack_as_it_is_made(made, topology, keys):
    assert complaints(made(topology, **keys).world) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_is_broken_is_noticed(whole, mutation):
    found = complaints(mutated(whole, mutation))
    assert [complaint for complaint in found if mutation.complaint in complaint], found


def variable(world: World, token: str, name: str) -> dict[str, Any]:
    (one,) = [one for one in world.objects.values() if one.token == token]
    return next(v for v in one.inputs["template"]["containers"][0]["envs"] if v["name"] == name)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda one: (one.pop("valueSource"), one.update(value="hunter2")),
            "web: PENSTOCK_DB_PASSWORD is in the clear",
        ),
        (lambda one: one["valueSource"]["secretKeyRef"].update(version="latest"), "is of no fixed version"),
        (lambda one: one["valueSource"]["secretKeyRef"].pop("version"), "is of no fixed version"),
        (lambda one: one.update(value="hunter2"), "needs a value or a source of it, one of them"),
    ],
    ids=["in the clear", "latest", "no version", "both"],
)
def test_a_secret_in_the_clear_is_noticed(whole, change, complaint):
    world = World(objects=copy.deepcopy(whole.objects))
    change(variable(world, t.SERVICE, "PENSTOCK_DB_PASSWORD"))
    assert [one for one in complaints(world) if complaint in one]


def test_a_service_without_a_sign_in_is_noticed(whole):
    world = World(objects=copy.deepcopy(whole.objects))
    (service,) = [one for one in world.objects.values() if one.token == t.SERVICE]
    service.inputs["template"]["containers"][0]["envs"].append({"name": "PENSTOCK_AUTH_MODE", "value": "none"})
    assert "web: nobody asks who calls" in complaints(world)


def test_each_check_has_a_mutation_that_it_notices(whole):
    """A check that no mutation wakes could as well not be there."""
    awake = set()
    for mutation in MUTATIONS:
        world = mutated(whole, mutation)
        awake |= {name for name, check in CHECKS.items() if list(check(world))}
    assert set(CHECKS) - awake == {"secrets by reference", "sign-in"}, "those have tests of their own, above"
