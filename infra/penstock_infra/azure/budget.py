"""The budget: a mail before the month's bill passes what was planned."""

from __future__ import annotations

from datetime import UTC, datetime

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.site import Site
from penstock_infra.component import Component

WARNINGS = {"most-of-it": (80, "Actual"), "over-it": (100, "Forecasted")}
"""Percent of the budget, and whether spent or foreseen."""


class Budget(Component):
    """A monthly budget of the stack's resource group, in the currency of the account."""

    cloud = "azure"

    def __init__(
        self, name: str, *, site: Site, amount: float, email: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make it, told to one address."""
        super().__init__(name, opts)
        azure_native.consumption.Budget(
            "budget",
            budget_name="penstock",
            scope=site.group_id,
            category="Cost",
            amount=amount,
            time_grain="Monthly",
            time_period={"start_date": datetime.now(UTC).strftime("%Y-%m-01T00:00:00Z")},
            notifications={
                which: {
                    "enabled": True,
                    "operator": "GreaterThan",
                    "threshold": percent,
                    "threshold_type": kind,
                    "contact_emails": [email],
                }
                for which, (percent, kind) in WARNINGS.items()
            },
            # Azure wants the month in which the budget is made, and refuses another one later.
            opts=pulumi.ResourceOptions.merge(self.child(), pulumi.ResourceOptions(ignore_changes=["timePeriod"])),
        )
        self.finish()
