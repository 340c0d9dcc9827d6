"""What an operator of a cluster must know: how to reach the page, what is not encrypted, what is theirs to see to."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_infra.kubernetes import alarms, front
from penstock_infra.kubernetes.backups import FOLDER
from penstock_infra.kubernetes.database import POSTGRES_USER_ID
from penstock_infra.kubernetes.pods import USER
from penstock_infra.kubernetes.scope import Scope
from penstock_infra.kubernetes.secrets import EXTERNAL_KEY, KEY
from penstock_platform.blueprint import Blueprint, SecretName
from penstock_platform.options import KubernetesOptions
from penstock_platform.vocabulary import Exposure


def read_secret(scope: Scope, name: SecretName) -> str:
    """Return the command that prints a secret."""
    return (
        f"kubectl --namespace {scope.namespace} get secret {name.value} "
        f"--output jsonpath='{{.data.{KEY}}}' | base64 --decode"
    )


def reach(blueprint: Blueprint, options: KubernetesOptions, scope: Scope) -> Iterator[str]:
    """Yield what it takes to open the page, and what else only the operator can see to."""
    plan = blueprint.front
    if plan.exposure is Exposure.PORT_FORWARD:
        ports = f"{front.LOCAL_PORT}:{front.SERVICE_PORT}"
        yield f"Forward the page: kubectl --namespace {scope.namespace} port-forward service/{front.NAME} {ports}"
    else:
        yield f"Point {plan.domain} at the ingress: kubectl --namespace {scope.namespace} get ingress {front.NAME}"
    yield from front.not_enforced(plan, options)
    yield (
        f"The share must be ReadWriteMany and writable for {USER}:{USER}: where its storage class does not see to it, "
        "give it once to that owner"
    )
    yield from _data(blueprint, options, scope)
    yield from _watching(blueprint, options, scope)


def _data(blueprint: Blueprint, options: KubernetesOptions, scope: Scope) -> Iterator[str]:
    for name in filter(None, (options.database_secret, options.redis_secret)):
        yield (
            f"Secret {name} of namespace {scope.namespace} must hold the URL under the key {EXTERNAL_KEY}; "
            f"after a change of it: kubectl --namespace {scope.namespace} rollout restart deployment"
        )
    if options.database_secret is None:
        days, folder = blueprint.database.backup_days, f"{blueprint.share.path}/{FOLDER}"
        yield f"Postgres is dumped each night to {folder} and kept {days} days; pg_restore brings a dump back"
    yield "The share itself is not backed up: take snapshots with its storage"
    if options.postgres_image is None and options.database_secret is None:
        yield f"Postgres runs an image by tag (user {POSTGRES_USER_ID}): pin it by digest with kubernetes.postgresImage"
    if options.redis_image is None and blueprint.cache is not None and options.redis_secret is None:
        yield "Redis runs an image by tag: pin it by digest with kubernetes.redisImage"


def _watching(blueprint: Blueprint, options: KubernetesOptions, scope: Scope) -> Iterator[str]:
    if options.prometheus_namespace is None:
        yield (
            "No alarms: name the namespace of a Prometheus operator (kubernetes.prometheusNamespace). Pods carry the "
            "annotations by which others scrape them"
        )
    else:
        missing = alarms.not_watched(blueprint, scope.namespace)
        if missing:
            yield f"Not watched, because nothing in the cluster measures it: {', '.join(missing)}"
        if blueprint.alarm_email:
            route = f"the label stack={blueprint.name} to {blueprint.alarm_email}"
            yield f"Nobody is told of alarms by this stack: route {route} in Alertmanager"
    yield "Logs of pods are kept as long as the cluster keeps them"


def not_encrypted(blueprint: Blueprint, options: KubernetesOptions) -> Iterator[str]:
    """Yield what goes or lies in the clear, and why."""
    inside = []
    if blueprint.front.exposure is not Exposure.PORT_FORWARD:
        inside.append("from the ingress to the page")
    inside.append("from jobs to the server")
    if options.database_secret is None:
        inside.append("to Postgres")
    if blueprint.cache is not None and options.redis_secret is None:
        inside.append("to Redis")
    yield (
        f"traffic inside the cluster {', '.join(inside)}: there is no authority to sign certificates for pods. "
        "NetworkPolicies keep all other pods from Postgres and Redis; a network plugin with encryption (WireGuard in "
        "Cilium and Calico) closes it"
    )
    yield (
        "Secrets in the cluster's own store and the volumes, unless the cluster and its storage classes encrypt them: "
        "managed clusters mostly do"
    )
