"""From a stack's config to its blueprint: pure and total. One config gives one blueprint, or every problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock_platform.abilities import (
    EXECUTORS_BUILT,
    OBJECT_STORES_BUILT,
    SCALERS_BUILT,
    SCHEDULERS_SHARE_WORK,
)
from penstock_platform.blueprint import (
    AlarmPlan,
    Blueprint,
    BucketPlan,
    CachePlan,
    DatabasePlan,
    Egress,
    FrontPlan,
    IdentityPlan,
    ImagePlan,
    JobSize,
    JobsPlan,
    NetworkPlan,
    Permission,
    Probe,
    Rollout,
    ScaledBy,
    ScalingPlan,
    SecretName,
    ServicePlan,
    SharePlan,
    Signal,
    SparkPlan,
)
from penstock_platform.cost import estimate
from penstock_platform.load import slots_for
from penstock_platform.networks import ZONES, cut
from penstock_platform.options import StackOptions, read_options
from penstock_platform.problems import BlueprintInvalid, Problem
from penstock_platform.rules import database_size, executors_of, problems_between, services_of
from penstock_platform.service_settings import HEALTH_PORT, SHARE_PATH, WEB_PORT, settings_of
from penstock_platform.sizes import CACHES, DATABASES, LEAST_SHARE_GB, fit_container, fit_storage
from penstock_platform.topologies import SERVICE_NAMES, TOPOLOGIES, ServiceDefaults, TopologyDefaults
from penstock_platform.vocabulary import (
    OWN_EXECUTOR,
    Cloud,
    Executor,
    ServiceRole,
    Size,
    SparkMode,
    Tier,
    Topology,
)

DRAIN_SECONDS = 100
"""How long a stopping scheduler lets its blocks finish: below the 120 s that Fargate allows at most."""
JOB_TIMEOUT_SECONDS = 86_400
STORAGE_GB = 20
"""Storage of a database whose size is not given, before the cloud's own steps."""
JOB_SIZES = (("small", 500, 1024), ("medium", 1000, 4096), ("large", 2000, 8192), ("xlarge", 4000, 16384))
_JOBS_SMALLER_THAN_ASKED = {Cloud.AZURE: 8192}
"""Container Apps ends at 8 GiB, so its largest job is smaller."""


def blueprint_of(raw: Mapping[str, Any]) -> Blueprint:
    """Return the blueprint of a stack's config as it is written. Raises BlueprintInvalid with every problem."""
    options, problems = read_options(raw)
    if options is not None:
        problems = [*problems, *problems_between(options)]
    if problems or options is None:
        raise BlueprintInvalid(problems)
    return plan(options)


def plan(options: StackOptions) -> Blueprint:
    """Return the blueprint of these options. Raises BlueprintInvalid with every problem between keys.

    What a stack costs is known only of one that holds together, so `monthlyBudget` is looked at last and alone.
    """
    if problems := problems_between(options):
        raise BlueprintInvalid(problems)
    blueprint = _blueprint(options)
    if over := _over_budget(blueprint):
        raise BlueprintInvalid([over])
    return blueprint


def _over_budget(blueprint: Blueprint) -> Problem | None:
    budget, cost = blueprint.monthly_budget, estimate(blueprint)
    if budget is None or cost.maximum <= budget:
        return None
    dearest = sorted(cost.lines, key=lambda line: line.maximum, reverse=True)[:3]
    most = ", ".join(f"{line.item} {line.maximum:.0f}" for line in dearest)
    return Problem(
        "monthlyBudget",
        f"{budget:g} is less than the {cost.maximum:.2f} US dollars that this stack may cost a month (at the least "
        f"{cost.minimum:.2f}; most of it: {most}); take a cheaper topology or sizes, or a larger budget",
    )


