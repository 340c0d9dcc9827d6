"""A whole stack on GCP: the components in the order in which they need each other, and the outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from penstock_infra.contract import SharedFiles, StackOutputs
from penstock_infra.cost import cost_output
from penstock_infra.environment import Sources, environment_of
from penstock_infra.gcp.alarms import Alarms, Dashboard
from penstock_infra.gcp.bucket import Bucket
from penstock_infra.gcp.budget import NO_ACCOUNT, Budget
from penstock_infra.gcp.cache import Cache
from penstock_infra.gcp.checks import check
from penstock_infra.gcp.containers import ContainerArgs, drain_seconds
from penstock_infra.gcp.database import PORT, SSL_MODE, Database, DatabaseArgs
from penstock_infra.gcp.front import Balancer, Door, door_of
from penstock_infra.gcp.identities import Accounts, Grants, GrantsArgs
from penstock_infra.gcp.jobs import Jobs, JobsArgs
from penstock_infra.gcp.logs import Logs
from penstock_infra.gcp.network import Network
from penstock_infra.gcp.registry import Registry
from penstock_infra.gcp.scaling import Scaler, scaler_settings
from penstock_infra.gcp.secrets import Secrets, authority_file
from penstock_infra.gcp.services import SchedulerPool, WebArgs, WebService
from penstock_infra.gcp.share import Share, ShareBackups, ShareOwner, ShareOwnerArgs
from penstock_infra.gcp.signals import Watched
from penstock_infra.gcp.site import Site, labels_of, site_of
from penstock_infra.gcp.spark import Spark, SparkArgs
from penstock_infra.generated import GeneratedSecrets
from penstock_infra.image import image_reference
from penstock_infra.next_steps import next_steps
from penstock_infra.providers import neutral_providers
from penstock_platform.blueprint import Blueprint, Permission, ScaledBy, SecretName, ServicePlan, Source
from penstock_platform.problems import BlueprintInvalid
from penstock_platform.vocabulary import SparkMode

DATABASE_AUTHORITY = "database-authority"
CACHE_AUTHORITY = "redis-authority"
UNPROTECTED = (
    "protectData is off: a destroy takes everything. The share's backups keep themselves for a day each, so within a "
    "day of the last one the backup vault refuses to go; run the destroy again then."
)
IN_MEMORY = "Cloud Run keeps a container's own files in memory: environments of projects count as scheduler.memory."
NOT_ENCRYPTED = (
    "files on their way to and from the share: Filestore speaks NFS without TLS, inside Google's network.",
)


def render(blueprint: Blueprint) -> StackOutputs:
    """Register every resource of the blueprint on GCP and return the stack's outputs."""
    try:
        check(blueprint)
    except BlueprintInvalid as error:
        raise pulumi.RunError(str(error)) from None
    provider = _provider(blueprint)
    neutral = neutral_providers()
    site = site_of(blueprint, provider, pulumi.ResourceOptions(providers=[provider, *neutral]))
    ground = _ground(site, blueprint)
    image = _image(ground, blueprint, provider)
    work = _work(site, ground, blueprint, image)
    front = _front(site, blueprint)
    run = _Run(site, ground, blueprint, image, work, front.door)
    running = _running(run)
    if front.balancer is not None:
        front.balancer.open(running.web.service)
    return _outputs(run, running, _watch(run, running))


def _provider(blueprint: Blueprint) -> gcp.Provider:
    """Return the stack's own provider; project and region are its own keys, `gcp:project` and `gcp:region`."""
    settings = pulumi.Config("gcp")
    project = settings.require("project")
    return gcp.Provider(
        "gcp",
        project=project,
        region=settings.require("region"),
        default_labels=labels_of(blueprint.tags),
        # Budgets are asked for in the name of a project, whoever runs the program.
        billing_project=project if blueprint.monthly_budget is not None else None,
        user_project_override=True if blueprint.monthly_budget is not None else None,
    )


@dataclass(frozen=True)
class _Ground:
    """What services stand on."""

    network: Network
    accounts: Accounts
    generated: GeneratedSecrets
    database: Database
    cache: Cache | None
    share: Share
    bucket: Bucket
    registry: Registry
    logs: Logs
    secrets: Secrets
    grants: Grants


