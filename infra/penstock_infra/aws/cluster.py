"""The ECS cluster of services and jobs, and the logs of each."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent

INSIGHTS = "disabled"
"""Container Insights: billed by the metric, and the alarms need none of them."""


class Cluster(AwsComponent):
    """The cluster: `name`, `arn`, `logs` by service (and `job`), `service_arn`, `tasks`."""

    def __init__(self, name: str, account: Account, *, logs: Iterable[str], days: int) -> None:
        """Make the cluster and a log group for each name in `logs`."""
        super().__init__(name, account)
        cluster = aws.ecs.Cluster(
            "cluster",
            name=account.name,
            settings=[{"name": "containerInsights", "value": INSIGHTS}],
            opts=self.child(),
        )
        aws.ecs.ClusterCapacityProviders(
            "cluster",
            cluster_name=cluster.name,
            capacity_providers=["FARGATE", "FARGATE_SPOT"],
            opts=self.child(),
        )
        self.name: pulumi.Output[str] = cluster.name
        self.arn: pulumi.Output[str] = cluster.arn
        self.logs = {
            one: aws.cloudwatch.LogGroup(
                one, name_prefix=f"{account.name}/{one}-", retention_in_days=days, opts=self.child()
            )
            for one in logs
        }
        self.finish(arn=self.arn)

    def service_arn(self, service: str) -> pulumi.Output[str]:
        """Return the ARN of a service before it is made: its own settings may name it."""
        return self.arn.apply(lambda arn: f"{arn.replace(':cluster/', ':service/')}/{service}")

    @property
    def tasks(self) -> pulumi.Output[str]:
        """What stands for every task of the cluster in a policy."""
        return self.arn.apply(lambda arn: f"{arn.replace(':cluster/', ':task/')}/*")