def _blueprint(options: StackOptions) -> Blueprint:
    defaults = TOPOLOGIES[options.topology]
    cache = _cache(options, defaults)
    services, notes = _services(options, cached=cache is not None)
    return Blueprint(
        cloud=options.cloud,
        topology=options.topology,
        name=options.name,
        network=_network(options, defaults),
        front=_front(options),
        share=_share(options, defaults),
        bucket=BucketPlan(prefixes=("artifacts", "bundles", "logs", "spark"), old_versions_days=30),
        database=_database(options, defaults),
        cache=cache,
        secrets=_secrets(options, cached=cache is not None),
        spark=SparkPlan(mode=options.spark.mode, min_workers=1, max_workers=options.spark.max_workers, idle_minutes=15),
        image=ImagePlan(given=options.image, dockerfile="runtime/images/Dockerfile", platform="linux/amd64"),
        services=services,
        executors=executors_of(options),
        jobs=_jobs(options),
        scaling=_scaling(options),
        identities=tuple(_identities(options, cached=cache is not None)),
        alarms=tuple(_alarms(options, cached=cache is not None)),
        alarm_email=options.alarms.email,
        log_days=30,
        protect_data=options.protect_data,
        tags={"app": "penstock", "stack": options.name, "topology": options.topology.value, **options.tags},
        monthly_budget=options.monthly_budget,
        notes=(*notes, *_notes(options)),
    )


def _network(options: StackOptions, defaults: TopologyDefaults) -> NetworkPlan:
    return NetworkPlan(
        cidr=options.network_cidr,
        subnets=cut(options.cloud, options.network_cidr),
        egress=Egress.PER_ZONE if defaults.multi_zone else Egress.ONE,
        zones=ZONES,
    )


def _front(options: StackOptions) -> FrontPlan:
    return FrontPlan(
        domain=options.domain,
        certificate=options.certificate,
        exposure=options.exposure,
        allowed_cidrs=options.allowed_cidrs,
        idle_seconds=3600,
    )


def _share(options: StackOptions, defaults: TopologyDefaults) -> SharePlan:
    return SharePlan(
        # Where a tier cannot change in place, a stack starts with the one that its most able topology needs.
        tier=options.files.tier or (defaults.share if options.cloud is Cloud.KUBERNETES else Tier.REGIONAL),
        size_gb=options.files.size_gb or LEAST_SHARE_GB[options.cloud],
        path=SHARE_PATH,
        backup_days=defaults.backup_days,
    )


def _database(options: StackOptions, defaults: TopologyDefaults) -> DatabasePlan:
    size = database_size(options)
    return DatabasePlan(
        size=size,
        instance=DATABASES[options.cloud][size],
        version=options.database.version,
        storage_gb=_storage_gb(options),
        name="penstock",
        user="penstock",
        multi_zone=defaults.multi_zone and options.cloud is not Cloud.KUBERNETES,
        backup_days=defaults.backup_days,
        managed_password=options.cloud is Cloud.AWS,
        external_secret=options.kubernetes.database_secret,
    )


def _storage_gb(options: StackOptions) -> int:
    return fit_storage(options.cloud, options.database.storage_gb or STORAGE_GB)


def _cache(options: StackOptions, defaults: TopologyDefaults) -> CachePlan | None:
    size = options.redis.size or defaults.cache
    if size is None and options.kubernetes.redis_secret is None:
        return None
    size = size or Size.SMALL
    replicated = defaults.multi_zone and options.cloud is not Cloud.KUBERNETES
    return CachePlan(
        size=size,
        instance=CACHES[options.cloud][size],
        replicas=1 if replicated else 0,
        multi_zone=replicated,
        external_secret=options.kubernetes.redis_secret,
    )


def _secrets(options: StackOptions, *, cached: bool) -> tuple[SecretName, ...]:
    found = [SecretName.ENCRYPTION_KEY, SecretName.OWNER_CODE]
    if options.cloud is not Cloud.AWS:
        found.append(SecretName.DATABASE_PASSWORD)
    if cached:
        found.append(SecretName.REDIS_URL)
    return tuple(found)


def _services(options: StackOptions, *, cached: bool) -> tuple[tuple[ServicePlan, ...], list[str]]:
    services, notes = [], []
    for role, wanted in services_of(options).items():
        size = fit_container(options.cloud, wanted.cpu_millis, wanted.memory_mib)
        if size is None:  # problems_between has refused it already
            raise AssertionError(f"{options.cloud} has no container for {role}")
        if size.note:
            notes.append(f"{SERVICE_NAMES[role]}: {size.note}, the next size that {options.cloud} has.")
        fitted = ServiceDefaults(size.cpu_millis, size.memory_mib, wanted.minimum, wanted.maximum)
        services.append(_service(options, role, fitted, cached=cached))
    return tuple(services), notes


