"""The blueprint on AWS, put together: each step makes one layer and hands on what the next needs."""

from __future__ import annotations

import pulumi

from penstock_infra.aws.account import Account, account_of, provider
from penstock_infra.aws.backups import Backups
from penstock_infra.aws.bucket import Bucket
from penstock_infra.aws.cache import Cache, CacheArgs
from penstock_infra.aws.cluster import Cluster
from penstock_infra.aws.database import Database, DatabaseArgs
from penstock_infra.aws.domain import Certificate, Zone, zone_of
from penstock_infra.aws.firewall import Firewall
from penstock_infra.aws.flow_logs import FlowLogs
from penstock_infra.aws.front import Front, Placement
from penstock_infra.aws.identities import Grants, Identity
from penstock_infra.aws.jobs import JobDefinition, JobsArgs
from penstock_infra.aws.jobs_front import JobsFront, jobs_address
from penstock_infra.aws.layers import Fronts, Ground, Layers, Platform, Stores
from penstock_infra.aws.network import Network
from penstock_infra.aws.outputs import outputs
from penstock_infra.aws.registry import ImageRegistry
from penstock_infra.aws.running import make_around, make_services
from penstock_infra.aws.secret_store import SecretStore
from penstock_infra.aws.share import Share, ShareArgs
from penstock_infra.aws.spark import SparkArgs, make_spark
from penstock_infra.component import Protection
from penstock_infra.contract import StackOutputs
from penstock_infra.generated import GeneratedSecrets
from penstock_infra.providers import neutral_providers
from penstock_platform.blueprint import Blueprint, ScaledBy, SecretName

JOB = "job"
REDIS = "redis"


def render(blueprint: Blueprint) -> StackOutputs:
    """Register every resource of the blueprint and return the stack's outputs."""
    made_by = provider(blueprint.tags)
    zone = zone_of(blueprint.front, made_by)
    account = account_of(blueprint.name, made_by, neutral_providers())
    ground = make_ground(blueprint, account, zone)
    stores = make_stores(blueprint, ground)
    fronts = make_fronts(blueprint, ground)
    platform = make_platform(blueprint, ground, stores)
    layers = Layers(
        blueprint=blueprint,
        ground=ground,
        stores=stores,
        fronts=fronts,
        platform=platform,
        settings=executor_settings(blueprint, ground, platform),
    )
    services = make_services(layers)
    board = make_around(layers, services)
    return outputs(layers, services, board)


def make_ground(blueprint: Blueprint, account: Account, zone: Zone | None) -> Ground:
    """Make the network."""
    network = Network("network", account, blueprint.network)
    FlowLogs("flow-logs", account, vpc_id=network.vpc_id, days=blueprint.log_days)
    jobs = jobs_address(blueprint.name, blueprint.front.domain, proven=zone is not None)
    firewall = Firewall("firewall", account, blueprint, vpc_id=network.vpc_id, jobs_port=jobs.port)
    return Ground(account=account, zone=zone, network=network, firewall=firewall, jobs=jobs)


def make_stores(blueprint: Blueprint, ground: Ground) -> Stores:
    """Make what keeps something: share, bucket, database, cache, secrets."""
    account, protection = ground.account, Protection(blueprint.protect_data)
    subnets, firewall = ground.network.subnets["data"], ground.firewall
    share = Share(
        "share", ShareArgs(account=account, subnets=subnets, group=firewall.group("share"), protection=protection)
    )
    Backups("backups", account, share_arn=share.arn, days=blueprint.share.backup_days, protection=protection)
    database = Database(
        "database",
        DatabaseArgs(
            account=account,
            plan=blueprint.database,
            subnets=subnets,
            group=firewall.group("database"),
            protection=protection,
        ),
    )
    cache, secrets = make_secrets(blueprint, ground, protection)
    bucket = Bucket("bucket", account, blueprint.bucket, protection)
    return Stores(share=share, bucket=bucket, database=database, cache=cache, secrets=secrets)


