"""The outputs of a stack on AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pulumi

from penstock_infra.aws.layers import Layers
from penstock_infra.aws.monitoring import Monitoring
from penstock_infra.aws.services import Service
from penstock_infra.aws.share import ROOT
from penstock_infra.contract import SharedFiles, StackOutputs
from penstock_infra.cost import cost_output
from penstock_infra.next_steps import next_steps
from penstock_platform.blueprint import SecretName
from penstock_platform.vocabulary import Exposure

BEHIND_THE_BALANCERS = "what the balancers say to the web servers: plain HTTP within the stack's own network"
PLAIN_JOBS = (
    "what jobs say to the server: plain HTTP within the stack's own network, since the certificate was given and need "
    "not have a name for it; with a domain in Route 53 and no certificate given it is HTTPS"
)


def outputs(layers: Layers, services: Mapping[str, Service], board: Monitoring) -> StackOutputs:
    """Return every output of the contract."""
    blueprint, stores, platform = layers.blueprint, layers.stores, layers.platform
    return StackOutputs(
        url=layers.fronts.front.url,
        topology=blueprint.topology.value,
        web_service=services[blueprint.web.name].name,
        scheduler_service=services[blueprint.scheduler.name].name,
        database_endpoint=pulumi.Output.concat(stores.database.host, ":", stores.database.port),
        database_secret=stores.database.secret_arn,
        redis_endpoint=stores.cache.endpoint if stores.cache else "",
        shared_files=SharedFiles(server=stores.share.server, path=ROOT, mounted_at=blueprint.share.path),
        artifacts=stores.bucket.url("artifacts"),
        logs=stores.bucket.url("logs"),
        image=platform.registry.image,
        registry=platform.registry.url,
        spark=platform.spark.output,
        executor_settings=layers.settings,
        secret_store=stores.secrets.place,
        dashboards=[board.dashboard_url],
        monthly_cost_estimate=cost_output(blueprint),
        next_steps=steps(layers),
    )


def steps(layers: Layers) -> list[pulumi.Input[str]]:
    """Return what an operator does next, and what this stack does not encrypt."""
    account = layers.ground.account
    reading = pulumi.Output.concat(
        "aws secretsmanager get-secret-value --query SecretString --output text ",
        f"--region {account.region} --secret-id ",
        layers.stores.secrets.arn(SecretName.OWNER_CODE),
    )
    return next_steps(
        layers.blueprint,
        layers.fronts.front.url,
        read_owner_code=reading,
        reach=list(reach(layers)),
        not_encrypted=list(not_encrypted(layers)),
    )


def reach(layers: Layers) -> Iterator[pulumi.Input[str]]:
    """Yield what else it takes to open the page, and to be told of alarms and costs."""
    blueprint, host = layers.blueprint, layers.fronts.front.host
    front = blueprint.front
    if layers.ground.zone is None:
        name = front.domain or "the name in the certificate"
        yield pulumi.Output.concat("Point ", name, " at ", host, " (a CNAME, or an alias in Route 53)")
    if front.domain is None:
        yield "Set penstock:domain to the name in the certificate: until then links name the balancer"
    if front.exposure is not Exposure.PUBLIC:
        yield f"The page is inside the network {blueprint.network.cidr} alone: reach it by a VPN or a peered network"
    if blueprint.alarm_email:
        yield f"Confirm the subscription that AWS mails to {blueprint.alarm_email}: until then alarms reach nobody"
    if blueprint.monthly_budget is not None:
        yield "Activate the cost allocation tag `stack` in Billing: until then the budget counts nothing"


def not_encrypted(layers: Layers) -> Iterator[str]:
    """Yield each hop that is in the clear, and why."""
    yield BEHIND_THE_BALANCERS
    if not layers.ground.jobs.encrypted:
        yield PLAIN_JOBS
    yield from layers.platform.spark.not_encrypted
