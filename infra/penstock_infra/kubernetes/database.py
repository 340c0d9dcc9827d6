"""Postgres in the cluster: one pod with a claim of its own. No failover: its pod moves when its node is lost."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component, Protection
from penstock_infra.kubernetes.identities import DATA
from penstock_infra.kubernetes.network import POSTGRES_PORT
from penstock_infra.kubernetes.pods import (
    CONTAINER_SECURITY,
    Object,
    claimed,
    command_probe,
    plain_variables,
    pod_spec,
    resources,
    scratch,
)
from penstock_infra.kubernetes.scope import Scope
from penstock_infra.kubernetes.secrets import KEY
from penstock_platform.blueprint import DatabasePlan, SecretName
from penstock_platform.quantities import cpu_text

NAME = "postgres"
POSTGRES_USER_ID = 999
"""The user `postgres` of the official image."""
FOLDER = "/var/lib/postgresql/data"
PASSWORDS = "/run/penstock"
STOP_SECONDS = 120
CHECKSUM = "penstock/checksum"
"""The annotation that starts pods anew when a secret of theirs changes."""


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """`checksum` changes with the password; `after` must be there first: the Secret, the network's policies."""

    scope: Scope
    plan: DatabasePlan
    image: str
    storage_class: str | None
    checksum: pulumi.Input[str]
    after: list[pulumi.Resource]
    protection: Protection


class Database(Component):
    """The claim, the Service and the one pod of Postgres."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make them."""
        super().__init__(name, opts)
        scope = args.scope
        claim = k8s.core.v1.PersistentVolumeClaim(
            f"{NAME}-data",
            metadata=scope.metadata(f"{NAME}-data", component=NAME),
            spec={
                "access_modes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": f"{args.plan.storage_gb}Gi"}},
                **({"storage_class_name": args.storage_class} if args.storage_class else {}),
            },
            opts=self.data(args.protection, scope.made),
        )
        self.server = k8s.apps.v1.StatefulSet(
            NAME,
            metadata=scope.metadata(NAME),
            spec={
                "replicas": 1,
                "service_name": NAME,
                "selector": {"match_labels": scope.selector(NAME)},
                "template": {
                    "metadata": scope.pod_metadata(NAME, {CHECKSUM: args.checksum}),
                    "spec": _pod(args),
                },
            },
            opts=self.child(claim, *args.after),
        )
        self.service = k8s.core.v1.Service(
            NAME,
            metadata=scope.metadata(NAME),
            spec={
                "selector": scope.selector(NAME),
                "ports": [{"name": NAME, "port": POSTGRES_PORT, "target_port": POSTGRES_PORT}],
            },
            # It counts as made once it has a pod, so it comes after.
            opts=self.child(self.server),
        )
        self.finish(endpoint=f"{scope.host(NAME)}:{POSTGRES_PORT}")


def _pod(args: DatabaseArgs) -> Object:
    volumes = [
        claimed("data", f"{NAME}-data"),
        {"name": "password", "secret": {"secret_name": SecretName.DATABASE_PASSWORD.value, "default_mode": 0o440}},
        scratch("socket", "16Mi"),
        scratch("tmp", "1Gi"),
        # Parallel queries share memory by files; a container's own /dev/shm holds 64 MiB.
        scratch("shared-memory", f"{args.plan.instance.memory_mib // 4}Mi", in_memory=True),
    ]
    others = {"service_account_name": DATA, "termination_grace_period_seconds": STOP_SECONDS}
    return pod_spec([_container(args)], volumes, user=POSTGRES_USER_ID, **others)


def _container(args: DatabaseArgs) -> Object:
    plan = args.plan
    asked = command_probe(["pg_isready", "--host=127.0.0.1", f"--username={plan.user}", f"--dbname={plan.name}"])
    return {
        "name": NAME,
        "image": args.image,
        "args": _tuned(plan),
        "env": plain_variables(
            {
                "PGDATA": f"{FOLDER}/pgdata",
                "POSTGRES_DB": plan.name,
                "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --auth-local=trust --data-checksums",
                "POSTGRES_PASSWORD_FILE": f"{PASSWORDS}/{KEY}",
                "POSTGRES_USER": plan.user,
            }
        ),
        "ports": [{"name": NAME, "container_port": POSTGRES_PORT}],
        "resources": resources(cpu_text(round(plan.instance.cpus * 1000)), plan.instance.memory_mib),
        "security_context": CONTAINER_SECURITY,
        # A recovery after a crash may take a while; then it answers soon or not at all.
        "startup_probe": {**asked, "failure_threshold": 60},
        "liveness_probe": {**asked, "failure_threshold": 6},
        "readiness_probe": asked,
        "volume_mounts": [
            {"name": "data", "mount_path": FOLDER},
            {"name": "password", "mount_path": PASSWORDS, "read_only": True},
            {"name": "socket", "mount_path": "/var/run/postgresql"},
            {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108 - inside the container
            {"name": "shared-memory", "mount_path": "/dev/shm"},  # noqa: S108 - the same
        ],
    }


def _tuned(plan: DatabasePlan) -> list[str]:
    """Return the server's arguments for its size: a quarter of the memory for its buffers."""
    memory = plan.instance.memory_mib
    settings = {
        "max_connections": str(plan.instance.max_connections),
        "shared_buffers": f"{memory // 4}MB",
        "effective_cache_size": f"{memory * 5 // 8}MB",
    }
    return [f"--{name}={value}" for name, value in settings.items()]
