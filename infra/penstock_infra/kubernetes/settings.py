"""What only this rendering knows of a service's environment: addresses, folders on the share, names for executors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pulumi

from penstock_infra.environment import Environment, Sources, environment_of
from penstock_infra.kubernetes import database, front
from penstock_infra.kubernetes.network import POSTGRES_PORT
from penstock_infra.kubernetes.scope import Scope
from penstock_platform.blueprint import Blueprint, Permission, SecretName, ServicePlan, Source
from penstock_platform.service_settings import spark_backend
from penstock_platform.vocabulary import Exposure, ServiceRole

ARTIFACTS = "artifacts"
LOGS = "logs"


def folder_url(blueprint: Blueprint, folder: str) -> str:
    """Return the URL of a folder on the share; a cluster has no bucket."""
    return f"file://{blueprint.share.path}/{folder}"


def sources_of(blueprint: Blueprint, stack: Scope, image: pulumi.Input[str]) -> Sources:
    """Return what each source of the blueprint is in a cluster."""
    in_cluster = blueprint.database.external_secret is None
    forwarded = blueprint.front.exposure is Exposure.PORT_FORWARD
    return {
        Source.DATABASE_HOST: stack.host(database.NAME) if in_cluster else None,
        Source.DATABASE_PORT: str(POSTGRES_PORT) if in_cluster else None,
        Source.DATABASE_SECRET: None,
        # Postgres in the cluster has no certificate; a database outside names its own authority in its URL.
        Source.CA_FILE: None,
        Source.PUBLIC_URL: front.page_url(blueprint.front),
        Source.TRUSTED_PROXIES: None if forwarded else front.PRIVATE_NETWORKS,
        Source.JOBS_URL: front.jobs_url(stack),
        Source.ARTIFACTS_URL: folder_url(blueprint, ARTIFACTS),
        Source.LOGS_URL: folder_url(blueprint, LOGS),
        Source.IMAGE: image,
    }


def executor_settings_of(blueprint: Blueprint, jobs: Scope, image: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    """Return the settings that executors, Spark and the scaler need, by name."""
    found: dict[str, pulumi.Input[str]] = {
        "PENSTOCK_JOB_IMAGE": image,
        "PENSTOCK_K8S_NAMESPACE": jobs.namespace,
        "PENSTOCK_K8S_SERVICE_ACCOUNT": blueprint.jobs.identity,
    }
    backend = spark_backend(blueprint.cloud, blueprint.spark.mode)
    if backend is not None:
        found |= {"PENSTOCK_SPARK_BACKEND": backend, "PENSTOCK_SPARK_SERVICE_ACCOUNT": "spark"}
    if any(Permission.SCALE_SCHEDULER in identity.may for identity in blueprint.identities):
        worker = blueprint.scheduler
        found |= {
            "PENSTOCK_SCALER_TARGET": worker.name,
            "PENSTOCK_SCALER_MIN": str(worker.minimum),
            "PENSTOCK_SCALER_MAX": str(worker.maximum),
        }
    return dict(sorted(found.items()))


def environment_in_cluster(
    blueprint: Blueprint, service: ServicePlan, sources: Sources, executor_settings: Mapping[str, pulumi.Input[str]]
) -> Environment:
    """Return a service's environment; with a database outside the stack its URL stands for host, user and password."""
    given = {} if service.role is ServiceRole.WEB else executor_settings
    found = environment_of(service, sources, given)
    if blueprint.database.external_secret is None:
        return found
    plain = {name: value for name, value in found.plain.items() if name not in {"PENSTOCK_DB_NAME", "PENSTOCK_DB_USER"}}
    secret = {name: which for name, which in found.secret.items() if which is not SecretName.DATABASE_PASSWORD}
    return replace(found, plain=plain, secret={"DATABASE_URL": SecretName.DATABASE_PASSWORD, **secret})
