"""The bucket of artifacts, bundles, logs and Spark's data: private, versioned, by IAM alone."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import BucketPlan

WEEK_SECONDS = 7 * 24 * 3600


class Bucket(GcpComponent):
    """Attributes: `bucket` and `name`; `url(prefix)` is where a prefix is."""

    needs = ("storage",)

    def __init__(self, site: Site, plan: BucketPlan) -> None:
        """Make the bucket. Names of buckets are the whole world's, so it is called after project and stack."""
        super().__init__("bucket", site)
        self.bucket = gcp.storage.Bucket(
            "bucket",
            name=f"{site.project}-{site.name}",
            location=site.region,
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning={"enabled": True},
            lifecycle_rules=[
                {
                    "action": {"type": "Delete"},
                    "condition": {"days_since_noncurrent_time": plan.old_versions_days, "with_state": "ARCHIVED"},
                },
                {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 7}},
            ],
            soft_delete_policy={"retention_duration_seconds": WEEK_SECONDS if site.protection.on else 0},
            force_destroy=not site.protection.on,
            labels=site.labels,
            opts=self.data(site.protection),
        )
        self.name: pulumi.Output[str] = self.bucket.name
        self.finish()

    def url(self, prefix: str) -> pulumi.Output[str]:
        """Return the address of a prefix, `gs://bucket/prefix`."""
        return pulumi.Output.concat("gs://", self.name, "/", prefix)
