"""Rules for the NFS share: encrypted where the cloud can, and backed up."""

from __future__ import annotations

import json
from collections.abc import Iterator

from penstock_infra.policy.documents import statements_of
from penstock_infra.policy.rule import Resource, Rule, Stack, StackRule
from penstock_infra.policy.values import TRUE, Must, at_least, one_of, protects_data

LEAST_DAYS = 7
EFS = "aws:efs/fileSystem:FileSystem"
EFS_POLICY = "aws:efs/fileSystemPolicy:FileSystemPolicy"
BACKUP_PLAN = "aws:backup/plan:Plan"
SELECTION = "aws:backup/selection:Selection"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
FILESTORE = "gcp:filestore/instance:Instance"
GOOGLE_PLAN = "gcp:backupdisasterrecovery/backupPlan:BackupPlan"
ASSOCIATION = "gcp:backupdisasterrecovery/backupPlanAssociation:BackupPlanAssociation"
FILE_SHARE = "azure-native:storage:FileShare"
FILE_SERVICE = "azure-native:storage:FileServiceProperties"
WORLD = frozenset({"0.0.0.0/0", "::/0", "*"})


def mounts_by_tls(resource: Resource) -> Iterator[str]:
    """Each EFS volume is mounted with `transitEncryption` ENABLED and by IAM."""
    for volume in resource.each("volumes"):
        for mount in volume.each("efsVolumeConfiguration"):
            yield from Must("transitEncryption", one_of("ENABLED"), "files travel without TLS")(mount)
            yield from Must("authorizationConfig.iam", one_of("ENABLED"), "anyone in the network may mount it")(mount)


def refuses_plain(resource: Resource) -> Iterator[str]:
    """`policy` denies what comes without TLS (`aws:SecureTransport`)."""
    found = statements_of(resource.get("policy"))
    if found is not None and not any(
        one.get("Effect") == "Deny" and "aws:SecureTransport" in json.dumps(one.get("Condition", {})) for one in found
    ):
        yield "clients may mount the share without TLS; deny what has aws:SecureTransport false in policy"


def keeps_backups(resource: Resource) -> Iterator[str]:
    """Each of `rules` keeps backups for 7 days or more (`lifecycle.deleteAfter`)."""
    for rule in resource.each("rules"):
        yield from Must("lifecycle.deleteAfter", at_least(LEAST_DAYS), "backups go too soon")(rule)


def keeps_google_backups(resource: Resource) -> Iterator[str]:
    """Each of `backupRules` keeps backups for 7 days or more."""
    for rule in resource.each("backupRules"):
        yield from Must("backupRetentionDays", at_least(LEAST_DAYS), "backups go too soon")(rule)


def opens_to_known_networks(resource: Resource) -> Iterator[str]:
    """No `nfsExportOptions` let the whole world mount it."""
    for share in resource.each("fileShares"):
        for option in share.each("nfsExportOptions"):
            if WORLD & set(option.texts("ipRanges")):
                yield f"anyone may mount the share; name the services' subnet in {option.at}.ipRanges"


ENCRYPTED = Rule(
    "share-encrypted",
    "The share is encrypted at rest, and on the way where the cloud can.",
    {
        EFS: [Must("encrypted", TRUE, "files are not encrypted")],
        EFS_POLICY: [refuses_plain],
        TASK: [mounts_by_tls],
        FILESTORE: [opens_to_known_networks],
    },
    exceptions=(
        "GCP and Azure encrypt files at rest whatever is asked.",
        "Filestore and Azure's NFS have no TLS on the way, and the stack's outputs say so.",
        "Kubernetes: by the storage class, which is the cluster's.",
    ),
)

BACKED_UP = Rule(
    "share-backed-up",
    f"Backups of the share are kept for {LEAST_DAYS} days or more.",
    {
        BACKUP_PLAN: [keeps_backups],
        GOOGLE_PLAN: [keeps_google_backups],
        FILE_SERVICE: [
            Must("shareDeleteRetentionPolicy.enabled", TRUE, "a deleted share is gone at once"),
            Must("shareDeleteRetentionPolicy.days", at_least(LEAST_DAYS), "a deleted share goes too soon"),
        ],
    },
    exceptions=(
        "Azure has no backups of NFS shares: what can be had is that a deleted share comes back.",
        "Kubernetes: the share is a claim on the cluster's own storage, whose backups are the operator's.",
    ),
)


def efs_guarded(stack: Stack) -> Iterator[str]:
    """Each EFS file system has a policy, and is in a selection of AWS Backup."""
    for files in stack.of(EFS):
        yield from _there(stack, files, EFS_POLICY, "has no policy: whoever reaches its address may mount it")
        yield from _there(stack, files, SELECTION, "nothing backs it up")


def filestore_backed_up(stack: Stack) -> Iterator[str]:
    """Each Filestore instance is associated with a backup plan where `protectData` is on."""
    for files in stack.of(FILESTORE) if protects_data(stack.config) else ():
        yield from _there(stack, files, ASSOCIATION, "nothing backs it up")


def file_share_kept(stack: Stack) -> Iterator[str]:
    """Accounts with file shares have `FileServiceProperties`, by which a deleted share comes back."""
    for files in stack.of(FILE_SHARE):
        yield from _there(stack, files, FILE_SERVICE, "a deleted share is gone at once")


def _there(stack: Stack, files: Resource, kind: str, wrong: str) -> Iterator[str]:
    if len(stack.of(kind)) < len(stack.of(files.type)):
        yield files.told(f"{wrong}; add a {kind.rpartition(':')[2]}")


KEPT = StackRule(
    "share-kept",
    "The share has what guards it and what backs it up.",
    {"aws": [efs_guarded], "gcp": [filestore_backed_up], "azure": [file_share_kept]},
)

RULES = (ENCRYPTED, BACKED_UP)
STACK_RULES = (KEPT,)
