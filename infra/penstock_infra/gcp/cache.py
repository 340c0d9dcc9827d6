"""Redis: Memorystore with TLS and a password, replicated where the plan says so. It holds nothing that must last."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.network import Network
from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import CachePlan


class Cache(GcpComponent):
    """Attributes: `instance`, `endpoint` (`host:port`), `authority` (PEM); `url(file)` is the secret address."""

    needs = ("redis",)

    def __init__(self, site: Site, plan: CachePlan, network: Network) -> None:
        """Make the instance of a plan; `plan.instance.instance` is its size in GiB."""
        super().__init__("cache", site)
        self.instance = gcp.redis.Instance(
            "cache",
            region=site.region,
            tier="STANDARD_HA" if plan.replicas else "BASIC",
            memory_size_gb=int(plan.instance.instance),
            redis_version="REDIS_7_2",
            authorized_network=network.network.id,
            connect_mode="PRIVATE_SERVICE_ACCESS",
            reserved_ip_range=network.services.name,
            auth_enabled=True,
            transit_encryption_mode="SERVER_AUTHENTICATION",
            redis_configs={"maxmemory-policy": "allkeys-lru"},
            deletion_protection=False,
            labels=site.labels,
            opts=self.child(network.connection),
        )
        self.endpoint = pulumi.Output.format("{0}:{1}", self.instance.host, self.instance.port)
        self.authority: pulumi.Output[str] = self.instance.server_ca_certs.apply(_joined)
        self.finish()

    def url(self, authority_file: str) -> pulumi.Output[str]:
        """Return the address with its password, secret; the authority is a file, as redis-py takes it."""
        return pulumi.Output.secret(
            pulumi.Output.concat(
                "rediss://:", self.instance.auth_string, "@", self.endpoint, "/0?ssl_ca_certs=", authority_file
            )
        )


def _joined(certificates: Any) -> str:
    return "\n".join(certificate["cert"].strip() for certificate in certificates) + "\n"