def make_secrets(blueprint: Blueprint, ground: Ground, protection: Protection) -> tuple[Cache | None, SecretStore]:
    """Make the stack's own secrets, the cache that one of them opens, and the store of all."""
    generated = GeneratedSecrets(
        "generated", passwords=(REDIS,) if blueprint.cache else (), opts=ground.account.options
    )
    values = {
        SecretName.ENCRYPTION_KEY: generated.encryption_key,
        SecretName.OWNER_CODE: generated.owner_code,
    }
    cache = None
    if blueprint.cache is not None:
        cache = Cache(
            "cache",
            CacheArgs(
                account=ground.account,
                plan=blueprint.cache,
                subnets=ground.network.subnets["data"],
                group=ground.firewall.group("cache"),
                password=generated.passwords[REDIS],
            ),
        )
        values[SecretName.REDIS_URL] = cache.url
    kept = {name: values[name] for name in blueprint.secrets}
    return cache, SecretStore("secrets", ground.account, kept, protection)


def make_fronts(blueprint: Blueprint, ground: Ground) -> Fronts:
    """Make the two balancers, and the certificate of both where none is given."""
    front, probe = blueprint.front, blueprint.web.liveness
    certificate: pulumi.Input[str] = front.certificate or ""
    if ground.zone is not None and front.domain:
        certificate = Certificate(
            "certificate", ground.account, ground.zone, domain=front.domain, others=[ground.jobs.host]
        ).arn
    public = Front("front", placement(ground, "front"), front, probe=probe, certificate=certificate)
    if ground.zone is not None and front.domain:
        public.publish(front.domain, ground.zone)
    inner = JobsFront("jobs-front", placement(ground, "jobs-front"), ground.jobs, probe=probe, certificate=certificate)
    return Fronts(front=public, jobs=inner)


def placement(ground: Ground, group: str) -> Placement:
    """Return where a balancer stands: in the outer subnets, whose addresses the web servers trust as proxies."""
    return Placement(
        account=ground.account,
        vpc_id=ground.network.vpc_id,
        subnets=ground.network.subnets["public"],
        group=ground.firewall.group(group),
    )


def make_platform(blueprint: Blueprint, ground: Ground, stores: Stores) -> Platform:
    """Make the cluster, the image, the jobs' definition and Spark."""
    account = ground.account
    names = [*(service.name for service in blueprint.services), JOB]
    cluster = Cluster("cluster", account, logs=names, days=blueprint.log_days)
    registry = ImageRegistry("registry", account, blueprint.image, keeps=blueprint.protect_data)
    grants = Grants(repositories=registry.pulled, log_group_arn=cluster.logs[JOB].arn)
    identity = Identity(JOB, account, blueprint.identity(blueprint.jobs.identity), grants)
    definition = JobDefinition(
        "jobs",
        blueprint.jobs,
        JobsArgs(account=account, cluster=cluster, identity=identity, image=registry.image),
    )
    spark = make_spark(
        SparkArgs(
            account=account,
            plan=blueprint.spark,
            vpc_id=ground.network.vpc_id,
            subnets=ground.network.subnets["apps"],
            bucket=stores.bucket,
        )
    )
    return Platform(cluster=cluster, registry=registry, definition=definition, spark=spark)


def executor_settings(blueprint: Blueprint, ground: Ground, platform: Platform) -> dict[str, pulumi.Input[str]]:
    """Return the settings of the contract that executors, Spark backends and the scaler need."""
    found: dict[str, pulumi.Input[str]] = {
        "PENSTOCK_JOB_IMAGE": platform.registry.image,
        "PENSTOCK_ECS_CLUSTER": platform.cluster.arn,
        "PENSTOCK_ECS_TASK_DEFINITION": platform.definition.family,
        "PENSTOCK_ECS_SUBNETS": pulumi.Output.all(*ground.network.subnets["apps"]).apply(",".join),
        "PENSTOCK_ECS_SECURITY_GROUPS": ground.firewall.group("jobs"),
        **platform.spark.settings,
    }
    scheduler = blueprint.scheduler
    if scheduler.scaled_by is ScaledBy.PENSTOCK:
        found["PENSTOCK_SCALER_TARGET"] = platform.cluster.service_arn(scheduler.name)
        found["PENSTOCK_SCALER_MIN"] = str(scheduler.minimum)
        found["PENSTOCK_SCALER_MAX"] = str(scheduler.maximum)
    return found
