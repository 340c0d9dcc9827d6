"""Alarms: a rule for each plan, and whom they tell."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.logs import Logs
from penstock_infra.azure.signals import FAILED_PROBES, METRICS, SIX_HOURS, Metric, Watched, window
from penstock_infra.azure.site import Site
from penstock_infra.component import Component
from penstock_platform.blueprint import AlarmPlan, Blueprint

SEVERITY = 2
"""A warning: 0 is critical, 4 is verbose."""


class Alarms(Component):
    """Every alarm of the blueprint. Without an address they are shown in the portal and tell nobody."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        site: Site,
        blueprint: Blueprint,
        watched: Watched,
        logs: Logs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the group of those who are told, and the rules."""
        super().__init__(name, opts)
        self._site, self._logs, self._web = site, logs, blueprint.web.name
        self._told = [self._group(blueprint.alarm_email)] if blueprint.alarm_email else []
        for plan in blueprint.alarms:
            if (metric := METRICS.get(plan.signal)) is not None:
                self._on_metric(plan, metric(plan, watched))
            else:
                self._on_log(plan)
        self.finish()

    def _group(self, email: str) -> pulumi.Output[str]:
        group = azure_native.monitor.ActionGroup(
            "told",
            action_group_name="penstock",
            group_short_name="penstock",
            resource_group_name=self._site.group,
            location="Global",
            enabled=True,
            email_receivers=[{"name": "owner", "email_address": email, "use_common_alert_schema": True}],
            opts=self.child(),
        )
        found: pulumi.Output[str] = group.id
        return found

    def _on_metric(self, plan: AlarmPlan, metric: Metric) -> None:
        azure_native.monitor.MetricAlert(
            plan.name,
            rule_name=f"penstock-{plan.name}",
            resource_group_name=self._site.group,
            location="global",
            description=f"Penstock: {plan.signal.value}",
            enabled=True,
            auto_mitigate=True,
            severity=SEVERITY,
            scopes=[metric.scope],
            window_size=metric.window,
            evaluation_frequency="PT1H" if metric.window == SIX_HOURS else "PT1M",
            criteria=criteria(metric),
            actions=[{"action_group_id": group} for group in self._told],
            opts=self.child(),
        )

    def _on_log(self, plan: AlarmPlan) -> None:
        azure_native.monitor.ScheduledQueryRule(
            plan.name,
            rule_name=f"penstock-{plan.name}",
            resource_group_name=self._site.group,
            location=self._site.location,
            description=f"Penstock: {plan.signal.value}",
            kind="LogAlert",
            enabled=True,
            auto_mitigate=True,
            severity=SEVERITY,
            scopes=[self._logs.id],
            window_size=window(plan),
            evaluation_frequency=window(plan),
            # The table is there once the first app has written to it.
            skip_query_validation=True,
            criteria={
                "all_of": [
                    {
                        "query": FAILED_PROBES.format(service=self._web),
                        "time_aggregation": "Count",
                        "operator": "GreaterThanOrEqual",
                        "threshold": plan.threshold,
                        "failing_periods": {"number_of_evaluation_periods": 1, "min_failing_periods_to_alert": 1},
                    }
                ]
            },
            actions={"action_groups": self._told},
            opts=self.child(),
        )


def criteria(metric: Metric) -> Any:
    """Return the condition of a metric alert."""
    monitor = azure_native.monitor
    return monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
        odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
        all_of=[
            monitor.MetricCriteriaArgs(
                criterion_type="StaticThresholdCriterion",
                name=metric.name,
                metric_name=metric.name,
                metric_namespace=metric.namespace,
                time_aggregation=metric.aggregation,
                operator=metric.operator,
                threshold=metric.threshold,
                dimensions=[
                    monitor.MetricDimensionArgs(name=name, operator="Include", values=[value])
                    for name, value in metric.dimensions.items()
                ],
            )
        ],
    )
