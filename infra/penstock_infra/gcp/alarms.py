"""Alert policies for the plan's alarms, mail where an address is given, and one dashboard of the same lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.signals import Metric, Watched, metrics_of, threshold_of
from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import AlarmPlan, Blueprint, Signal

SUMS = frozenset({Signal.WEB_ERRORS, Signal.WEB_UNHEALTHY})
"""Signals counted over the alarm's minutes; the others must stay bad for as long."""


class Alarms(GcpComponent):
    """Attributes: `channels`, where alarms go."""

    needs = ("monitoring",)

    def __init__(self, site: Site, blueprint: Blueprint, watched: Watched) -> None:
        """Make a policy for each alarm of the blueprint."""
        super().__init__("alarms", site)
        metrics = metrics_of(watched)
        self.channels: list[pulumi.Output[str]] = list(self._mail(blueprint.alarm_email))
        for alarm in blueprint.alarms:
            self._policy(alarm, metrics[alarm.signal], threshold_of(alarm, blueprint))
        self.finish()

    def _mail(self, address: str | None) -> list[pulumi.Output[str]]:
        if address is None:
            return []
        channel = gcp.monitoring.NotificationChannel(
            "mail",
            type="email",
            display_name=f"Penstock {self.site.name}",
            labels={"email_address": address},
            user_labels=self.site.labels,
            opts=self.child(),
        )
        return [channel.name]

    def _policy(self, alarm: AlarmPlan, metric: Metric, threshold: float) -> None:
        gcp.monitoring.AlertPolicy(
            alarm.name,
            display_name=f"Penstock {self.site.name}: {alarm.signal.value}",
            combiner="OR",
            conditions=[
                {
                    "display_name": alarm.signal.value,
                    "condition_threshold": condition(alarm, metric, threshold),
                }
            ],
            notification_channels=self.channels,
            alert_strategy={"auto_close": "3600s"},
            user_labels=self.site.labels,
            opts=self.child(),
        )


def condition(alarm: AlarmPlan, metric: Metric, threshold: float) -> dict[str, Any]:
    """Return when an alarm goes off."""
    counted = alarm.signal in SUMS
    low = alarm.signal is Signal.SCHEDULER_DOWN
    found: dict[str, Any] = {
        "filter": metric.filter,
        "aggregations": [metric.aggregation(60 * alarm.minutes if counted else 60)],
        "comparison": "COMPARISON_LT" if low else "COMPARISON_GT",
        "threshold_value": threshold,
        "duration": "0s" if counted else f"{60 * alarm.minutes}s",
    }
    if low:
        # What is down reports nothing at all.
        found["evaluation_missing_data"] = "EVALUATION_MISSING_DATA_ACTIVE"
    return found


class Dashboard(GcpComponent):
    """Attributes: `url`, where to look at it."""

    needs = ("monitoring",)

    def __init__(self, site: Site, blueprint: Blueprint, watched: Watched) -> None:
        """Make a dashboard with a chart for each signal that has an alarm."""
        super().__init__("dashboard", site)
        signals = [alarm.signal for alarm in blueprint.alarms]
        made = gcp.monitoring.Dashboard(
            "dashboard",
            dashboard_json=pulumi.Output.json_dumps(layout(site.name, signals, metrics_of(watched))),
            opts=self.child(),
        )
        place = made.id.apply(lambda whole: whole.rsplit("/", 1)[-1])
        self.url = pulumi.Output.concat(
            "https://console.cloud.google.com/monitoring/dashboards/builder/", place, f"?project={site.project}"
        )
        self.finish()


def layout(name: str, signals: list[Signal], metrics: Mapping[Signal, Metric]) -> dict[str, Any]:
    """Return a dashboard in Cloud Monitoring's own words: two charts a row, on a grid of 48 columns."""
    return {
        "displayName": f"Penstock {name}",
        "mosaicLayout": {
            "columns": 48,
            "tiles": [
                {
                    "xPos": 24 * (place % 2),
                    "yPos": 16 * (place // 2),
                    "width": 24,
                    "height": 16,
                    "widget": {"title": signal.value, "xyChart": chart(metrics[signal])},
                }
                for place, signal in enumerate(signals)
            ],
        },
    }


def chart(metric: Metric) -> dict[str, Any]:
    """Return a chart of one metric."""
    aggregation = {
        "alignmentPeriod": "60s",
        "perSeriesAligner": metric.aligner,
        "crossSeriesReducer": metric.reducer,
    }
    query = {"timeSeriesFilter": {"filter": metric.filter, "aggregation": aggregation}}
    return {"dataSets": [{"timeSeriesQuery": query, "plotType": "LINE"}]}
