"""Rules for registries: tags never move, images are scanned, and nobody signs in with a shared password."""

from __future__ import annotations

from penstock_infra.policy.rule import Rule
from penstock_infra.policy.values import FALSE, NOT_TRUE, TRUE, Kind, Must, one_of

NOT_OFF = Kind("INHERITED", lambda value: value != "DISABLED")

CLOSED = Rule(
    "registry-closed",
    "A tag of the registry never moves, images in it are scanned, and identities alone reach it.",
    {
        "aws:ecr/repository:Repository": [
            Must("imageTagMutability", one_of("IMMUTABLE"), "a tag may be moved to another image"),
            Must("imageScanningConfiguration.scanOnPush", TRUE, "images are not scanned"),
        ],
        "gcp:artifactregistry/repository:Repository": [
            Must("dockerConfig.immutableTags", TRUE, "a tag may be moved to another image"),
            Must("vulnerabilityScanningConfig.enablementConfig", NOT_OFF, "images are not scanned"),
        ],
        "azure-native:containerregistry:Registry": [
            Must("adminUserEnabled", FALSE, "a shared user with a password may push"),
            Must("anonymousPullEnabled", NOT_TRUE, "anybody may pull"),
        ],
    },
    exceptions=(
        "Azure: tags and scans are no property of the registry; images are taken by digest all the same.",
        "Kubernetes: the registry is the operator's own.",
    ),
)

RULES = (CLOSED,)
