"""The scaler's identity: it sets the number of schedulers and does nothing else."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.identities import Accounts
from penstock_infra.gcp.permissions import SCALE_POOL
from penstock_infra.gcp.services import SchedulerPool
from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import ScaledBy, ServicePlan

IDENTITY = "scaler"


class Scaler(GcpComponent):
    """The rights of the scaler, which lives in a scheduler and borrows the scaler's account for its calls."""

    needs = ("iam", "iamcredentials", "run")

    def __init__(self, site: Site, plan: ServicePlan, pool: SchedulerPool, accounts: Accounts) -> None:
        """Give the scaler's account the pool, and the scheduler's account the scaler's."""
        super().__init__("scaler", site)
        role = gcp.projects.IAMCustomRole(
            "scale-pool",
            role_id=site.identifier("scale_pool"),
            title=f"Penstock {site.name}: set the number of schedulers",
            permissions=list(SCALE_POOL),
            opts=self.child(),
        )
        gcp.cloudrunv2.WorkerPoolIamMember(
            "scale-pool",
            project=site.project,
            location=site.region,
            name=pool.name,
            role=role.name,
            member=accounts.member(IDENTITY),
            opts=self.child(),
        )
        # Cloud Run counts every change of a pool as a use of the pool's account.
        self._on_account(plan.identity, "roles/iam.serviceAccountUser", accounts.member(IDENTITY), accounts)
        self._on_account(IDENTITY, "roles/iam.serviceAccountTokenCreator", accounts.member(plan.identity), accounts)
        self.finish()

    def _on_account(self, name: str, role: str, member: pulumi.Input[str], accounts: Accounts) -> None:
        gcp.serviceaccount.IAMMember(
            f"{name}-account",
            service_account_id=accounts.resource(name),
            role=role,
            member=member,
            opts=self.child(),
        )


def scaler_settings(site: Site, plan: ServicePlan) -> dict[str, pulumi.Input[str]]:
    """Return what the scaler sets, and between which numbers; nothing for a service that it does not scale."""
    if plan.scaled_by is not ScaledBy.PENSTOCK:
        return {}
    pool = site.called(plan.name)
    return {
        "PENSTOCK_SCALER_TARGET": f"projects/{site.project}/locations/{site.region}/workerPools/{pool}",
        "PENSTOCK_SCALER_MIN": str(plan.minimum),
        "PENSTOCK_SCALER_MAX": str(plan.maximum),
    }
