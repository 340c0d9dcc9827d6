"""Rules for what holds data: Pulumi refuses to delete it."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_infra.policy.rule import Resource, Rule
from penstock_infra.policy.values import protects_data

HOLDING_DATA = (
    "aws:backup/vault:Vault",
    "aws:efs/fileSystem:FileSystem",
    "aws:rds/instance:Instance",
    "aws:s3/bucket:Bucket",
    "azure-native:dbforpostgresql:Database",
    "azure-native:dbforpostgresql:Server",
    "azure-native:keyvault:Vault",
    "azure-native:storage:BlobContainer",
    "azure-native:storage:FileShare",
    "azure-native:storage:StorageAccount",
    "gcp:filestore/instance:Instance",
    "gcp:sql/database:Database",
    "gcp:sql/databaseInstance:DatabaseInstance",
    "kubernetes:core/v1:PersistentVolumeClaim",
)
"""What holds data, whatever it is called."""
SECRETS = (
    "aws:secretsmanager/secret:Secret",
    "azure-native:keyvault:Secret",
    "gcp:secretmanager/secret:Secret",
    "kubernetes:core/v1:Secret",
)
LOCKING = "encryption-key"
"""The name of the secret without which what is in the database cannot be read."""
GOOGLE_BUCKET = "gcp:storage/bucket:Bucket"


def protected(resource: Resource) -> Iterator[str]:
    """It is protected where `protectData` is on."""
    if protects_data(resource.config) and not resource.protect:
        yield "holds data and is not protected; set protect in its options"


def key_protected(resource: Resource) -> Iterator[str]:
    """The secret `encryption-key` is protected where `protectData` is on."""
    if resource.name == LOCKING:
        yield from protected(resource)


def bucket_protected(resource: Resource) -> Iterator[str]:
    """It is protected where `protectData` is on, unless it is made to be emptied (`forceDestroy`)."""
    if resource.get("forceDestroy") is not True:
        yield from protected(resource)


PROTECTED = Rule(
    "data-protected",
    "What holds data is protected: `pulumi destroy` refuses until `protectData` is off.",
    {
        **{kind: [protected] for kind in HOLDING_DATA},
        **{kind: [key_protected] for kind in SECRETS},
        GOOGLE_BUCKET: [bucket_protected],
    },
    exceptions=("GCP: Dataproc's own bucket, whose files end with the work that they are for.",),
)

RULES = (PROTECTED,)
