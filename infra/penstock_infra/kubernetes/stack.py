"""The whole stack in a cluster: its components, in the order in which they need each other, and its outputs."""

from __future__ import annotations

from dataclasses import dataclass, field

import pulumi

from penstock_infra.component import Protection
from penstock_infra.contract import SharedFiles, StackOutputs
from penstock_infra.cost import cost_output
from penstock_infra.environment import Sources
from penstock_infra.kubernetes import cache, dashboard, database, front, images, settings, share, steps
from penstock_infra.kubernetes.alarms import Alarms, AlarmsArgs
from penstock_infra.kubernetes.backups import Backups, BackupsArgs
from penstock_infra.kubernetes.cache import Cache, CacheArgs
from penstock_infra.kubernetes.cluster import (
    adopting_provider,
    cluster_options,
    cluster_providers,
    refuse_what_no_cluster_takes,
)
from penstock_infra.kubernetes.dashboard import Dashboard, DashboardArgs
from penstock_infra.kubernetes.database import Database, DatabaseArgs
from penstock_infra.kubernetes.front import Front, FrontArgs
from penstock_infra.kubernetes.identities import Identities, IdentitiesArgs, asks_api
from penstock_infra.kubernetes.namespaces import Namespace, NamespaceArgs
from penstock_infra.kubernetes.network import POSTGRES_PORT, REDIS_PORT, Network, NetworkArgs
from penstock_infra.kubernetes.quota import jobs_quota, stack_quota
from penstock_infra.kubernetes.scaling import Scaling, ScalingArgs
from penstock_infra.kubernetes.scope import Scope
from penstock_infra.kubernetes.secrets import EXTERNAL_KEY, Secrets, SecretsArgs
from penstock_infra.kubernetes.services import Service, ServiceArgs
from penstock_infra.kubernetes.share import Share, ShareArgs
from penstock_infra.next_steps import next_steps
from penstock_platform.blueprint import Blueprint, ScaledBy, SecretName, ServicePlan
from penstock_platform.options import KubernetesOptions
from penstock_platform.service_settings import spark_backend


def render(blueprint: Blueprint) -> StackOutputs:
    """Register every object of the blueprint and return the stack's outputs. Raises RunError before the first one."""
    options = cluster_options()
    refuse_what_no_cluster_takes(blueprint, options)
    return Stack(blueprint, options).render()