def _service(options: StackOptions, role: ServiceRole, fitted: ServiceDefaults, *, cached: bool) -> ServicePlan:
    port = HEALTH_PORT if role is ServiceRole.SCHEDULER else WEB_PORT
    slots = options.scheduler.slots or slots_for(fitted.cpu_millis, fitted.memory_mib)
    return ServicePlan(
        name=SERVICE_NAMES[role],
        role=role,
        cpu_millis=fitted.cpu_millis,
        memory_mib=fitted.memory_mib,
        minimum=fitted.minimum,
        maximum=fitted.maximum,
        slots=0 if role is ServiceRole.WEB else slots,
        web_port=None if role is ServiceRole.SCHEDULER else WEB_PORT,
        health_port=HEALTH_PORT if role is ServiceRole.SCHEDULER else None,
        command=("penstock", "start"),
        startup=Probe(path="/healthz", port=port, period_seconds=5, failures=60),
        liveness=Probe(path="/healthz", port=port, period_seconds=10, failures=3),
        # A scheduler that stands by is well, and says at /readyz that it does not work: a rollout must not wait for it.
        readiness=Probe(
            path="/healthz" if role is ServiceRole.SCHEDULER else "/readyz", port=port, period_seconds=5, failures=2
        ),
        rollout=_rollout(options, role),
        scaled_by=_scaled_by(options, role),
        drain_seconds=DRAIN_SECONDS,
        identity=SERVICE_NAMES[role],
        settings=settings_of(
            role,
            executor=executors_of(options)[0],
            slots=slots,
            drain_seconds=DRAIN_SECONDS,
            managed_password=options.cloud is Cloud.AWS,
            cached=cached,
        ),
    )


def _rollout(options: StackOptions, role: ServiceRole) -> Rollout:
    """Return how a service takes a new version: web servers may always overlap, a lone scheduler must not."""
    one_scheduler = not TOPOLOGIES[options.topology].multi_zone
    return Rollout.STOP_THEN_START if one_scheduler and role is not ServiceRole.WEB else Rollout.ROLLING


def _scaled_by(options: StackOptions, role: ServiceRole) -> ScaledBy:
    if options.topology is not Topology.AUTOSCALE:
        return ScaledBy.NOBODY
    return ScaledBy.PLATFORM if role is ServiceRole.WEB else ScaledBy.PENSTOCK


def _jobs(options: StackOptions) -> JobsPlan:
    most = _JOBS_SMALLER_THAN_ASKED.get(options.cloud)
    sizes: list[JobSize] = []
    for name, cpu, memory in JOB_SIZES:
        fitted = fit_container(options.cloud, cpu, min(memory, most) if most else memory)
        if fitted is None:
            raise AssertionError(f"{options.cloud} has no container for the job size {name}")
        if (fitted.cpu_millis, fitted.memory_mib) not in [(size.cpu_millis, size.memory_mib) for size in sizes]:
            sizes.append(JobSize(name=name, cpu_millis=fitted.cpu_millis, memory_mib=fitted.memory_mib))
    return JobsPlan(
        executor=OWN_EXECUTOR[options.cloud],
        sizes=tuple(sizes),
        command=("penstock", "job"),
        timeout_seconds=JOB_TIMEOUT_SECONDS,
        identity="job",
    )


def _scaling(options: StackOptions) -> ScalingPlan | None:
    if options.topology is not Topology.AUTOSCALE:
        return None
    return ScalingPlan(cpu_percent=60, requests_per_copy=100, cooldown_seconds=120)


