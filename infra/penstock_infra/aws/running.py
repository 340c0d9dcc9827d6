"""What runs on the layers of a stack: its services with their roles and environment, scaling, alarms, the budget."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from penstock_infra.aws.budget import Budget
from penstock_infra.aws.database import CA_FILE
from penstock_infra.aws.identities import Grants, Identity, Scaler
from penstock_infra.aws.layers import Layers
from penstock_infra.aws.metrics import Watched
from penstock_infra.aws.monitoring import Monitoring
from penstock_infra.aws.permissions import ShareGrant, scale_service
from penstock_infra.aws.scaling import Autoscaling, ScalingArgs
from penstock_infra.aws.services import Service, ServiceArgs
from penstock_infra.environment import Sources, environment_of
from penstock_platform.blueprint import IdentityPlan, ScaledBy, ServicePlan, Source


def make_services(layers: Layers) -> Mapping[str, Service]:
    """Make every service, and what moves their numbers. Returned by name."""
    identities = {plan.name: make_identity(layers, plan) for plan in layers.blueprint.services}
    services = {plan.name: make_service(layers, plan, identities[plan.name]) for plan in layers.blueprint.services}
    scheduler, web = layers.blueprint.scheduler, layers.blueprint.web
    cluster = layers.platform.cluster
    if scheduler.scaled_by is ScaledBy.PENSTOCK:
        statements = list(scale_service(cluster.service_arn(scheduler.name), cluster.arn, cluster.tasks))
        Scaler("scaler", layers.ground.account, identities[scheduler.name], statements)
    if layers.blueprint.scaling is not None and web.scaled_by is ScaledBy.PLATFORM:
        Autoscaling(
            "autoscaling",
            layers.blueprint.scaling,
            ScalingArgs(
                account=layers.ground.account,
                service=services[web.name],
                bounds=web,
                cluster=cluster.name,
                label=layers.fronts.front.label,
            ),
        )
    return services


def make_identity(layers: Layers, service: ServicePlan) -> Identity:
    """Make the roles of a service."""
    plan: IdentityPlan = layers.blueprint.identity(service.identity)
    stores, platform = layers.stores, layers.platform
    grants = Grants(
        repositories=platform.registry.pulled,
        log_group_arn=platform.cluster.logs[service.name].arn,
        secrets=stores.secrets.arns(plan.secrets),
        database_secret=stores.database.secret_arn,
        share=ShareGrant(arn=stores.share.arn, access_point_arn=stores.share.access_point_arn),
        bucket_arn=stores.bucket.arn,
        jobs=platform.definition.grant,
        spark=platform.spark.statements,
    )
    return Identity(service.name, layers.ground.account, plan, grants)


def make_service(layers: Layers, plan: ServicePlan, identity: Identity) -> Service:
    """Make one service. Only the one that people reach is behind the balancers."""
    environment = environment_of(plan, sources(layers), layers.settings)
    return Service(
        plan,
        ServiceArgs(
            account=layers.ground.account,
            cluster=layers.platform.cluster,
            identity=identity,
            share=layers.stores.share,
            share_path=layers.blueprint.share.path,
            image=layers.platform.registry.image,
            environment=environment.plain,
            secrets={name: layers.stores.secrets.arn(secret) for name, secret in environment.secret.items()},
            subnets=layers.ground.network.subnets["apps"],
            group=layers.ground.firewall.group(plan.name),
            targets=layers.fronts.targets if plan.serves_web else (),
            after=layers.ground.network.ready,
        ),
    )


def sources(layers: Layers) -> Sources:
    """Return what only the resources know."""
    stores, fronts = layers.stores, layers.fronts
    return {
        Source.DATABASE_HOST: stores.database.host,
        Source.DATABASE_PORT: stores.database.port,
        Source.DATABASE_SECRET: pulumi.Output.concat("aws:", stores.database.secret_arn, "#password"),
        Source.CA_FILE: CA_FILE,
        Source.PUBLIC_URL: fronts.front.url,
        Source.TRUSTED_PROXIES: ",".join(subnet.cidr for subnet in layers.blueprint.network.of("public")),
        Source.JOBS_URL: layers.ground.jobs.url,
        Source.ARTIFACTS_URL: stores.bucket.url("artifacts"),
        Source.LOGS_URL: stores.bucket.url("logs"),
        Source.IMAGE: layers.platform.registry.image,
    }


def make_around(layers: Layers, services: Mapping[str, Service]) -> Monitoring:
    """Make the alarms, the dashboard and the budget."""
    blueprint, stores = layers.blueprint, layers.stores
    watched = Watched(
        balancer=layers.fronts.front.balancer_suffix,
        target_group=layers.fronts.front.target_group_suffix,
        cluster=layers.platform.cluster.name,
        scheduler=services[blueprint.scheduler.name].name,
        database=stores.database.identifier,
        share=stores.share.file_system_id,
        share_gb=blueprint.share.size_gb,
        cache=stores.cache.node_id if stores.cache else None,
    )
    account, email = layers.ground.account, blueprint.alarm_email
    if blueprint.monthly_budget is not None:
        Budget("budget", account, dollars=blueprint.monthly_budget, email=email)
    return Monitoring("monitoring", account, blueprint.alarms, watched, email=email)
