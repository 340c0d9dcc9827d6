"""What runs: the environment, the image, jobs, Spark, and the services, each with what it may do."""

from __future__ import annotations

from typing import Any

import pulumi

from penstock_infra.azure.access import Access, Places, Things, WorkAccess
from penstock_infra.azure.apps_environment import AppsEnvironment
from penstock_infra.azure.foundation import SQL, Foundation
from penstock_infra.azure.front import front_of
from penstock_infra.azure.jobs import Jobs
from penstock_infra.azure.logs import Logs
from penstock_infra.azure.registry import ImageRegistry
from penstock_infra.azure.services import Grounds, Service
from penstock_infra.azure.settings import executor_settings, identities_of, sources_of
from penstock_infra.azure.spark import Spark, SparkUsers
from penstock_infra.azure.stores import Stores
from penstock_infra.environment import environment_of
from penstock_platform.blueprint import ServicePlan
from penstock_platform.vocabulary import SparkMode


class Runtime:
    """The components that run, in the order in which they need each other."""

    def __init__(self, on: Foundation, stores: Stores) -> None:
        """Make them."""
        self._on, self._stores = on, stores
        self.logs = Logs("logs", site=on.site, days=on.blueprint.log_days, opts=on.opts)
        self.grounds = self._grounds()
        self.front = front_of(on.blueprint, self.grounds.apps.domain)
        self._access = self._first_access()
        self.jobs = self._jobs()
        self.spark = None if on.blueprint.spark.mode is SparkMode.OFF else self._spark()
        self.settings = executor_settings(on, self.grounds, self.front, self.jobs, self.spark)
        self._sources = sources_of(stores, self.front, self.grounds, on.blueprint.network)
        self.services = {plan.name: self._service(plan) for plan in on.blueprint.services}
        self._work_access()

    def _grounds(self) -> Grounds:
        on, stores = self._on, self._stores
        apps = AppsEnvironment(
            "apps",
            premises=on.premises,
            share=stores.share,
            front=on.blueprint.front,
            log_workspace_id=self.logs.id,
            opts=on.opts,
        )
        registry = ImageRegistry("registry", site=on.site, plan=on.blueprint.image, opts=on.opts)
        return Grounds(site=on.site, apps=apps, registry=registry, vault=stores.vault)

    def _first_access(self) -> Access:
        things = Things(registry=self.grounds.registry, vault=self._stores.vault, bucket=self._stores.bucket)
        return Access(
            "access",
            plans=self._on.blueprint.identities,
            identities=self._on.identities,
            roles=self._on.roles,
            things=things,
            opts=self._on.opts,
        )

    def _after(self, identity: str) -> pulumi.ResourceOptions:
        """Return the options of what starts containers as this identity: its grants come first."""
        return pulumi.ResourceOptions.merge(self._on.opts, pulumi.ResourceOptions(depends_on=self._access.of(identity)))

    def _jobs(self) -> Jobs:
        plan = self._on.blueprint.jobs
        return Jobs(
            "jobs",
            plan=plan,
            grounds=self.grounds,
            identity=self._on.identities[plan.identity],
            jobs_url=self.front.jobs_url,
            opts=self._after(plan.identity),
        )

    def _spark(self) -> Spark:
        on = self._on
        users = SparkUsers(identity=on.identities["spark"], roles=on.roles, sql_password=on.generated.passwords[SQL])
        return Spark(
            "spark",
            premises=on.premises,
            plan=on.blueprint.spark,
            users=users,
            opts=on.opts,
        )

    def _service(self, plan: ServicePlan) -> Service:
        on = self._on
        identities: list[Any] = identities_of(on, plan)
        settings = self.settings if plan.slots else {}
        return Service(
            plan.name,
            blueprint=on.blueprint,
            grounds=self.grounds,
            identities=identities,
            variables=environment_of(plan, self._sources, settings),
            opts=self._after(plan.identity),
        )

    def _work_access(self) -> None:
        on = self._on
        places = Places(
            jobs={f"job-{size}": job for size, job in self.jobs.ids.items()},
            containers=on.site.jobs_group_id,
            subnet=on.network.subnets["jobs"],
            job_identity=on.identities[on.blueprint.jobs.identity].id,
            scheduler=self.services[on.blueprint.scheduler.name].id,
            spark=None if self.spark is None else self.spark.workspace_id,
        )
        WorkAccess(
            "work-access",
            plans=on.blueprint.identities,
            identities=on.identities,
            roles=on.roles,
            places=places,
            opts=on.opts,
        )

    @property
    def web(self) -> Service:
        """The service that people reach."""
        return self.services[self._on.blueprint.web.name]

    @property
    def scheduler(self) -> Service:
        """The service that runs blocks."""
        return self.services[self._on.blueprint.scheduler.name]