@dataclass
class Stack:
    """One rendering under way. What later parts need of earlier ones is kept here."""

    blueprint: Blueprint
    options: KubernetesOptions
    opts: pulumi.ResourceOptions = field(init=False)
    protection: Protection = field(init=False)
    stack: Scope = field(init=False)
    jobs: Scope = field(init=False)
    secrets: Secrets = field(init=False)
    image: pulumi.Output[str] = field(init=False)

    def render(self) -> StackOutputs:
        """Register everything."""
        self.opts = pulumi.ResourceOptions(providers=cluster_providers())
        self.protection = Protection(self.blueprint.protect_data)
        self.image = images.runtime_image(self.blueprint.image, self.options.registry, self.opts)
        self._namespaces()
        identities = self._identities()
        network = Network("network", self._network(), self.opts)
        self.secrets = self._secrets()
        share_args = ShareArgs(
            scope=self.stack,
            plan=self.blueprint.share,
            storage_class=self.options.storage_class,
            protection=self.protection,
        )
        files = Share("share", share_args, self.opts)
        before: list[pulumi.Resource] = [*network.made, *self.secrets.made, identities.data_account]
        data = [*self._database(before), *self._cache(before)]
        self._services([*before, *data, files.claim, *identities.accounts.values()])
        self._monitoring()
        return self._outputs()

    def _namespaces(self) -> None:
        name, adopting = self.blueprint.name, adopting_provider()

        def made(logical: str, namespace: str, quota: dict[str, str], protection: Protection) -> Scope:
            args = NamespaceArgs(
                namespace=namespace,
                stack=name,
                tags=self.blueprint.tags,
                quota=quota,
                adopting=adopting,
                protection=protection,
            )
            return Namespace(logical, args, self.opts).scope

        self.stack = made("stack", name, stack_quota(self.blueprint), self.protection)
        # Jobs keep nothing: what they hand in is with the server.
        self.jobs = made("jobs", f"{name}-jobs", jobs_quota(self.blueprint), Protection(on=False))

    def _identities(self) -> Identities:
        args = IdentitiesArgs(
            blueprint=self.blueprint, stack=self.stack, jobs=self.jobs, pull_secret=self.options.image_pull_secret
        )
        return Identities("identities", args, self.opts)

    def _network(self) -> NetworkArgs:
        return NetworkArgs(blueprint=self.blueprint, options=self.options, stack=self.stack, jobs=self.jobs)

    @property
    def _has_cache(self) -> bool:
        return self.blueprint.cache is not None and self.blueprint.cache.external_secret is None

    @property
    def _has_database(self) -> bool:
        return self.blueprint.database.external_secret is None

    def _secrets(self) -> Secrets:
        args = SecretsArgs(
            scope=self.stack,
            names=self.blueprint.secrets,
            redis_host=f"{self.stack.host(cache.NAME)}:{REDIS_PORT}" if self._has_cache else None,
            in_cluster_database=self._has_database,
            protection=self.protection,
        )
        return Secrets("secrets", args, self.opts)

    def _database(self, before: list[pulumi.Resource]) -> list[pulumi.Resource]:
        if not self._has_database:
            return []
        plan = self.blueprint.database
        image = images.postgres_image(self.options, plan.version)
        args = DatabaseArgs(
            scope=self.stack,
            plan=plan,
            image=image,
            storage_class=self.options.block_storage_class,
            checksum=self.secrets.checksum([SecretName.DATABASE_PASSWORD]),
            after=before,
            protection=self.protection,
        )
        made = Database("database", args, self.opts)
        backup = BackupsArgs(
            scope=self.stack,
            plan=plan,
            image=image,
            host=self.stack.host(database.NAME),
            share=self.blueprint.share.path,
            after=[made.service],
        )
        Backups("backups", backup, self.opts)
        return [made.service]

    def _cache(self, before: list[pulumi.Resource]) -> list[pulumi.Resource]:
        plan = self.blueprint.cache
        if plan is None or plan.external_secret is not None:
            return []
        args = CacheArgs(
            scope=self.stack,
            plan=plan,
            image=images.redis_image(self.options),
            password=self.secrets.passwords["redis"],
            after=before,
        )
        return [Cache("cache", args, self.opts).service]

    def _services(self, after: list[pulumi.Resource]) -> None:
        sources = settings.sources_of(self.blueprint, self.stack, self.image)
        for plan in self.blueprint.services:
            made = Service(plan.name, self._service(plan, sources, after), self.opts)
            if plan.scaled_by is ScaledBy.PLATFORM and self.blueprint.scaling is not None:
                scaling = ScalingArgs(
                    scope=self.stack, service=plan, plan=self.blueprint.scaling, deployment=made.deployment
                )
                Scaling(f"{plan.name}-scaling", scaling, self.opts)
            if plan.serves_web:
                self._front(plan, made.deployment)

    def _service(self, plan: ServicePlan, sources: Sources, after: list[pulumi.Resource]) -> ServiceArgs:
        identity = self.blueprint.identity(plan.identity)
        return ServiceArgs(
            scope=self.stack,
            plan=plan,
            image=self.image,
            environment=settings.environment_in_cluster(
                self.blueprint, plan, sources, settings.executor_settings_of(self.blueprint, self.jobs, self.image)
            ),
            references=self._references(),
            share=self.blueprint.share.path,
            checksum=self.secrets.checksum(identity.secrets),
            asks_api=asks_api(identity),
            after=after,
        )

    def _references(self) -> dict[SecretName, tuple[str, str]]:
        """Return where each secret is: in a Secret of ours, or in one that the operator made."""
        found = dict(self.secrets.references)
        if self.options.database_secret:
            found[SecretName.DATABASE_PASSWORD] = (self.options.database_secret, EXTERNAL_KEY)
        if self.options.redis_secret:
            found[SecretName.REDIS_URL] = (self.options.redis_secret, EXTERNAL_KEY)
        return found

    def _front(self, plan: ServicePlan, deployment: pulumi.Resource) -> None:
        args = FrontArgs(
            scope=self.stack, plan=self.blueprint.front, web=plan, options=self.options, deployment=deployment
        )
        Front("front", args, self.opts)

    def _monitoring(self) -> None:
        Dashboard("dashboard", DashboardArgs(scope=self.stack, blueprint=self.blueprint), self.opts)
        if self.options.prometheus_namespace:
            Alarms("alarms", AlarmsArgs(scope=self.stack, blueprint=self.blueprint), self.opts)

    # Outputs

    def _outputs(self) -> StackOutputs:
        blueprint, scope = self.blueprint, self.stack
        url = front.page_url(blueprint.front)
        return StackOutputs(
            url=url,
            topology=blueprint.topology.value,
            web_service=f"{scope.namespace}/{blueprint.web.name}",
            scheduler_service=f"{scope.namespace}/{blueprint.scheduler.name}",
            database_endpoint=self._database_endpoint(),
            database_secret=self._reference(SecretName.DATABASE_PASSWORD),
            redis_endpoint=self._redis_endpoint(),
            shared_files=SharedFiles(
                server=f"{scope.namespace}/{share.CLAIM}", path="/", mounted_at=blueprint.share.path
            ),
            artifacts=settings.folder_url(blueprint, settings.ARTIFACTS),
            logs=settings.folder_url(blueprint, settings.LOGS),
            image=self.image,
            registry=self.image.apply(images.repository_of),
            spark=self._spark(),
            executor_settings=settings.executor_settings_of(blueprint, self.jobs, self.image),
            secret_store=f"Secrets of namespace {scope.namespace}",
            dashboards=[f"ConfigMap {scope.namespace}/{dashboard.NAME}, for Grafana's sidecar"],
            monthly_cost_estimate=cost_output(blueprint),
            next_steps=next_steps(
                blueprint,
                url,
                read_owner_code=steps.read_secret(scope, SecretName.OWNER_CODE),
                reach=list(steps.reach(blueprint, self.options, scope)),
                not_encrypted=list(steps.not_encrypted(blueprint, self.options)),
            ),
        )

    def _reference(self, which: SecretName) -> str:
        secret, key = self._references()[which]
        return f"{self.stack.namespace}/{secret}#{key}"

    def _database_endpoint(self) -> str:
        if not self._has_database:
            return self._reference(SecretName.DATABASE_PASSWORD)
        return f"{self.stack.host(database.NAME)}:{POSTGRES_PORT}"

    def _redis_endpoint(self) -> str:
        if self.blueprint.cache is None:
            return ""
        if not self._has_cache:
            return self._reference(SecretName.REDIS_URL)
        return f"{self.stack.host(cache.NAME)}:{REDIS_PORT}"

    def _spark(self) -> dict[str, pulumi.Input[str]]:
        backend = spark_backend(self.blueprint.cloud, self.blueprint.spark.mode)
        if backend is None:
            return {"backend": "off"}
        return {"backend": backend, "namespace": self.jobs.namespace, "serviceAccount": "spark"}
