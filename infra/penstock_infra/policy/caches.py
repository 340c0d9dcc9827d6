"""Rules for Redis: by TLS and password alone, and reached from inside."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_infra.policy.rule import Resource, Rule
from penstock_infra.policy.values import GIVEN, TRUE, UNKNOWN, Must, one_of

NODES = "aws:elasticache/replicationGroup:ReplicationGroup"
LONE_NODE = "aws:elasticache/cluster:Cluster"
MEMORYSTORE = "gcp:redis/instance:Instance"
MANAGED_REDIS = "azure-native:redisenterprise:RedisEnterprise"
MANAGED_REDIS_DATABASE = "azure-native:redisenterprise:Database"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - a resource type
SETTINGS = "redis.conf"


def in_a_group(resource: Resource) -> Iterator[str]:
    """There is no cluster outside of a replication group: only groups have TLS and a password."""
    if resource.get("replicationGroupId") is None:
        yield "has neither TLS nor a password; make a ReplicationGroup instead, also for a single node"


def asks_password(resource: Resource) -> Iterator[str]:
    """A Secret with `redis.conf` has `requirepass` in it."""
    held = resource.get("stringData")
    settings = held.get(SETTINGS) if isinstance(held, dict) else None
    if settings is not None and settings is not UNKNOWN and "requirepass " not in str(settings):
        yield f"Redis lets everybody in; set requirepass in stringData.{SETTINGS}"


GUARDED = Rule(
    "cache-guarded",
    "Redis takes no connection without TLS and a password, and none from the internet.",
    {
        NODES: [
            Must("transitEncryptionEnabled", TRUE, "clients speak without TLS"),
            Must("atRestEncryptionEnabled", TRUE, "what is written to disk is not encrypted"),
            Must("authToken", GIVEN, "clients need no password"),
            Must("subnetGroupName", GIVEN, "the nodes are not in the stack's own subnets"),
        ],
        LONE_NODE: [in_a_group],
        MEMORYSTORE: [
            Must("transitEncryptionMode", one_of("SERVER_AUTHENTICATION"), "clients speak without TLS"),
            Must("authEnabled", TRUE, "clients need no password"),
            Must("authorizedNetwork", GIVEN, "the instance is in the project's default network"),
        ],
        MANAGED_REDIS: [
            Must("minimumTlsVersion", one_of("1.2", "1.3"), "old versions of TLS are accepted"),
            Must("publicNetworkAccess", one_of("Disabled"), "the cluster answers on the internet"),
        ],
        MANAGED_REDIS_DATABASE: [Must("clientProtocol", one_of("Encrypted"), "clients speak without TLS")],
        SECRET: [asks_password],
    },
    exceptions=(
        "Azure: Managed Redis knows no access without a key or an identity, so there is nothing to check.",
        "Kubernetes: Redis in the cluster has no TLS, and the outputs say so; policies let only the stack's pods in.",
    ),
)

RULES = (GUARDED,)
