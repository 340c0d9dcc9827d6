"""Who may do what, and where: every role assignment of a stack, each on single resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from penstock_infra.azure.bucket import Bucket
from penstock_infra.azure.identities import Identities, Roles, assign
from penstock_infra.azure.registry import ImageRegistry
from penstock_infra.azure.roles import Custom
from penstock_infra.azure.site import Site
from penstock_infra.azure.vault import Vault
from penstock_infra.component import Component
from penstock_platform.blueprint import IdentityPlan, Permission

_NEEDS = {
    Permission.START_JOBS: (Custom.RUN_JOBS, Custom.RUN_CONTAINERS, Custom.JOIN_SUBNET, Custom.USE_IDENTITY),
    Permission.RUN_SPARK: (Custom.SEE_SPARK,),
    Permission.SCALE_SCHEDULER: (Custom.SCALE,),
}


def roles_needed(plans: tuple[IdentityPlan, ...]) -> list[Custom]:
    """Return the roles of ours that these identities need, each once."""
    wanted = {custom for plan in plans for permission in plan.may for custom in _NEEDS.get(permission, ())}
    return [custom for custom in Custom if custom in wanted]


@dataclass(frozen=True, kw_only=True)
class Things:
    """What services and jobs use before they start."""

    registry: ImageRegistry
    vault: Vault
    bucket: Bucket


class Access(Component):
    """What an identity needs before its containers can start: the image, its secrets, the bucket."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        plans: tuple[IdentityPlan, ...],
        identities: Identities,
        roles: Roles,
        things: Things,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Assign; `of` says what of one identity must be there first."""
        super().__init__(name, opts)
        self._roles, self._things = roles, things
        self._made: dict[str, list[Any]] = {
            plan.name: [
                assign(self, f"{plan.name}-{what}", identity=identities[plan.name], role=role, scope=scope)
                for what, role, scope in self._granted(plan)
            ]
            for plan in plans
        }
        self.finish()

    def of(self, identity: str) -> list[Any]:
        """Return the assignments of one identity."""
        return self._made[identity]

    def _granted(self, plan: IdentityPlan) -> Iterator[tuple[str, pulumi.Output[str], pulumi.Input[str]]]:
        things = self._things
        if Permission.PULL_IMAGE in plan.may:
            yield "image", self._roles.built_in("pull the image"), things.registry.id
        if Permission.READ_SECRETS in plan.may:
            for secret in plan.secrets:
                yield secret.value, self._roles.built_in("read a secret"), things.vault.entry_id(secret)
        if Permission.USE_BUCKET in plan.may:
            yield "bucket", self._roles.built_in("write blobs"), things.bucket.id


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where executors and the scaler work: ids by name of a job, and of single resources."""

    jobs: Mapping[str, pulumi.Output[str]]
    containers: pulumi.Output[str]
    subnet: pulumi.Output[str]
    job_identity: pulumi.Output[str]
    scheduler: pulumi.Output[str]
    spark: pulumi.Output[str] | None


class WorkAccess(Component):
    """What executors and the scaler may do, on the stack's own jobs, groups, pool and app."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        plans: tuple[IdentityPlan, ...],
        identities: Identities,
        roles: Roles,
        places: Places,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Assign."""
        super().__init__(name, opts)
        for plan in plans:
            for what, custom, scope in _work(plan, places):
                role = roles.of_ours(custom)
                assign(self, f"{plan.name}-{what}", identity=identities[plan.name], role=role, scope=scope)
        self.finish()


def _work(plan: IdentityPlan, places: Places) -> Iterator[tuple[str, Custom, pulumi.Output[str]]]:
    if Permission.START_JOBS in plan.may:
        for name, job in places.jobs.items():
            yield name, Custom.RUN_JOBS, job
        yield "containers", Custom.RUN_CONTAINERS, places.containers
        yield "subnet", Custom.JOIN_SUBNET, places.subnet
        yield "job-identity", Custom.USE_IDENTITY, places.job_identity
    if Permission.RUN_SPARK in plan.may and places.spark is not None:
        yield "spark", Custom.SEE_SPARK, places.spark
    if Permission.SCALE_SCHEDULER in plan.may:
        yield "scheduler", Custom.SCALE, places.scheduler


def scheduler_id(site: Site, service: str) -> pulumi.Output[str]:
    """Return the id of a service's app, also before it is made: the app itself is told it."""
    return pulumi.Output.concat(site.group_id, "/providers/Microsoft.App/containerApps/", service)