def _ground(site: Site, blueprint: Blueprint) -> _Ground:
    network = Network(site, blueprint.network)
    accounts = Accounts(site, blueprint.identities)
    generated = GeneratedSecrets("generated", passwords=("database",), opts=site.providers)
    password = generated.passwords["database"]
    database = Database(site, DatabaseArgs(plan=blueprint.database, network=network, password=password))
    cache = Cache(site, blueprint.cache, network) if blueprint.cache is not None else None
    bucket = Bucket(site, blueprint.bucket)
    secrets = Secrets(site, _values(generated, cache), _authorities(database, cache))
    return _Ground(
        network=network,
        accounts=accounts,
        generated=generated,
        database=database,
        cache=cache,
        share=_share(site, blueprint, network),
        bucket=bucket,
        registry=Registry(site),
        logs=Logs(site, blueprint.log_days),
        secrets=secrets,
        grants=Grants(
            site, GrantsArgs(identities=blueprint.identities, accounts=accounts, secrets=secrets, bucket=bucket)
        ),
    )


def _share(site: Site, blueprint: Blueprint, network: Network) -> Share:
    share = Share(site, blueprint.share, network)
    ShareBackups(site, blueprint.share, share)
    return share


def _values(generated: GeneratedSecrets, cache: Cache | None) -> Mapping[SecretName, pulumi.Input[str]]:
    found: dict[SecretName, pulumi.Input[str]] = {
        SecretName.ENCRYPTION_KEY: generated.encryption_key,
        SecretName.OWNER_CODE: generated.owner_code,
        SecretName.DATABASE_PASSWORD: generated.passwords["database"],
    }
    if cache is not None:
        found[SecretName.REDIS_URL] = cache.url(authority_file(CACHE_AUTHORITY))
    return found


def _authorities(database: Database, cache: Cache | None) -> Mapping[str, pulumi.Input[str]]:
    found = {DATABASE_AUTHORITY: database.authority}
    if cache is not None:
        found[CACHE_AUTHORITY] = cache.authority
    return found


def _image(ground: _Ground, blueprint: Blueprint, provider: gcp.Provider) -> pulumi.Output[str]:
    if blueprint.image.given is not None:
        return pulumi.Output.from_input(blueprint.image.given)
    return image_reference(blueprint.image, ground.registry.target(provider), ground.registry.child())


@dataclass(frozen=True)
class _Work:
    """What executors start."""

    jobs: Jobs
    spark: Spark | None
    owner: ShareOwner


def _work(site: Site, ground: _Ground, blueprint: Blueprint, image: pulumi.Output[str]) -> _Work:
    accounts, network, identities = ground.accounts, ground.network, blueprint.identities
    jobs = Jobs(
        site,
        JobsArgs(
            plan=blueprint.jobs,
            image=image,
            network=network,
            accounts=accounts,
            identities=identities,
            logs=ground.logs,
        ),
    )
    spark = None
    if blueprint.spark.mode is not SparkMode.OFF:
        spark = Spark(
            site,
            SparkArgs(
                plan=blueprint.spark,
                network=network,
                bucket=ground.bucket,
                accounts=accounts,
                identities=identities,
            ),
        )
    owner = ShareOwnerArgs(share=ground.share, network=network, account=accounts.email(blueprint.jobs.identity))
    return _Work(jobs, spark, ShareOwner(site, owner))


@dataclass(frozen=True)
class _Front:
    door: Door
    balancer: Balancer | None


def _front(site: Site, blueprint: Blueprint) -> _Front:
    balancer = Balancer(site, blueprint.front) if blueprint.front.domain is not None else None
    return _Front(door_of(site, blueprint.front, balancer), balancer)


@dataclass(frozen=True)
class _Run:
    """Everything that a service is made from."""

    site: Site
    ground: _Ground
    blueprint: Blueprint
    image: pulumi.Output[str]
    work: _Work
    door: Door


@dataclass(frozen=True)
class _Running:
    """The services that run; no pool where the web service is the scheduler too."""

    web: WebService
    pool: SchedulerPool | None


def _running(run: _Run) -> _Running:
    blueprint = run.blueprint
    web = WebService(
        run.site,
        WebArgs(
            containers=_containers(run, blueprint.web),
            ingress=run.door.ingress,
            idle_seconds=blueprint.front.idle_seconds,
            scaling=blueprint.scaling,
        ),
    )
    if blueprint.scheduler is blueprint.web:
        return _Running(web, None)
    pool = SchedulerPool(run.site, _containers(run, blueprint.scheduler))
    if blueprint.scheduler.scaled_by is ScaledBy.PENSTOCK:
        Scaler(run.site, blueprint.scheduler, pool, run.ground.accounts)
    return _Running(web, pool)


def _containers(run: _Run, plan: ServicePlan) -> ContainerArgs:
    ground = run.ground
    settings = {
        **_executor_settings(run, plan),
        "PENSTOCK_DB_SSLMODE": SSL_MODE,
        "PENSTOCK_DRAIN_SECONDS": str(drain_seconds(plan)),
    }
    return ContainerArgs(
        plan=plan,
        image=run.image,
        environment=environment_of(plan, _sources(run), settings),
        secrets=ground.secrets,
        share=ground.share,
        share_path=run.blueprint.share.path,
        network=ground.network,
        account=ground.accounts.email(plan.identity),
        after=(*ground.grants.before[plan.identity], *ground.database.ready, run.work.owner.done),
    )


