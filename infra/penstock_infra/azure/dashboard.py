"""The dashboard: what an operator looks at first, as charts of Azure Monitor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.signals import APPS, POSTGRES, REDIS, Watched
from penstock_infra.azure.site import Site
from penstock_infra.component import Component

WIDTH, HEIGHT, COLUMNS = 6, 4, 2
CHART = "Extension/HubsExtension/PartType/MonitorChartPart"
_AGGREGATIONS = {"Total": 1, "Maximum": 3, "Average": 4}

Chart = tuple[str, pulumi.Output[str], str, str, str]
"""Title, resource id, kind of resource, metric, aggregation."""


class Dashboard(Component):
    """One dashboard: `url` in the portal."""

    cloud = "azure"

    def __init__(self, name: str, *, site: Site, watched: Watched, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make it."""
        super().__init__(name, opts)
        dashboard = azure_native.portal.Dashboard(
            "dashboard",
            dashboard_name=pulumi.Output.concat(site.stem, "-", site.suffix),
            resource_group_name=site.group,
            location=site.location,
            properties={"lenses": [{"order": 0, "parts": parts(charts(watched))}]},
            tags={"hidden-title": f"Penstock {site.stem}"},
            opts=self.child(),
        )
        self.url = pulumi.Output.concat("https://portal.azure.com/#@", site.tenant, "/dashboard/arm", dashboard.id)
        self.finish(url=self.url)


def charts(watched: Watched) -> list[Chart]:
    """Return the charts, from what people see to what holds data."""
    found: list[Chart] = [
        ("Requests", watched.web, APPS, "Requests", "Total"),
        ("Web copies", watched.web, APPS, "Replicas", "Maximum"),
        ("Schedulers", watched.scheduler, APPS, "Replicas", "Maximum"),
        ("Scheduler memory", watched.scheduler, APPS, "WorkingSetBytes", "Maximum"),
        ("Database CPU", watched.database, POSTGRES, "cpu_percent", "Average"),
        ("Database connections", watched.database, POSTGRES, "active_connections", "Average"),
    ]
    if watched.cache is not None:
        found.append(("Redis memory", watched.cache, REDIS, "usedmemorypercentage", "Maximum"))
    return found


def parts(shown: Sequence[Chart]) -> list[dict[str, Any]]:
    """Return the dashboard's parts, two in a row. The portal's own names inside `inputs` are not translated."""
    return [
        {
            "position": {
                "x": WIDTH * (index % COLUMNS),
                "y": HEIGHT * (index // COLUMNS),
                "col_span": WIDTH,
                "row_span": HEIGHT,
            },
            "metadata": {
                "type": CHART,
                "inputs": [{"name": "options", "isOptional": True, "value": {"chart": _chart(chart)}}],
                "settings": {},
            },
        }
        for index, chart in enumerate(shown)
    ]


def _chart(chart: Chart) -> dict[str, Any]:
    title, resource, kind, metric, aggregation = chart
    return {
        "title": title,
        "titleKind": 1,
        "visualization": {"chartType": 2},
        "metrics": [
            {
                "resourceMetadata": {"id": resource},
                "namespace": kind,
                "name": metric,
                "aggregationType": _AGGREGATIONS[aggregation],
                "metricVisualization": {"displayName": title},
            }
        ],
    }
