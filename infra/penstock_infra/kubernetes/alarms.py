"""Alarms and scraping by the Prometheus operator, where the cluster has one. Who is told is Alertmanager's business."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component
from penstock_infra.kubernetes import cache, database, share
from penstock_infra.kubernetes.pods import Object
from penstock_infra.kubernetes.scope import COMPONENT, Scope
from penstock_infra.kubernetes.services import PORT
from penstock_platform.blueprint import AlarmPlan, Blueprint, Signal

API = "monitoring.coreos.com/v1"
NAME = "penstock"
SCRAPE_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """The stack's namespace and its alarms."""

    scope: Scope
    blueprint: Blueprint


class Alarms(Component):
    """A PodMonitor of the services and a PrometheusRule with every alarm that this cluster can watch."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make them."""
        super().__init__(name, opts)
        names = [service.name for service in args.blueprint.services]
        k8s.apiextensions.CustomResource(
            "services",
            api_version=API,
            kind="PodMonitor",
            metadata=args.scope.metadata(NAME),
            spec={
                "selector": {"matchExpressions": [{"key": COMPONENT, "operator": "In", "values": names}]},
                "podMetricsEndpoints": [{"port": PORT, "path": "/metrics", "interval": f"{SCRAPE_SECONDS}s"}],
            },
            opts=self.child(args.scope.made),
        )
        k8s.apiextensions.CustomResource(
            "alarms",
            api_version=API,
            kind="PrometheusRule",
            metadata=args.scope.metadata(NAME),
            spec={"groups": [{"name": NAME, "rules": list(rules(args.blueprint, args.scope.namespace))}]},
            opts=self.child(args.scope.made),
        )
        self.finish()


def rules(blueprint: Blueprint, namespace: str) -> Iterator[Object]:
    """Yield the alarms as rules of Prometheus."""
    expressions = watched(blueprint, namespace)
    for alarm in blueprint.alarms:
        if alarm.signal in expressions:
            yield _rule(alarm, expressions[alarm.signal], blueprint.name)


def not_watched(blueprint: Blueprint, namespace: str) -> list[str]:
    """Return what the alarms that nothing in this cluster measures are about."""
    return [alarm.signal.value for alarm in blueprint.alarms if alarm.signal not in watched(blueprint, namespace)]


def _rule(alarm: AlarmPlan, expression: str, stack: str) -> Object:
    below = alarm.signal in {Signal.DATABASE_STORAGE, Signal.SCHEDULER_DOWN}
    return {
        "alert": "Penstock" + "".join(part.capitalize() for part in alarm.name.split("-")),
        "expr": f"{expression} {'<' if below else '>='} {alarm.threshold:g}",
        "for": f"{alarm.minutes}m",
        "labels": {"severity": "warning", "stack": stack},
        "annotations": {"summary": f"{stack}: {alarm.signal.value}"},
    }


def watched(blueprint: Blueprint, namespace: str) -> Mapping[Signal, str]:
    """Return the expression of each signal, in its own unit: our metrics, kube-state-metrics, the kubelet's."""
    web, worker = blueprint.web.name, blueprint.scheduler.name
    found = {
        Signal.WEB_ERRORS: f'sum(increase(penstock_http_requests_total{{namespace="{namespace}",status=~"5.."}}[5m]))',
        Signal.WEB_UNHEALTHY: _state(namespace, "kube_deployment_status_replicas_unavailable", web),
        Signal.SCHEDULER_DOWN: _state(namespace, "kube_deployment_status_replicas_available", worker),
        Signal.SHARE_FULL: f"100 * {_volume(namespace, 'used', share.CLAIM)}"
        f" / {_volume(namespace, 'capacity', share.CLAIM)}",
    }
    if blueprint.database.external_secret is None:
        claim = f"{database.NAME}-data"
        found[Signal.DATABASE_CPU] = _used_of_limit(namespace, database.NAME, "cpu")
        found[Signal.DATABASE_STORAGE] = f"{_volume(namespace, 'available', claim)} / 2^30"
    if blueprint.cache is not None and blueprint.cache.external_secret is None:
        found[Signal.CACHE_MEMORY] = _used_of_limit(namespace, cache.NAME, "memory")
    return found


def _state(namespace: str, metric: str, deployment: str) -> str:
    return f'max({metric}{{namespace="{namespace}",deployment="{deployment}"}})'


def _volume(namespace: str, which: str, claim: str) -> str:
    where = f'namespace="{namespace}",persistentvolumeclaim="{claim}"'
    return f"max(kubelet_volume_stats_{which}_bytes{{{where}}})"


def _used_of_limit(namespace: str, container: str, resource: str) -> str:
    """Return the percent of a container's limit that it uses."""
    where = f'namespace="{namespace}",container="{container}"'
    used = {
        "cpu": f"sum(rate(container_cpu_usage_seconds_total{{{where}}}[5m]))",
        "memory": f"sum(container_memory_working_set_bytes{{{where}}})",
    }[resource]
    limit = f'sum(kube_pod_container_resource_limits{{{where},resource="{resource}"}})'
    return f"100 * {used} / {limit}"
