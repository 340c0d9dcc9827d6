"""What must hold in every stack on GCP, over the objects that were made: named checks that say what is wrong.

Beside them stand the rules of the cloud itself (gcp_rules), which the stand-in applies to each object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from penstock_platform.contract import BY_NAME
from support.engine.behaviour import Behaviour
from support.engine.clouds import gcp_tokens as t
from support.engine.clouds.gcp_iam import Iam
from support.engine.world import LiveObject, World

RUNNING = (t.SERVICE, t.POOL, t.JOB)
JOBS = f"projects/{t.PROJECT}/locations/{t.REGION}/jobs"


def of(world: World, *tokens: str) -> Iterator[LiveObject]:
    return (one for one in world.objects.values() if one.token in tokens)


def at(inputs: Any, path: str) -> Any:
    """Return what is at `settings.ipConfiguration`; None where nothing is."""
    for part in path.split("."):
        inputs = inputs.get(part) if isinstance(inputs, Mapping) else None
    return inputs


def template(one: LiveObject) -> Mapping[str, Any]:
    inner: Mapping[str, Any] = one.inputs["template"]
    return inner["template"] if one.token == t.JOB else inner


def holds(tokens: Iterable[str], path: str, wanted: Any, complaint: str) -> Callable[[World], Iterator[str]]:
    """Return a check that a property has one value in every object of some tokens."""

    def check(world: World) -> Iterator[str]:
        yield from (f"{one.name}: {complaint}" for one in of(world, *tokens) if at(one.inputs, path) != wanted)

    return check


def the_world_is_shut_out(world: World) -> Iterator[str]:
    for one in of(world, t.FIREWALL):
        if one.inputs["direction"] == "INGRESS" and "0.0.0.0/0" in one.inputs["sourceRanges"]:
            yield f"{one.name}: lets the whole world in"


def work_is_walled_off(world: World) -> Iterator[str]:
    walled = {cidr for one in of(world, t.FIREWALL) if one.inputs.get("denies") for cidr in one.inputs["sourceRanges"]}
    if {one.inputs["ipCidrRange"] for one in of(world, t.SUBNET) if one.name == "work"} - walled:
        yield "work: nothing keeps jobs from the data"
    for one in of(world, t.JOB):
        subnets = [face["subnetwork"] for face in template(one)["vpcAccess"]["networkInterfaces"]]
        if one.name != "share-owner" and not all("/subnetworks/work-" in subnet for subnet in subnets):
            yield f"{one.name}: runs where the data can be reached"


def the_share_is_mounted_by_services_alone(world: World) -> Iterator[str]:
    (apps,) = [one.inputs["ipCidrRange"] for one in of(world, t.SUBNET) if one.name == "apps"]
    for one in of(world, t.SHARE):
        for export in one.inputs["fileShares"].get("nfsExportOptions") or [{}]:
            if export.get("ipRanges") != [apps]:
                yield f"{one.name}: others than the services may mount it"


def secrets_are_references(world: World) -> Iterator[str]:
    for one in of(world, *RUNNING):
        for variable in [v for c in template(one)["containers"] for v in c.get("envs", ())]:
            known = BY_NAME.get(variable["name"])
            if known is not None and known.secret and "value" in variable:
                yield f"{one.name}: {variable['name']} is in the clear"
            version = at(variable, "valueSource.secretKeyRef.version")
            if "valueSource" in variable and not str(version).isdigit():
                yield f"{one.name}: {variable['name']} is of no fixed version"


def images_are_digests(world: World) -> Iterator[str]:
    for one in of(world, *RUNNING):
        if not all("@sha256:" in container["image"] for container in template(one)["containers"]):
            yield f"{one.name}: an image by tag may change"


def open_services_ask_for_a_sign_in(world: World) -> Iterator[str]:
    for one in of(world, t.SERVICE):
        values = {v["name"]: v.get("value") for c in template(one)["containers"] for v in c["envs"]}
        if one.inputs.get("invokerIamDisabled") and values.get("PENSTOCK_AUTH_MODE", "password") == "none":
            yield f"{one.name}: nobody asks who calls"


def a_balancer_is_the_only_way_in(world: World) -> Iterator[str]:
    if any(of(world, t.FORWARDING)):
        for one in of(world, t.SERVICE):
            if one.inputs["ingress"] != "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER":
                yield f"{one.name}: can be reached around the balancer"
        redirects = [one.id for one in of(world, t.URL_MAP) if at(one.inputs, "defaultUrlRedirect.httpsRedirect")]
        for one in of(world, t.HTTP_PROXY):
            if one.inputs["urlMap"] not in redirects:
                yield f"{one.name}: serves without TLS"


def executors_reach_their_jobs_and_no_others(world: World) -> Iterator[str]:
    iam = Iam(world)
    runner = "scheduler" if any(of(world, t.POOL)) else "penstock"
    for one in of(world, t.JOB):
        wanted = one.name != "share-owner"
        if iam.allows(runner, "run.jobs.runWithOverrides", f"{JOBS}/{one.inputs['name']}") is not wanted:
            yield f"{one.name}: the executor {'cannot' if wanted else 'can'} run it"
    if iam.allows(runner, "run.jobs.run", JOBS):
        yield "the executor can run every job of the project"
    for binding in iam.bindings:
        if binding.token == t.PROJECT_MEMBER and "iam.serviceAccounts.actAs" in iam.permissions(binding.role):
            yield f"{binding.member} may act as every account of the project"


CHECKS: Mapping[str, Callable[[World], Iterable[str]]] = {
    "database private": holds(
        [t.DATABASE_INSTANCE], "settings.ipConfiguration.ipv4Enabled", False, "the database has a public address"
    ),
    "database by TLS": holds(
        [t.DATABASE_INSTANCE], "settings.ipConfiguration.sslMode", "ENCRYPTED_ONLY", "takes connections without TLS"
    ),
    "database backed up": holds(
        [t.DATABASE_INSTANCE], "settings.backupConfiguration.enabled", True, "the database has no backups"
    ),
    "Redis by TLS": holds([t.CACHE], "transitEncryptionMode", "SERVER_AUTHENTICATION", "Redis speaks without TLS"),
    "Redis by password": holds([t.CACHE], "authEnabled", True, "Redis asks for no password"),
    "buckets private": holds([t.BUCKET], "publicAccessPrevention", "enforced", "the bucket could be made public"),
    "buckets by IAM": holds([t.BUCKET], "uniformBucketLevelAccess", True, "objects have lists of their own"),
    "tags fixed": holds([t.REPOSITORY], "dockerConfig.immutableTags", True, "tags can be moved"),
    "TLS 1.2": holds([t.SSL_POLICY], "minTlsVersion", "TLS_1_2", "takes old versions of TLS"),
    "Spark private": holds(
        [t.CLUSTER], "clusterConfig.gceClusterConfig.internalIpOnly", True, "machines have public addresses"
    ),
    "through the network": holds(
        [t.SERVICE, t.POOL], "template.vpcAccess.egress", "ALL_TRAFFIC", "goes around the network"
    ),
    "destroyable": holds(RUNNING, "deletionProtection", False, "cannot be destroyed"),
    "world shut out": the_world_is_shut_out,
    "work walled off": work_is_walled_off,
    "share by services": the_share_is_mounted_by_services_alone,
    "secrets by reference": secrets_are_references,
    "images by digest": images_are_digests,
    "sign-in": open_services_ask_for_a_sign_in,
    "one way in": a_balancer_is_the_only_way_in,
    "executors": executors_reach_their_jobs_and_no_others,
}


def complaints(world: World) -> list[str]:
    """Return what every check and every rule of the cloud say about the objects of a world."""
    found = [complaint for check in CHECKS.values() for complaint in check(world)]
    cloud = Behaviour(World())
    for one in world.objects.values():
        if one.token.startswith("gcp:"):
            found.extend(
                f"{one.name}: {problem.path} {problem.reason}" for problem in cloud.problems(one.token, one.inputs)
            )
    return found
