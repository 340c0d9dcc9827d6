"""The rules between keys: what each stack must hold to, beyond what single keys allow. All problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network

from penstock_platform.abilities import EXECUTORS_BUILT, GIT_PROJECTS_BUILT
from penstock_platform.networks import network_problems
from penstock_platform.options import StackOptions
from penstock_platform.problems import Problem
from penstock_platform.quantities import cpu_text, memory_text
from penstock_platform.service_settings import POOL_SIZE
from penstock_platform.sizes import DATABASES, LEAST_SHARE_GB, fit_container
from penstock_platform.topologies import TOPOLOGIES, ServiceDefaults
from penstock_platform.vocabulary import (
    OWN_EXECUTOR,
    Cloud,
    Executor,
    Exposure,
    ServiceRole,
    Size,
    Tier,
    Topology,
)

CONNECTIONS_KEPT = 10
"""Connections left for people, migrations and the cloud's own agents."""
FIXED = (Topology.SINGLE, Topology.SPLIT)


def problems_between(options: StackOptions) -> list[Problem]:
    """Return every problem between the keys of a stack, in the order of the rules."""
    return [problem for rule in RULES for problem in rule(options)]


def count_problems(options: StackOptions) -> list[Problem]:
    """Return what is wrong with the numbers of copies alone, wherever they run."""
    return [problem for rule in (_single_web, _counts) for problem in rule(options)]


def services_of(options: StackOptions) -> dict[ServiceRole, ServiceDefaults]:
    """Return the services of a stack with the operator's own sizes and bounds applied."""
    return {role: _applied(options, role, given) for role, given in TOPOLOGIES[options.topology].services.items()}


def _applied(options: StackOptions, role: ServiceRole, given: ServiceDefaults) -> ServiceDefaults:
    own = options.web if role is ServiceRole.WEB else options.scheduler
    least = given.minimum if own.min is None else own.min
    most = max(given.maximum, least) if own.max is None else own.max
    if own.max is None and options.topology is not Topology.AUTOSCALE:
        most = least
    return ServiceDefaults(own.cpu or given.cpu_millis, own.memory or given.memory_mib, least, most)


def connections(options: StackOptions) -> int:
    """Return the most database connections that a stack opens: every process twice during a rollout."""
    services = services_of(options)
    processes = sum(s.maximum * (2 if role is ServiceRole.EVERYTHING else 1) for role, s in services.items())
    return processes * (POOL_SIZE + 1) * 2 + CONNECTIONS_KEPT


def database_size(options: StackOptions) -> Size:
    """Return the size of the database."""
    return options.database.size or TOPOLOGIES[options.topology].database


def executors_of(options: StackOptions) -> tuple[Executor, ...]:
    """Return the stack's executors, the default first: the operator's, or what the release has and the cloud's own."""
    if options.executors:
        return options.executors
    own = OWN_EXECUTOR[options.cloud]
    wanted = (Executor.LOCAL_PYTHON, own) if options.topology in FIXED else (own, Executor.LOCAL_PYTHON)
    return tuple(sorted(wanted, key=lambda executor: executor not in EXECUTORS_BUILT))


def _counts(options: StackOptions) -> Iterator[Problem]:
    for role, service in services_of(options).items():
        group = "web" if role is ServiceRole.WEB else "scheduler"
        if service.minimum > service.maximum:
            yield Problem(f"{group}.max", f"{service.maximum} is below {group}.min, {service.minimum}")
        if options.topology in FIXED and (service.minimum, service.maximum) != (1, 1):
            yield Problem(f"{group}.min", f"topology {options.topology} has one {group}; take ha or autoscale for more")
        if options.topology is Topology.HA and service.minimum < 2:  # noqa: PLR2004 - one in each of two zones
            yield Problem(f"{group}.min", f"ha needs at least 2, one in each zone; it is {service.minimum}")
        if options.topology is Topology.HA and service.maximum > service.minimum:
            yield Problem(f"{group}.max", f"ha does not scale: leave {group}.max out, or take autoscale")
        if options.topology is Topology.AUTOSCALE and service.maximum <= service.minimum:
            yield Problem(f"{group}.max", f"autoscale needs more than {group}.min, {service.minimum}")


def _single_web(options: StackOptions) -> Iterator[Problem]:
    if options.topology is Topology.SINGLE and options.web.model_fields_set:
        yield Problem("web", "topology single has one service: its size is set by scheduler; leave web out")


def _containers(options: StackOptions) -> Iterator[Problem]:
    for role, service in services_of(options).items():
        group = "web" if role is ServiceRole.WEB else "scheduler"
        if fit_container(options.cloud, service.cpu_millis, service.memory_mib) is None:
            asked = f"{cpu_text(service.cpu_millis)} CPU with {memory_text(service.memory_mib)}"
            yield Problem(f"{group}.memory", f"{options.cloud} has no container of {asked}; take less")


