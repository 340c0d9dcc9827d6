"""Redis: Azure Managed Redis behind a private endpoint, TLS only."""

from __future__ import annotations

from urllib.parse import quote

import pulumi
import pulumi_azure_native as azure_native
import pulumi_random as random

from penstock_infra.azure.doors import Behind, PrivateDoor
from penstock_infra.azure.names import world_name
from penstock_infra.azure.premises import Premises
from penstock_infra.azure.traffic import REDIS_PORT
from penstock_infra.component import Component
from penstock_platform.blueprint import CachePlan


class Cache(Component):
    """Redis: `id`, `host`, and the whole `url` with its key, a secret. Each Redis has a `mark` of its own."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        premises: Premises,
        plan: CachePlan,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the cluster, its one database, and the door."""
        super().__init__(name, opts)
        site = premises.site
        self.mark: pulumi.Output[str] = random.RandomString(
            "mark", length=4, special=False, upper=False, opts=self.child()
        ).result
        cluster = azure_native.redisenterprise.RedisEnterprise(
            "cluster",
            cluster_name=site.suffix.apply(lambda suffix: world_name(site.stem, suffix)),
            resource_group_name=site.group,
            location=site.location,
            sku={"name": plan.instance.instance},
            high_availability="Enabled" if plan.replicas else "Disabled",
            minimum_tls_version="1.2",
            public_network_access="Disabled",
            opts=self.child(),
        )
        database = azure_native.redisenterprise.Database(
            "redis",
            database_name="default",
            resource_group_name=site.group,
            cluster_name=cluster.name,
            client_protocol="Encrypted",
            # Plain clients follow no cluster protocol, and this policy alone can be changed later.
            clustering_policy="NoCluster",
            port=REDIS_PORT,
            # Wake-ups and hints may be lost, and a full Redis must not refuse writes.
            eviction_policy="VolatileLRU",
            access_keys_authentication="Enabled",
            opts=self.child(),
        )
        behind = Behind(cluster.id, "redisEnterprise", "privatelink.redis.azure.net")
        PrivateDoor("redis", premises=premises, behind=behind, opts=self.child())
        self.id: pulumi.Output[str] = cluster.id
        self.host: pulumi.Output[str] = cluster.host_name
        keys = azure_native.redisenterprise.list_database_keys_output(
            cluster_name=cluster.name,
            database_name=database.name,
            resource_group_name=site.group,
            opts=pulumi.InvokeOptions(parent=self),
        )
        self.url: pulumi.Output[str] = pulumi.Output.secret(
            pulumi.Output.all(keys.primary_key, self.host).apply(
                lambda found: f"rediss://:{quote(str(found[0]), safe='')}@{found[1]}:{REDIS_PORT}/0"
            )
        )
        self.finish(host=self.host)
