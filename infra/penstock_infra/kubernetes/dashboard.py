"""One dashboard: a ConfigMap that Grafana's sidecar finds by its label."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component
from penstock_infra.kubernetes.alarms import watched
from penstock_infra.kubernetes.scope import Scope
from penstock_platform.blueprint import Blueprint

NAME = "dashboard"
FILE = "penstock.json"
LABEL = {"grafana_dashboard": "1"}
WIDTH, HEIGHT, COLUMNS = 12, 8, 2
SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True, kw_only=True)
class DashboardArgs:
    """The stack's namespace and what there is to see."""

    scope: Scope
    blueprint: Blueprint


class Dashboard(Component):
    """The ConfigMap of the dashboard."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: DashboardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make it."""
        super().__init__(name, opts)
        metadata = args.scope.metadata(NAME)
        k8s.core.v1.ConfigMap(
            NAME,
            metadata={**metadata, "labels": {**metadata["labels"], **LABEL}},
            data={FILE: json.dumps(dashboard(args.blueprint, args.scope.namespace), indent=1, sort_keys=True)},
            opts=self.child(args.scope.made),
        )
        self.finish()


def dashboard(blueprint: Blueprint, namespace: str) -> dict[str, Any]:
    """Return the dashboard in Grafana's own form."""
    charts = list(_charts(blueprint, namespace))
    return {
        "title": f"Penstock {blueprint.name}",
        "uid": f"penstock-{blueprint.name}",
        "schemaVersion": 39,
        "tags": ["penstock"],
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "panels": [_panel(number, title, expression) for number, (title, expression) in enumerate(charts)],
    }


def _charts(blueprint: Blueprint, namespace: str) -> Iterator[tuple[str, str]]:
    for title, metric in (
        ("Runs going", "penstock_runs_running"),
        ("Runs waiting", "penstock_runs_queued"),
        ("Blocks that wait for a slot", "penstock_block_runs_ready"),
        ("Seconds that the oldest block has waited", "penstock_oldest_ready_age_seconds"),
        ("Attempts going", "penstock_attempts_running"),
    ):
        yield title, f'max({metric}{{namespace="{namespace}"}})'
    requests = f'penstock_http_requests_total{{namespace="{namespace}"}}'
    yield "Requests a second, by status", f"sum by (status) (rate({requests}[5m]))"
    for signal, expression in watched(blueprint, namespace).items():
        yield signal.value[0].upper() + signal.value[1:], expression


def _panel(number: int, title: str, expression: str) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "title": title,
        "type": "timeseries",
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "targets": [{"expr": expression, "refId": "A", "datasource": SOURCE}],
    }
