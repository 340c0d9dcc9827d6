"""Cloud Run jobs made beforehand, one a size, and the right to run them. An executor makes and deletes nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.identities import Accounts, allowed
from penstock_infra.gcp.logs import Logs
from penstock_infra.gcp.network import Network
from penstock_infra.gcp.permissions import START_JOBS
from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import IdentityPlan, JobSize, JobsPlan, Permission
from penstock_platform.quantities import cpu_text, memory_text


@dataclass(frozen=True, kw_only=True)
class JobsArgs:
    """The plan, what jobs run, where, and who may start them."""

    plan: JobsPlan
    image: pulumi.Input[str]
    network: Network
    accounts: Accounts
    identities: tuple[IdentityPlan, ...]
    logs: Logs


class Jobs(GcpComponent):
    """Attributes: `settings`, the names of the settings contract that the executor needs."""

    needs = ("iam", "run")

    def __init__(self, site: Site, args: JobsArgs) -> None:
        """Make a job for each size, and let each identity that may start jobs run these and no others."""
        super().__init__("jobs", site)
        self.jobs = {size.name: self._job(size, args) for size in args.plan.sizes}
        role = gcp.projects.IAMCustomRole(
            "start-jobs",
            role_id=site.identifier("start_jobs"),
            title=f"Penstock {site.name}: start, watch and stop its jobs",
            permissions=list(START_JOBS),
            opts=self.child(),
        )
        for identity in allowed(args.identities, Permission.START_JOBS):
            self._grant(identity, role, args)
        self.finish()

    @property
    def settings(self) -> dict[str, pulumi.Input[str]]:
        """Where the jobs are; sizes as `size=name`, comma-separated."""
        names = [pulumi.Output.concat(size, "=", job.name) for size, job in self.jobs.items()]
        return {
            "PENSTOCK_CLOUD_RUN_PROJECT": self.site.project,
            "PENSTOCK_CLOUD_RUN_REGION": self.site.region,
            "PENSTOCK_CLOUD_RUN_JOBS": pulumi.Output.all(*names).apply(",".join),
        }

    def _job(self, size: JobSize, args: JobsArgs) -> gcp.cloudrunv2.Job:
        limits = {"cpu": cpu_text(size.cpu_millis), "memory": memory_text(size.memory_mib)}
        container = {"image": args.image, "args": list(args.plan.command[1:]), "resources": {"limits": limits}}
        return gcp.cloudrunv2.Job(
            f"job-{size.name}",
            name=self.site.called(f"job-{size.name}"),
            location=self.site.region,
            labels=self.site.labels,
            deletion_protection=False,
            template={
                "task_count": 1,
                "template": {
                    "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
                    "service_account": args.accounts.email(args.plan.identity),
                    # Penstock tries again by its own rules; a second try of the platform would run code twice.
                    "max_retries": 0,
                    "timeout": f"{args.plan.timeout_seconds}s",
                    "vpc_access": args.network.interface(args.network.work),
                    "containers": [container],
                },
            },
            opts=self.child(),
        )

    def _grant(self, identity: str, role: gcp.projects.IAMCustomRole, args: JobsArgs) -> None:
        member = args.accounts.member(identity)
        for size, job in self.jobs.items():
            gcp.cloudrunv2.JobIamMember(
                f"{identity}-{size}",
                project=self.site.project,
                location=self.site.region,
                name=job.name,
                role=role.name,
                member=member,
                opts=self.child(),
            )
        gcp.serviceaccount.IAMMember(
            f"{identity}-job-account",
            service_account_id=args.accounts.resource(args.plan.identity),
            role="roles/iam.serviceAccountUser",
            member=member,
            opts=self.child(),
        )
        gcp.logging.LogViewIamMember(
            f"{identity}-logs",
            parent=f"projects/{self.site.project}",
            location=self.site.region,
            bucket=args.logs.bucket_id,
            name="_AllLogs",
            role="roles/logging.viewAccessor",
            member=member,
            opts=self.child(),
        )