def _database(options: StackOptions) -> Iterator[Problem]:
    if options.kubernetes.database_secret:
        return
    size = database_size(options)
    instance = DATABASES[options.cloud][size]
    if instance.burstable and TOPOLOGIES[options.topology].multi_zone:
        able = [s.value for s, c in DATABASES[options.cloud].items() if not c.burstable]
        yield Problem(
            "database.size",
            f"{size} ({instance.instance}) is burstable and cannot fail over to another zone, which "
            f"{options.topology} needs; allowed: {', '.join(able)}",
        )
    needed = connections(options)
    if needed > instance.max_connections:
        yield Problem(
            "database.size",
            f"{size} ({instance.instance}) takes {instance.max_connections} connections, and (web.max + scheduler.max) "
            f"processes * ({POOL_SIZE} + 1) * 2 during a rollout + {CONNECTIONS_KEPT} are {needed}; take a larger size "
            "or fewer copies",
        )


def _redis(options: StackOptions) -> Iterator[Problem]:
    if options.topology is not Topology.SINGLE:
        return
    given = {"redis.size": options.redis.size, "kubernetes.redisSecret": options.kubernetes.redis_secret}
    for key, value in given.items():
        if value is not None:
            yield Problem(key, "topology single has no Redis: all its processes are in one container; leave it out")


def _share(options: StackOptions) -> Iterator[Problem]:
    if options.files.tier is Tier.ZONAL and options.cloud is not Cloud.KUBERNETES:
        yield Problem(
            "files.tier",
            f"on {options.cloud} a share in one zone could never become one in several, so every topology has a "
            "regional one; leave it out",
        )
    elif options.files.tier is Tier.ZONAL and TOPOLOGIES[options.topology].multi_zone:
        yield Problem("files.tier", f"{options.topology} writes from two zones and needs a regional share")
    least = LEAST_SHARE_GB[options.cloud]
    if options.files.size_gb is not None and options.files.size_gb < least:
        yield Problem(
            "files.sizeGb", f"{options.files.size_gb} is less than the {least} GiB that {options.cloud} starts at"
        )


def _networks(options: StackOptions) -> Iterator[Problem]:
    if options.cloud is not Cloud.KUBERNETES:
        for message in network_problems(options.cloud, options.network_cidr, options.avoid_cidrs):
            yield Problem("networkCidr", message)
    if not options.allowed_cidrs:
        yield Problem("allowedCidrs", "is empty, so nobody could open the page")
    networks = [IPv4Network(text) for text in options.allowed_cidrs]
    for index, network in enumerate(networks):
        for other in networks[:index]:
            if network.overlaps(other):
                yield Problem("allowedCidrs", f"{network} overlaps {other}; keep one of them")


def _https(options: StackOptions) -> Iterator[Problem]:
    if options.cloud is Cloud.AWS and not (options.certificate or options.domain):
        yield Problem(
            "certificate",
            "the page is served by HTTPS alone: give a certificate's ARN, or a domain in a Route 53 zone of yours",
        )
    if options.cloud is Cloud.AWS and options.certificate and not options.certificate.startswith("arn:"):
        yield Problem("certificate", f"{options.certificate!r} is no ARN of a certificate; it begins with arn:aws:acm:")
    if options.cloud is Cloud.KUBERNETES:
        yield from _https_in_a_cluster(options)
    elif options.exposure is Exposure.PORT_FORWARD:
        yield Problem("exposure", f"portForward is for kubernetes; on {options.cloud} take public or private")


def _https_in_a_cluster(options: StackOptions) -> Iterator[Problem]:
    if options.exposure is Exposure.PORT_FORWARD:
        return
    if not options.domain:
        yield Problem("domain", "the ingress needs a name; without one, exposure: portForward")
    if not (options.kubernetes.tls_secret or options.kubernetes.issuer):
        yield Problem(
            "kubernetes.tlsSecret",
            "the page is served by HTTPS alone: name a TLS secret, or a cert-manager issuer (kubernetes.issuer)",
        )


def _executors(options: StackOptions) -> Iterator[Problem]:
    own = {OWN_EXECUTOR[options.cloud], Executor.LOCAL_PYTHON, Executor.K8S, Executor.PYSPARK}
    allowed = own if options.cloud is Cloud.KUBERNETES else own - {Executor.K8S}
    wrong = [executor for executor in options.executors if executor not in allowed]
    if wrong:
        yield Problem("executors", f"{', '.join(wrong)}: not on {options.cloud}; allowed: {', '.join(sorted(allowed))}")
    if len(set(options.executors)) < len(options.executors):
        yield Problem("executors", "names an executor twice")
    first = executors_of(options)[0]
    if first not in EXECUTORS_BUILT:
        built = ", ".join(sorted(EXECUTORS_BUILT))
        yield Problem("executors", f"{first} cannot be first yet: this release runs blocks by {built} alone")


def _project(options: StackOptions) -> Iterator[Problem]:
    if options.project.url and not GIT_PROJECTS_BUILT:
        yield Problem(
            "project.url", "this release reads the project from the share alone; leave it out and copy it there"
        )


def _only_in_a_cluster(options: StackOptions) -> Iterator[Problem]:
    if options.cloud is not Cloud.KUBERNETES and options.kubernetes.model_fields_set:
        yield Problem("kubernetes", f"these keys are for cloud kubernetes; this stack is on {options.cloud}")


RULES: tuple[Callable[[StackOptions], Iterator[Problem]], ...] = (
    _counts,
    _single_web,
    _containers,
    _database,
    _redis,
    _share,
    _networks,
    _https,
    _executors,
    _project,
    _only_in_a_cluster,
)
"""Every rule between keys."""
