"""What the network refused, kept as long as every other log."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.policies import allow, document, trust


class FlowLogs(AwsComponent):
    """Refused connections of a network, in CloudWatch Logs. What is let through would cost by the gigabyte."""

    def __init__(self, name: str, account: Account, *, vpc_id: pulumi.Input[str], days: int) -> None:
        """Make the log group, the role that writes to it, and the flow log."""
        super().__init__(name, account)
        logs = aws.cloudwatch.LogGroup(
            "flows", name_prefix=f"{account.name}/flows-", retention_in_days=days, opts=self.child()
        )
        role = aws.iam.Role(
            "flows",
            name_prefix=f"{account.name}-flows-",
            assume_role_policy=trust("vpc-flow-logs.amazonaws.com", account),
            opts=self.child(),
        )
        writing = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
        policy = aws.iam.RolePolicy(
            "flows",
            role=role.name,
            policy=document(allow(writing, pulumi.Output.concat(logs.arn, ":*"))),
            opts=self.child(),
        )
        aws.ec2.FlowLog(
            "flows",
            vpc_id=vpc_id,
            traffic_type="REJECT",
            log_destination_type="cloud-watch-logs",
            log_destination=logs.arn,
            iam_role_arn=role.arn,
            tags=account.named("flows"),
            opts=self.child(policy),
        )
        self.finish()
