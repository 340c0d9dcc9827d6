"""A budget that warns, where monthlyBudget is given and the project's billing account can be known."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.site import GcpComponent, Site

WARN_AT = (0.5, 0.9, 1.0)
NO_ACCOUNT = "No budget was made: the project's billing account cannot be seen with these rights."


class Budget(GcpComponent):
    """Mails at half, nine tenths and all of it. It counts the whole project: Google bills by project."""

    needs = ("billingbudgets",)

    def __init__(self, site: Site, monthly: float, channels: list[pulumi.Output[str]]) -> None:
        """Make the budget, in the billing account's own currency."""
        super().__init__("budget", site)
        gcp.billing.Budget(
            "budget",
            billing_account=site.billing_account,
            display_name=f"Penstock {site.name}",
            amount={"specified_amount": {"units": str(round(monthly))}},
            budget_filter={"projects": [f"projects/{site.number}"], "calendar_period": "MONTH"},
            threshold_rules=[{"threshold_percent": part} for part in WARN_AT],
            all_updates_rule={"monitoring_notification_channels": channels} if channels else None,
            opts=self.child(),
        )
        self.finish()