def _identities(options: StackOptions, *, cached: bool) -> Iterator[IdentityPlan]:
    shared = (Permission.PULL_IMAGE, Permission.WRITE_LOGS, Permission.READ_SECRETS, Permission.MOUNT_SHARE)
    working: tuple[Permission, ...] = (Permission.USE_BUCKET, Permission.START_JOBS)
    if options.spark.mode is not SparkMode.OFF:
        working = (*working, Permission.RUN_SPARK)
    for role in TOPOLOGIES[options.topology].services:
        rest = (Permission.USE_BUCKET,) if role is ServiceRole.WEB else working
        kept = [SecretName.OWNER_CODE] if role is ServiceRole.SCHEDULER else []
        secrets = tuple(name for name in _secrets(options, cached=cached) if name not in kept)
        yield IdentityPlan(name=SERVICE_NAMES[role], may=(*shared, *rest), secrets=secrets)
    yield IdentityPlan(name="job", may=(Permission.PULL_IMAGE, Permission.WRITE_LOGS))
    if options.spark.mode is not SparkMode.OFF:
        yield IdentityPlan(name="spark", may=(Permission.USE_SPARK_DATA,))
    if options.topology is Topology.AUTOSCALE:
        yield IdentityPlan(name="scaler", may=(Permission.SCALE_SCHEDULER,))


def _alarms(options: StackOptions, *, cached: bool) -> Iterator[AlarmPlan]:
    most = DATABASES[options.cloud][database_size(options)].max_connections
    storage = _storage_gb(options)
    yield AlarmPlan(name="web-errors", signal=Signal.WEB_ERRORS, threshold=10, minutes=5)
    yield AlarmPlan(name="web-unhealthy", signal=Signal.WEB_UNHEALTHY, threshold=1, minutes=5)
    yield AlarmPlan(name="scheduler-down", signal=Signal.SCHEDULER_DOWN, threshold=1, minutes=5)
    yield AlarmPlan(name="database-cpu", signal=Signal.DATABASE_CPU, threshold=80, minutes=15)
    yield AlarmPlan(name="database-storage", signal=Signal.DATABASE_STORAGE, threshold=storage / 5, minutes=15)
    yield AlarmPlan(
        name="database-connections", signal=Signal.DATABASE_CONNECTIONS, threshold=most * 8 // 10, minutes=5
    )
    if cached:
        yield AlarmPlan(name="cache-memory", signal=Signal.CACHE_MEMORY, threshold=80, minutes=15)
    yield AlarmPlan(name="share-full", signal=Signal.SHARE_FULL, threshold=80, minutes=15)


def _notes(options: StackOptions) -> Iterator[str]:
    asked, given = options.database.storage_gb, _storage_gb(options)
    if asked is not None and asked != given:
        yield f"database: {asked} GiB of storage rounded up to {given}, the next size that {options.cloud} has."
    own = OWN_EXECUTOR[options.cloud]
    if own in executors_of(options) and own not in EXECUTORS_BUILT:
        yield f"Blocks run on the schedulers themselves: the {own} executor is prepared and not in this release yet."
    if Executor.PYSPARK not in EXECUTORS_BUILT and options.spark.mode is not SparkMode.OFF:
        yield "Spark is prepared; the pyspark executor is not in this release yet."
    if not OBJECT_STORES_BUILT:
        yield "Outputs and logs are on the share: this release does not write to the bucket yet."
    if TOPOLOGIES[options.topology].multi_zone and not SCHEDULERS_SHARE_WORK:
        yield "One scheduler works and the others stand by to take over: this release does not share work between them."
    if options.topology is Topology.AUTOSCALE and options.cloud not in SCALERS_BUILT:
        yield "The scheduler service stays at scheduler.min: this release does not move it yet. Web servers do scale."
    if options.cloud is Cloud.KUBERNETES and TOPOLOGIES[options.topology].multi_zone:
        yield from _in_cluster_data(options)


def _in_cluster_data(options: StackOptions) -> Iterator[str]:
    if options.kubernetes.database_secret is None:
        yield (
            "Postgres is one pod of the cluster: when its node is lost, the page waits until the pod is on another. "
            "Give kubernetes.databaseSecret with the URL of a database that fails over."
        )
    if options.kubernetes.redis_secret is None:
        yield "Redis is one pod of the cluster; without it the schedulers go on by asking the database."