def _sources(run: _Run) -> Sources:
    return {
        Source.DATABASE_HOST: run.ground.database.host,
        Source.DATABASE_PORT: PORT,
        Source.CA_FILE: authority_file(DATABASE_AUTHORITY),
        Source.PUBLIC_URL: run.door.url,
        Source.TRUSTED_PROXIES: run.door.proxies,
        # Asked for from inside the network, this name never leaves it: see `Network.interface`.
        Source.JOBS_URL: run.site.web_url,
        Source.ARTIFACTS_URL: run.ground.bucket.url("artifacts"),
        Source.LOGS_URL: run.ground.bucket.url("logs"),
        Source.IMAGE: run.image,
    }


def _executor_settings(run: _Run, plan: ServicePlan) -> Mapping[str, pulumi.Input[str]]:
    """Return the settings of executors, for a service that may start jobs."""
    if Permission.START_JOBS not in run.blueprint.identity(plan.identity).may:
        return {}
    spark = run.work.spark.settings if run.work.spark is not None else {}
    return {
        "PENSTOCK_JOBS_URL": run.site.web_url,
        "PENSTOCK_JOB_IMAGE": run.image,
        **run.work.jobs.settings,
        **spark,
        **scaler_settings(run.site, plan),
    }


@dataclass(frozen=True)
class _Watch:
    """Where to look, and what could not be made."""

    dashboards: list[pulumi.Input[str]]
    notes: tuple[str, ...]


def _watch(run: _Run, running: _Running) -> _Watch:
    site, ground, blueprint = run.site, run.ground, run.blueprint
    watched = Watched(
        web=running.web.name,
        pool=running.pool.name if running.pool is not None else None,
        database=pulumi.Output.concat(site.project, ":", ground.database.instance.name),
        cache=ground.cache.instance.id if ground.cache is not None else None,
        share=ground.share.instance.name,
    )
    alarms = Alarms(site, blueprint, watched)
    dashboard = Dashboard(site, blueprint, watched)
    return _Watch([dashboard.url], tuple(_budget(site, blueprint, alarms)))


def _budget(site: Site, blueprint: Blueprint, alarms: Alarms) -> Iterator[str]:
    if blueprint.monthly_budget is None:
        return
    if site.billing_account:
        Budget(site, blueprint.monthly_budget, alarms.channels)
    else:
        yield NO_ACCOUNT


def _outputs(run: _Run, running: _Running, watch: _Watch) -> StackOutputs:
    site, ground, blueprint = run.site, run.ground, run.blueprint
    pool = running.pool
    return StackOutputs(
        url=run.door.url,
        topology=blueprint.topology.value,
        web_service=running.web.name,
        scheduler_service=pool.name if pool is not None else running.web.name,
        database_endpoint=pulumi.Output.concat(ground.database.host, ":", PORT),
        database_secret=ground.secrets.entries[SecretName.DATABASE_PASSWORD].secret.name,
        redis_endpoint=ground.cache.endpoint if ground.cache is not None else "",
        shared_files=SharedFiles(server=ground.share.server, path=ground.share.path, mounted_at=blueprint.share.path),
        artifacts=ground.bucket.url("artifacts"),
        logs=ground.bucket.url("logs"),
        image=run.image,
        registry=ground.registry.url,
        spark=run.work.spark.output if run.work.spark is not None else {"backend": "off"},
        executor_settings=_executor_settings(run, blueprint.scheduler),
        secret_store=f"Secret Manager of the project {site.project}: secrets called {site.called('*')}",
        dashboards=watch.dashboards,
        monthly_cost_estimate=cost_output(blueprint),
        next_steps=[*_steps(run), *_notes(run.blueprint), *watch.notes],
    )


def _notes(blueprint: Blueprint) -> Iterator[str]:
    """Yield what Cloud Run and this config do not do."""
    yield IN_MEMORY
    seconds = drain_seconds(blueprint.scheduler)
    yield f"Cloud Run gives a stopping container {seconds} s: what still runs then is run again, at no retry's cost."
    if not blueprint.protect_data:
        yield UNPROTECTED


def _steps(run: _Run) -> list[pulumi.Input[str]]:
    site = run.site
    code = site.called(SecretName.OWNER_CODE.value)
    return next_steps(
        run.blueprint,
        run.door.url,
        read_owner_code=f"gcloud secrets versions access latest --secret={code} --project={site.project}",
        reach=run.door.reach,
        not_encrypted=NOT_ENCRYPTED,
    )
