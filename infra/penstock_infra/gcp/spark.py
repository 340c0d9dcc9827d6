"""Dataproc by the plan's mode: an account, a staging bucket and a subnet always; a policy and a cluster where asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.bucket import Bucket
from penstock_infra.gcp.identities import Accounts, allowed
from penstock_infra.gcp.network import Network
from penstock_infra.gcp.permissions import RUN_SPARK, SPARK_NODE, USE_CLUSTER
from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import IdentityPlan, Permission, SparkPlan
from penstock_platform.service_settings import spark_backend
from penstock_platform.vocabulary import Cloud, SparkMode

IDENTITY = "spark"
LEAST_WORKERS = 2
"""Dataproc has no cluster with one worker."""
IMAGE_VERSION = "2.3-debian12"
MACHINE = "e2-standard-4"
STAGING_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class SparkArgs:
    """The plan, where Spark runs, what it reads and writes, and who may start it."""

    plan: SparkPlan
    network: Network
    bucket: Bucket
    accounts: Accounts
    identities: tuple[IdentityPlan, ...]


class Spark(GcpComponent):
    """Attributes: `settings` of the contract, `output` of the stack."""

    needs = ("dataproc", "iam", "storage")

    def __init__(self, site: Site, args: SparkArgs) -> None:
        """Make what the mode needs. Raises KeyError when Spark is off: then there is nothing to make."""
        super().__init__("spark", site)
        self._args = args
        self._member = args.accounts.member(IDENTITY)
        self._staging = self._staging_bucket()
        self._data()
        self._node_role()
        self._policy = None if args.plan.mode is SparkMode.SERVERLESS else self._autoscaling()
        self._cluster = self._shared_cluster() if args.plan.mode is SparkMode.SHARED else None
        self._runners()
        self.finish()

    @property
    def settings(self) -> dict[str, pulumi.Input[str]]:
        """What the executor needs."""
        found: dict[str, pulumi.Input[str]] = {
            "PENSTOCK_SPARK_BACKEND": spark_backend(Cloud.GCP, self._args.plan.mode) or "local",
            "PENSTOCK_SPARK_URL": self._args.bucket.url("spark"),
            "PENSTOCK_DATAPROC_REGION": self.site.region,
            "PENSTOCK_DATAPROC_SUBNET": self._args.network.work.id,
            "PENSTOCK_DATAPROC_SERVICE_ACCOUNT": self._args.accounts.email(IDENTITY),
        }
        if self._cluster is not None:
            found["PENSTOCK_DATAPROC_CLUSTER"] = self._cluster.name
        return found

    @property
    def output(self) -> dict[str, pulumi.Input[str]]:
        """The stack's `spark` output."""
        found: dict[str, pulumi.Input[str]] = {
            "backend": spark_backend(Cloud.GCP, self._args.plan.mode) or "local",
            "serviceAccount": self._args.accounts.email(IDENTITY),
            "subnet": self._args.network.work.id,
            "stagingBucket": self._staging.name,
        }
        if self._policy is not None:
            found["autoscalingPolicy"] = self._policy.name
        if self._cluster is not None:
            found["cluster"] = self._cluster.name
        return found

    def _staging_bucket(self) -> gcp.storage.Bucket:
        """Make the bucket of Dataproc's own files: it writes to a bucket's root, which must not be the artifacts'."""
        bucket = gcp.storage.Bucket(
            "spark-staging",
            name=f"{self.site.project}-{self.site.name}-spark",
            location=self.site.region,
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            lifecycle_rules=[{"action": {"type": "Delete"}, "condition": {"age": STAGING_DAYS}}],
            soft_delete_policy={"retention_duration_seconds": 0},
            force_destroy=True,
            labels=self.site.labels,
            opts=self.child(),
        )
        for name, role in (("objects", "roles/storage.objectAdmin"), ("bucket", "roles/storage.legacyBucketReader")):
            gcp.storage.BucketIAMMember(
                f"spark-staging-{name}", bucket=bucket.name, role=role, member=self._member, opts=self.child()
            )
        return bucket

    def _data(self) -> None:
        """Let Spark read and write the folder spark/ of the stack's bucket, and nothing beside it."""
        folder = gcp.storage.ManagedFolder(
            "spark-data",
            bucket=self._args.bucket.name,
            name="spark/",
            force_destroy=not self.site.protection.on,
            # With Spark off again its data stays.
            deletion_policy="ABANDON" if self.site.protection.on else "DELETE",
            opts=self.child(),
        )
        gcp.storage.ManagedFolderIamMember(
            "spark-data",
            bucket=self._args.bucket.name,
            managed_folder=folder.name,
            role="roles/storage.objectUser",
            member=self._member,
            opts=self.child(),
        )

    def _node_role(self) -> None:
        role = self._role("spark-node", "be a node of Spark", SPARK_NODE)
        self._on_project("spark-node", role, self._member)

    def _autoscaling(self) -> gcp.dataproc.AutoscalingPolicy:
        plan = self._args.plan
        return gcp.dataproc.AutoscalingPolicy(
            "spark",
            policy_id=self.site.called("spark"),
            location=self.site.region,
            worker_config={
                "min_instances": max(LEAST_WORKERS, plan.min_workers),
                "max_instances": max(LEAST_WORKERS, plan.max_workers),
            },
            basic_algorithm={
                "cooldown_period": "120s",
                "yarn_config": {
                    "graceful_decommission_timeout": "1800s",
                    "scale_up_factor": 0.5,
                    "scale_down_factor": 0.5,
                },
            },
            opts=self.child(),
        )

    def _shared_cluster(self) -> gcp.dataproc.Cluster:
        """Make the cluster. It is never deleted for idleness: it would be missing at the next `up`."""
        return gcp.dataproc.Cluster(
            "spark",
            name=self.site.called("spark"),
            region=self.site.region,
            graceful_decommission_timeout="1800s",
            cluster_config=self._cluster_config(),
            labels=self.site.labels,
            opts=pulumi.ResourceOptions.merge(
                self.child(),
                # The policy moves the number of workers.
                pulumi.ResourceOptions(ignore_changes=["clusterConfig.workerConfig.numInstances"]),
            ),
        )

    def _cluster_config(self) -> dict[str, Any]:
        disk = {"boot_disk_type": "pd-balanced", "boot_disk_size_gb": 100}
        workers = max(LEAST_WORKERS, self._args.plan.min_workers)
        return {
            "staging_bucket": self._staging.name,
            "temp_bucket": self._staging.name,
            "gce_cluster_config": {
                "subnetwork": self._args.network.work.id,
                "internal_ip_only": True,
                "service_account": self._args.accounts.email(IDENTITY),
                # Rights are the account's: scopes would only be a second, coarser list.
                "service_account_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
                "shielded_instance_config": {
                    "enable_secure_boot": True,
                    "enable_vtpm": True,
                    "enable_integrity_monitoring": True,
                },
                "metadata": {"block-project-ssh-keys": "true"},
            },
            "master_config": {"num_instances": 1, "machine_type": MACHINE, "disk_config": disk},
            "worker_config": {"num_instances": workers, "machine_type": MACHINE, "disk_config": disk},
            "software_config": {"image_version": IMAGE_VERSION},
            "autoscaling_config": {"policy_uri": self._policy.name if self._policy is not None else None},
            "endpoint_config": {"enable_http_port_access": False},
        }

    def _runners(self) -> None:
        """Let each identity that may run Spark do so, as the Spark account and as nobody else."""
        mode = self._args.plan.mode
        role = self._role("run-spark", "start, watch and stop Spark work", RUN_SPARK[mode])
        use = self._role("use-cluster", "use its Spark cluster", USE_CLUSTER) if self._cluster is not None else None
        for identity in allowed(self._args.identities, Permission.RUN_SPARK):
            member = self._args.accounts.member(identity)
            self._on_project(f"{identity}-run-spark", role, member)
            gcp.serviceaccount.IAMMember(
                f"{identity}-spark-account",
                service_account_id=self._args.accounts.resource(IDENTITY),
                role="roles/iam.serviceAccountUser",
                member=member,
                opts=self.child(),
            )
            if use is not None and self._cluster is not None:
                gcp.dataproc.ClusterIAMMember(
                    f"{identity}-cluster",
                    cluster=self._cluster.name,
                    region=self.site.region,
                    role=use.name,
                    member=member,
                    opts=self.child(),
                )

    def _role(self, name: str, may: str, permissions: tuple[str, ...]) -> gcp.projects.IAMCustomRole:
        return gcp.projects.IAMCustomRole(
            name,
            role_id=self.site.identifier(name),
            title=f"Penstock {self.site.name}: {may}",
            permissions=list(permissions),
            opts=self.child(),
        )

    def _on_project(self, name: str, role: gcp.projects.IAMCustomRole, member: pulumi.Input[str]) -> None:
        gcp.projects.IAMMember(name, project=self.site.project, role=role.name, member=member, opts=self.child())
