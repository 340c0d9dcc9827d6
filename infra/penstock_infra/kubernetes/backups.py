"""A dump of the cluster's Postgres each night, kept on the share for so many days."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component
from penstock_infra.kubernetes.identities import DATA
from penstock_infra.kubernetes.network import BACKUP, POSTGRES_PORT
from penstock_infra.kubernetes.pods import (
    CONTAINER_SECURITY,
    Object,
    claimed,
    plain_variables,
    pod_spec,
    resources,
    scratch,
    secret_variable,
)
from penstock_infra.kubernetes.scope import Scope
from penstock_infra.kubernetes.secrets import KEY
from penstock_infra.kubernetes.share import CLAIM
from penstock_platform.blueprint import DatabasePlan, SecretName

FOLDER = "backups"
WHEN = "17 2 * * *"
LONGEST_SECONDS = 4 * 3600
_SCRIPT = """\
set -eu
umask 077
mkdir -p "{folder}"
name="{folder}/penstock-$(date -u +%Y%m%dT%H%M%SZ).dump"
pg_dump --format=custom --file="$name.part"
mv "$name.part" "$name"
find "{folder}" -name 'penstock-*.dump' -mtime +{days} -delete
find "{folder}" -name 'penstock-*.dump.part' -mtime +1 -delete
"""
"""A dump has its name only when it is whole; older ones go after that, so a failing dump deletes nothing."""


@dataclass(frozen=True, kw_only=True)
class BackupsArgs:
    """`share` is where services mount it."""

    scope: Scope
    plan: DatabasePlan
    image: str
    host: str
    share: str
    after: list[pulumi.Resource]


class Backups(Component):
    """The CronJob that dumps."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: BackupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make it."""
        super().__init__(name, opts)
        scope = args.scope
        volumes = [claimed("share", CLAIM), scratch("tmp", "64Mi")]
        pod = pod_spec([_container(args)], volumes, restart_policy="Never", service_account_name=DATA)
        k8s.batch.v1.CronJob(
            BACKUP,
            metadata=scope.metadata(BACKUP),
            spec={
                "schedule": WHEN,
                "time_zone": "Etc/UTC",
                "concurrency_policy": "Forbid",
                "successful_jobs_history_limit": 1,
                "failed_jobs_history_limit": 3,
                "job_template": {
                    "spec": {
                        "active_deadline_seconds": LONGEST_SECONDS,
                        "backoff_limit": 2,
                        "template": {"metadata": scope.pod_metadata(BACKUP), "spec": pod},
                    },
                },
            },
            opts=self.child(*args.after),
        )
        self.finish()


def _container(args: BackupsArgs) -> Object:
    plan = args.plan
    script = _SCRIPT.format(folder=f"{args.share}/{FOLDER}", days=plan.backup_days)
    where = {"PGDATABASE": plan.name, "PGHOST": args.host, "PGPORT": str(POSTGRES_PORT), "PGUSER": plan.user}
    return {
        "name": BACKUP,
        "image": args.image,
        "command": ["sh", "-c", script],
        "env": [
            *plain_variables(where),
            secret_variable("PGPASSWORD", SecretName.DATABASE_PASSWORD.value, KEY),
        ],
        "resources": resources("250m", 256),
        "security_context": CONTAINER_SECURITY,
        "volume_mounts": [
            {"name": "share", "mount_path": args.share},
            {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108 - inside the container
        ],
    }
