"""What only the rendered resources know: sources of settings, and the settings of executors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pulumi

from penstock_infra.azure.access import scheduler_id
from penstock_infra.azure.database import PORT, TRUSTED_AUTHORITIES
from penstock_infra.azure.foundation import Foundation
from penstock_infra.azure.front import PROXY_RANGE, Front
from penstock_infra.azure.jobs import Jobs
from penstock_infra.azure.services import Grounds
from penstock_infra.azure.spark import Spark
from penstock_infra.azure.stores import Stores
from penstock_infra.azure.traffic import cidr
from penstock_infra.environment import Sources
from penstock_platform.blueprint import NetworkPlan, ScaledBy, SecretName, ServicePlan, Source
from penstock_platform.service_settings import spark_backend

Settings = dict[str, pulumi.Input[str]]


def sources_of(stores: Stores, front: Front, grounds: Grounds, network: NetworkPlan) -> Sources:
    """Return what each source of a setting is on this stack."""
    return {
        Source.DATABASE_HOST: stores.database.host,
        Source.DATABASE_PORT: str(PORT),
        Source.DATABASE_SECRET: stores.vault.address(SecretName.DATABASE_PASSWORD),
        Source.CA_FILE: TRUSTED_AUTHORITIES,
        Source.PUBLIC_URL: front.url,
        Source.TRUSTED_PROXIES: f"{PROXY_RANGE},{cidr(network, 'apps')}",
        Source.JOBS_URL: front.jobs_url,
        Source.ARTIFACTS_URL: pulumi.Output.concat(stores.bucket.url, "/artifacts"),
        Source.LOGS_URL: pulumi.Output.concat(stores.bucket.url, "/logs"),
        Source.IMAGE: grounds.registry.image,
    }


def executor_settings(on: Foundation, grounds: Grounds, front: Front, jobs: Jobs, spark: Spark | None) -> Settings:
    """Return the settings that executors, Spark and the scaler need, by name.

    Jobs are named by their whole resource id: they are in the stack's own group, container groups are made in another.
    """
    site = on.site
    sizes = pulumi.Output.all(*(pulumi.Output.concat(size, "=", job) for size, job in jobs.ids.items()))
    return {
        "PENSTOCK_JOBS_URL": front.jobs_url,
        "PENSTOCK_JOB_IMAGE": grounds.registry.image,
        "PENSTOCK_AZURE_SUBSCRIPTION": site.subscription,
        "PENSTOCK_AZURE_RESOURCE_GROUP": site.jobs_group,
        "PENSTOCK_AZURE_LOCATION": site.location,
        "PENSTOCK_AZURE_JOBS": sizes.apply(",".join),
        "PENSTOCK_AZURE_SUBNET": on.network.subnets["jobs"],
        "PENSTOCK_AZURE_JOB_IDENTITY": on.identities[on.blueprint.jobs.identity].id,
        "PENSTOCK_AZURE_REGISTRY": grounds.registry.server,
        **dict(_spark(on, spark)),
        **dict(_scaler(on)),
    }


def _spark(on: Foundation, spark: Spark | None) -> Iterator[tuple[str, pulumi.Input[str]]]:
    backend = spark_backend(on.blueprint.cloud, on.blueprint.spark.mode)
    if spark is not None and backend is not None:
        yield "PENSTOCK_SPARK_BACKEND", backend
        yield from spark.settings.items()


def _scaler(on: Foundation) -> Iterator[tuple[str, pulumi.Input[str]]]:
    scheduler = on.blueprint.scheduler
    if scheduler.scaled_by is ScaledBy.PENSTOCK:
        yield "PENSTOCK_SCALER_TARGET", scheduler_id(on.site, scheduler.name)
        yield "PENSTOCK_SCALER_MIN", str(scheduler.minimum)
        yield "PENSTOCK_SCALER_MAX", str(scheduler.maximum)


def identities_of(on: Foundation, service: ServicePlan) -> list[Any]:
    """Return the identities of a service: its own first; one that works carries Spark's and the scaler's besides."""
    names = [service.identity]
    if service.slots:
        planned = {plan.name for plan in on.blueprint.identities}
        names += [name for name in ("spark", "scaler") if name in planned]
    return [on.identities[name] for name in names]
