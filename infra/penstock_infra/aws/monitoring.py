"""Alarms, whom they reach, and one dashboard that shows what they watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.metrics import MINUTE, Metric, Watched, metric_of
from penstock_infra.aws.policies import document
from penstock_platform.blueprint import AlarmPlan

COLUMNS, WIDTH, HEIGHT = 2, 12, 6
SLOW_METRICS = frozenset({"AWS/EFS"})
"""Namespaces that say something every quarter of an hour."""


class Monitoring(AwsComponent):
    """The alarms of a stack: `dashboard_url`."""

    def __init__(
        self, name: str, account: Account, plans: Sequence[AlarmPlan], watched: Watched, *, email: str | None
    ) -> None:
        """Make an alarm for each plan, a topic with one subscriber where there is an address, and the dashboard."""
        super().__init__(name, account)
        self._account = account
        metrics = {plan.name: metric_of(plan, watched) for plan in plans}
        told = self._topic(email) if email else []
        for plan in plans:
            self._alarm(plan, metrics[plan.name], told)
        board = aws.cloudwatch.Dashboard(
            "dashboard",
            dashboard_name=account.name,
            dashboard_body=pulumi.Output.json_dumps(dashboard(metrics, account.region), sort_keys=True),
            opts=self.child(),
        )
        self.dashboard_url = pulumi.Output.format(
            "https://{0}.console.aws.amazon.com/cloudwatch/home?region={0}#dashboards/dashboard/{1}",
            account.region,
            board.dashboard_name,
        )
        self.finish()

    def _topic(self, email: str) -> list[pulumi.Input[str]]:
        topic = aws.sns.Topic("alarms", name=f"{self._account.name}-alarms", opts=self.child())
        aws.sns.TopicPolicy(
            "alarms", arn=topic.arn, policy=topic_policy(topic.arn, self._account.id), opts=self.child()
        )
        aws.sns.TopicSubscription("email", topic=topic.arn, protocol="email", endpoint=email, opts=self.child())
        return [topic.arn]

    def _alarm(self, plan: AlarmPlan, metric: Metric, told: list[pulumi.Input[str]]) -> None:
        period = period_of(plan, metric)
        aws.cloudwatch.MetricAlarm(
            plan.name,
            name=f"{self._account.name}-{plan.name}",
            alarm_description=f"{metric.meaning} ({plan.signal}, for {plan.minutes} minutes)",
            namespace=metric.namespace,
            metric_name=metric.name,
            statistic=metric.statistic,
            dimensions=metric.dimensions,
            comparison_operator="LessThanThreshold" if metric.below else "GreaterThanOrEqualToThreshold",
            threshold=plan.threshold * metric.scale,
            period=period,
            evaluation_periods=plan.minutes * MINUTE // period,
            treat_missing_data=metric.silence,
            alarm_actions=told,
            ok_actions=told,
            opts=self.child(),
        )


def period_of(plan: AlarmPlan, metric: Metric) -> int:
    """Return the seconds of one point: all the plan's minutes for what is counted or slow, else one."""
    whole = metric.counted or metric.namespace in SLOW_METRICS
    return plan.minutes * MINUTE if whole else MINUTE


def topic_policy(topic: pulumi.Input[str], account_id: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return who may publish: CloudWatch, for alarms of this account."""
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": ["sns:Publish"],
            "Resource": topic,
            "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
        }
    )


def dashboard(metrics: Mapping[str, Metric], region: str) -> dict[str, Any]:
    """Return the dashboard's body: one graph for each metric, two in a row."""
    return {"widgets": [_graph(index, metric, region) for index, metric in enumerate(metrics.values())]}


def _graph(index: int, metric: Metric, region: str) -> dict[str, Any]:
    dimensions = [part for pair in metric.dimensions.items() for part in pair]
    return {
        "type": "metric",
        "x": index % COLUMNS * WIDTH,
        "y": index // COLUMNS * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {
            "title": metric.meaning,
            "region": region,
            "stat": metric.statistic,
            "period": MINUTE,
            "metrics": [[metric.namespace, metric.name, *dimensions]],
        },
    }
