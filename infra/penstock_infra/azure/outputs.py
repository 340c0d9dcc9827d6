"""The outputs of a stack on Azure, and what its operator does next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pulumi

from penstock_infra.azure.database import PORT
from penstock_infra.azure.foundation import Foundation
from penstock_infra.azure.front import steps_to_reach
from penstock_infra.azure.runtime import Runtime
from penstock_infra.azure.stores import Stores
from penstock_infra.azure.traffic import REDIS_PORT
from penstock_infra.azure.vault import KEPT_DAYS
from penstock_infra.contract import SharedFiles, StackOutputs
from penstock_infra.cost import cost_output
from penstock_infra.next_steps import next_steps
from penstock_platform.blueprint import Blueprint, Egress, SecretName
from penstock_platform.vocabulary import Exposure


def outputs_of(on: Foundation, stores: Stores, runtime: Runtime, dashboard: pulumi.Output[str]) -> StackOutputs:
    """Return every output."""
    blueprint, share, cache = on.blueprint, stores.share, stores.cache
    return StackOutputs(
        url=runtime.front.url,
        topology=blueprint.topology.value,
        web_service=runtime.web.name,
        scheduler_service=runtime.scheduler.name,
        database_endpoint=pulumi.Output.concat(stores.database.host, f":{PORT}"),
        database_secret=stores.vault.address(SecretName.DATABASE_PASSWORD),
        redis_endpoint="" if cache is None else pulumi.Output.concat(cache.host, f":{REDIS_PORT}"),
        shared_files=SharedFiles(server=share.server, path=share.path, mounted_at=blueprint.share.path),
        artifacts=pulumi.Output.concat(stores.bucket.url, "/artifacts"),
        logs=pulumi.Output.concat(stores.bucket.url, "/logs"),
        image=runtime.grounds.registry.image,
        registry=runtime.grounds.registry.server,
        spark=_spark(runtime),
        executor_settings=runtime.settings,
        secret_store=stores.vault.uri,
        dashboards=[dashboard],
        monthly_cost_estimate=cost_output(blueprint),
        next_steps=_steps(on, stores, runtime),
    )


def _spark(runtime: Runtime) -> Mapping[str, pulumi.Input[str]]:
    spark = runtime.spark
    if spark is None:
        return {"backend": "off"}
    return {"backend": "synapse", "workspace": spark.workspace, "pool": spark.pool, "url": spark.url}


def _steps(on: Foundation, stores: Stores, runtime: Runtime) -> Sequence[pulumi.Input[str]]:
    web, front = runtime.web, on.blueprint.front
    owner_code = pulumi.Output.concat(
        "az containerapp exec --resource-group ",
        on.site.group,
        " --name ",
        web.name,
        " --command 'printenv PENSTOCK_OWNER_CODE' (the secret owner-code of the vault ",
        stores.vault.name,
        ", which is reached from inside the network alone)",
    )
    reach = [
        *steps_to_reach(front, runtime.front, runtime.grounds.apps.address, web.verification),
        *_good_to_know(on.blueprint),
        *_once(runtime),
    ]
    return next_steps(
        on.blueprint,
        runtime.front.url,
        read_owner_code=owner_code,
        reach=reach,
        not_encrypted=list(_not_encrypted(on.blueprint)),
    )


def _once(runtime: Runtime) -> Iterator[pulumi.Input[str]]:
    if runtime.spark is not None:
        yield pulumi.Output.concat(
            "Spark reaches its lake once you approve Synapse's endpoint: the pending one of `az network "
            "private-endpoint-connection list --type Microsoft.Storage/storageAccounts --name ",
            runtime.spark.lake,
            " --resource-group ",
            runtime.grounds.site.group,
            "`, by `az network private-endpoint-connection approve --id …`",
        )


def _good_to_know(blueprint: Blueprint) -> Iterator[str]:
    if blueprint.network.egress is Egress.PER_ZONE:
        yield (
            "Requests to the internet leave by one NAT gateway, in one zone: a subnet on Azure takes one. Page, "
            "Postgres, Redis and share survive the loss of that zone; such requests wait until Azure moves the gateway."
        )
    yield (
        f"A deleted share can be brought back for {blueprint.share.backup_days} days. Azure Backup does not take NFS "
        "shares, so single files have no older states: keep the project in git."
    )
    yield f"A destroyed stack's vault can be brought back for {KEPT_DAYS} days; nobody can purge it sooner."
    if blueprint.front.exposure is Exposure.PUBLIC:
        yield (
            "Jobs run as Container Apps jobs. Container groups, for more than 8 GiB, cannot reach the private address "
            "of a public page: they need exposure: private."
        )


def _not_encrypted(blueprint: Blueprint) -> Iterator[str]:
    yield (
        "the share's traffic. Container Apps mounts NFS without TLS, so the account takes no secure transfer; only the "
        "stack's own network reaches it."
    )
    if blueprint.front.exposure is Exposure.PUBLIC:
        yield (
            "what jobs send to the web server is HTTP on a port that exists inside the Container Apps environment "
            "alone; the environment is set to wrap its own traffic in TLS."
        )
