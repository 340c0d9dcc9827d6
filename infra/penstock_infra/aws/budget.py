"""A budget that warns before the month's limit is spent."""

from __future__ import annotations

import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent

WARNINGS = (("ACTUAL", 80), ("FORECASTED", 100))
"""What is compared, and from how many percent on."""


class Budget(AwsComponent):
    """What carries the stack's tag, against `monthlyBudget`."""

    def __init__(self, name: str, account: Account, *, dollars: float, email: str | None) -> None:
        """Make the budget; without an address it is seen in the console alone."""
        super().__init__(name, account)
        aws.budgets.Budget(
            "monthly",
            name=f"{account.name}-monthly",
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{dollars:.2f}",
            limit_unit="USD",
            cost_filters=[{"name": "TagKeyValue", "values": [f"user:stack${account.name}"]}],
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": kind,
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_email_addresses": [email],
                }
                for kind, percent in WARNINGS
                if email
            ],
            opts=self.child(),
        )
        self.finish()
