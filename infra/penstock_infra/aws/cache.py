"""Redis: Valkey on ElastiCache, by TLS and password alone. It holds nothing that the database does not have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.firewall import REDIS
from penstock_platform.blueprint import CachePlan


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    """The plan; subnets in two zones; the group that may be reached; the password."""

    account: Account
    plan: CachePlan
    subnets: Sequence[pulumi.Input[str]]
    group: pulumi.Input[str]
    password: pulumi.Output[str]


class Cache(AwsComponent):
    """A primary and its replicas: `endpoint` as host:port, `url` (a secret: it holds the password), `node_id`."""

    def __init__(self, name: str, args: CacheArgs) -> None:
        """Make the replication group. One node is a group too: only groups have TLS and a password."""
        super().__init__(name, args.account)
        subnets = aws.elasticache.SubnetGroup(
            "cache",
            description=f"Redis of {args.account.name}",
            subnet_ids=list(args.subnets),
            opts=self.child(),
        )
        nodes = aws.elasticache.ReplicationGroup(
            "cache",
            description=f"Redis of {args.account.name}",
            engine="valkey",
            engine_version="8.0",
            parameter_group_name="default.valkey8",
            node_type=args.plan.instance.instance,
            num_cache_clusters=1 + args.plan.replicas,
            automatic_failover_enabled=args.plan.replicas > 0,
            multi_az_enabled=args.plan.multi_zone,
            port=REDIS,
            subnet_group_name=subnets.name,
            security_group_ids=[args.group],
            at_rest_encryption_enabled=True,
            transit_encryption_enabled=True,
            auth_token=args.password,
            apply_immediately=True,
            opts=self.child(),
        )
        host = nodes.primary_endpoint_address
        self.endpoint: pulumi.Output[str] = pulumi.Output.format("{0}:{1}", host, REDIS)
        # A secret like the password in it.
        self.url = pulumi.Output.format("rediss://:{0}@{1}/0", args.password, self.endpoint)
        self.node_id: pulumi.Output[str] = pulumi.Output.concat(nodes.id, "-001")
        self.finish(endpoint=self.endpoint)
