"""Rules for buckets and storage accounts: closed to the public, by TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator

from penstock_infra.policy.documents import statements_of
from penstock_infra.policy.rule import Resource, Rule, Stack, StackRule
from penstock_infra.policy.values import FALSE, TRUE, Must, one_of

BUCKET = "aws:s3/bucket:Bucket"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
GOOGLE_BUCKET = "gcp:storage/bucket:Bucket"
ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"


def refuses_plain(resource: Resource) -> Iterator[str]:
    """`policy` denies what comes without TLS (`aws:SecureTransport`)."""
    found = statements_of(resource.get("policy"))
    if found is not None and not any(
        one.get("Effect") == "Deny" and "aws:SecureTransport" in json.dumps(one.get("Condition", {})) for one in found
    ):
        yield "the bucket answers without TLS; deny what has aws:SecureTransport false in policy"


def blobs_by_tls(resource: Resource) -> Iterator[str]:
    """`enableHttpsTrafficOnly` is true, but for accounts of NFS shares."""
    if resource.text("kind") != "FileStorage":
        yield from Must("enableHttpsTrafficOnly", TRUE, "the account answers without TLS")(resource)


CLOSED = Rule(
    "storage-closed",
    "Buckets are closed to the public, whatever a policy or a list of access says.",
    {
        BLOCK: [
            Must(name, TRUE, "the public may be let in")
            for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        ],
        BUCKET_POLICY: [refuses_plain],
        GOOGLE_BUCKET: [
            Must("publicAccessPrevention", one_of("enforced"), "the public may be let in"),
            Must("uniformBucketLevelAccess", TRUE, "single objects may be opened to anyone"),
        ],
        ACCOUNT: [
            Must("allowBlobPublicAccess", FALSE, "the public may be let in"),
            Must("publicNetworkAccess", one_of("Disabled"), "the account answers on the internet"),
            Must("networkRuleSet.defaultAction", one_of("Deny"), "every network is let in"),
            Must("minimumTlsVersion", one_of("TLS1_2", "TLS1_3"), "old versions of TLS are accepted"),
            blobs_by_tls,
        ],
        CONTAINER: [Must("publicAccess", one_of("None"), "anyone may read")],
    },
    exceptions=("Azure: accounts of NFS shares, for NFS has no TLS there; only the network reaches them.",),
)


def buckets_closed(stack: Stack) -> Iterator[str]:
    """Each bucket of S3 has a public access block, a policy and an encryption of its own."""
    for kind, wrong in (
        (BLOCK, "the public may be let in"),
        (BUCKET_POLICY, "it answers without TLS"),
        (ENCRYPTION, "its encryption is whatever the account's is"),
    ):
        known = {name for one in stack.of(kind) for name in one.texts("bucket")}
        for bucket in stack.of(BUCKET):
            if stack.knows([bucket, *stack.of(kind)], "bucket") and bucket.text("bucket") not in known:
                yield bucket.told(f"{wrong}; add a {kind.rpartition(':')[2]} for it")


BLOCKED = StackRule("bucket-blocked", "Each bucket has what closes it.", {"aws": [buckets_closed]})

RULES = (CLOSED,)
STACK_RULES = (BLOCKED,)
