"""Redis in the cluster: one pod that keeps nothing on disk. It makes wake-ups quick; the truth is in Postgres."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component
from penstock_infra.kubernetes.database import CHECKSUM
from penstock_infra.kubernetes.identities import DATA
from penstock_infra.kubernetes.network import REDIS_PORT
from penstock_infra.kubernetes.pods import (
    CONTAINER_SECURITY,
    Object,
    command_probe,
    pod_spec,
    resources,
    scratch,
    secret_variable,
)
from penstock_infra.kubernetes.quota import CACHE_CPU_LIMIT
from penstock_infra.kubernetes.scope import Scope
from penstock_infra.kubernetes.secrets import checksum
from penstock_platform.blueprint import CachePlan

NAME = "redis"
SETTINGS = "redis-settings"
REDIS_USER_ID = 999


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    """`after` must be there first: the network's policies."""

    scope: Scope
    plan: CachePlan
    image: str
    password: pulumi.Output[str]
    after: list[pulumi.Resource]


class Cache(Component):
    """The settings, the Service and the one pod of Redis."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: CacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make them."""
        super().__init__(name, opts)
        scope = args.scope
        settings = k8s.core.v1.Secret(
            SETTINGS,
            metadata=scope.metadata(SETTINGS, component=NAME),
            type="Opaque",
            string_data={"password": args.password, "redis.conf": _settings(args)},
            opts=self.child(scope.made),
        )
        self.server = k8s.apps.v1.StatefulSet(
            NAME,
            metadata=scope.metadata(NAME),
            spec={
                "replicas": 1,
                "service_name": NAME,
                "selector": {"match_labels": scope.selector(NAME)},
                "template": {
                    "metadata": scope.pod_metadata(NAME, {CHECKSUM: checksum(_settings(args))}),
                    "spec": _pod(args),
                },
            },
            opts=self.child(settings, *args.after),
        )
        self.service = k8s.core.v1.Service(
            NAME,
            metadata=scope.metadata(NAME),
            spec={
                "selector": scope.selector(NAME),
                "ports": [{"name": NAME, "port": REDIS_PORT, "target_port": REDIS_PORT}],
            },
            # It counts as made once it has a pod, so it comes after.
            opts=self.child(self.server),
        )
        self.finish(endpoint=f"{scope.host(NAME)}:{REDIS_PORT}")


def _settings(args: CacheArgs) -> pulumi.Output[str]:
    """Return redis.conf, in which the password is: on a command line it would be seen."""
    memory = args.plan.instance.memory_mib * 3 // 4
    fixed = (
        f"port {REDIS_PORT}",
        "dir /data",
        'save ""',
        "appendonly no",
        f"maxmemory {memory}mb",
        "maxmemory-policy allkeys-lru",
    )
    return pulumi.Output.concat("\n".join(fixed), "\nrequirepass ", args.password, "\n")


def _pod(args: CacheArgs) -> Object:
    asked = command_probe(["redis-cli", "-e", "ping"])
    cpu = args.plan.instance.instance.partition("/")[0]
    container = {
        "name": NAME,
        "image": args.image,
        # Valkey goes by this name too.
        "command": ["redis-server", "/etc/redis/redis.conf"],
        "env": [secret_variable("REDISCLI_AUTH", SETTINGS, "password")],
        "ports": [{"name": NAME, "container_port": REDIS_PORT}],
        "resources": resources(cpu, args.plan.instance.memory_mib, CACHE_CPU_LIMIT),
        "security_context": CONTAINER_SECURITY,
        "liveness_probe": {**asked, "failure_threshold": 6},
        "readiness_probe": asked,
        "volume_mounts": [
            {"name": "settings", "mount_path": "/etc/redis", "read_only": True},
            {"name": "data", "mount_path": "/data"},
        ],
    }
    volumes: list[Object] = [
        {
            "name": "settings",
            "secret": {
                "secret_name": SETTINGS,
                "default_mode": 0o440,
                "items": [{"key": "redis.conf", "path": "redis.conf"}],
            },
        },
        scratch("data", "64Mi"),
    ]
    return pod_spec([container], volumes, user=REDIS_USER_ID, service_account_name=DATA)
