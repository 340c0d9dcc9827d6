"""The bucket of outputs, bundles, logs and Spark's files: private, encrypted, versioned, by TLS alone."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.aws.policies import deny_to_all, document
from penstock_infra.component import Protection
from penstock_platform.blueprint import BucketPlan

UNFINISHED_DAYS = 7
"""After how many days the parts of an upload that never ended go."""


class Bucket(AwsComponent):
    """The bucket: `name`, `arn`; `url(prefix)`."""

    def __init__(self, name: str, account: Account, plan: BucketPlan, protection: Protection) -> None:
        """Make the bucket and everything that closes it."""
        super().__init__(name, account)
        bucket = aws.s3.Bucket(
            "data",
            bucket_prefix=f"{account.name}-data-",
            force_destroy=not protection.on,
            opts=self.data(protection),
        )
        self.name: pulumi.Output[str] = bucket.id
        self.arn: pulumi.Output[str] = bucket.arn
        self._close()
        self._keep(plan)
        self.finish(name=self.name)

    def url(self, prefix: str) -> pulumi.Output[str]:
        """Return the address of a prefix."""
        return pulumi.Output.concat("s3://", self.name, "/", prefix)

    def _close(self) -> None:
        blocked = aws.s3.BucketPublicAccessBlock(
            "data",
            bucket=self.name,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child(),
        )
        aws.s3.BucketOwnershipControls(
            "data", bucket=self.name, rule={"object_ownership": "BucketOwnerEnforced"}, opts=self.child()
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            "data",
            bucket=self.name,
            rules=[
                {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}, "bucket_key_enabled": True}
            ],
            opts=self.child(),
        )
        aws.s3.BucketPolicy("data", bucket=self.name, policy=bucket_policy(self.arn), opts=self.child(blocked))

    def _keep(self, plan: BucketPlan) -> None:
        versions = aws.s3.BucketVersioning(
            "data", bucket=self.name, versioning_configuration={"status": "Enabled"}, opts=self.child()
        )
        aws.s3.BucketLifecycleConfiguration(
            "data",
            bucket=self.name,
            rules=[
                {
                    "id": "old-versions",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "noncurrent_version_expiration": {"noncurrent_days": plan.old_versions_days},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": UNFINISHED_DAYS},
                }
            ],
            opts=self.child(versions),
        )


def bucket_policy(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the bucket's own policy: nobody without TLS 1.2."""
    everything = [arn, pulumi.Output.concat(arn, "/*")]
    return document(
        deny_to_all(("s3:*",), everything, {"Bool": {"aws:SecureTransport": "false"}}),
        deny_to_all(("s3:*",), everything, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
    )
