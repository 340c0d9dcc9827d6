"""Rules for secret stores and keys: read by role, closed to the internet, and not to be purged."""

from __future__ import annotations

from penstock_infra.policy.rule import Rule
from penstock_infra.policy.values import TRUE, Kind, Must, one_of

NOT_OFF = Kind("true", lambda value: value in (None, True, "true"))

GUARDED = Rule(
    "vault-guarded",
    "Secrets and keys are read by role, from inside, and nobody deletes them for good in a moment.",
    {
        "azure-native:keyvault:Vault": [
            Must("properties.enableRbacAuthorization", TRUE, "access goes by the vault's own lists, not by roles"),
            Must("properties.enablePurgeProtection", TRUE, "a deleted vault may be purged"),
            Must("properties.enableSoftDelete", NOT_OFF, "a deleted vault is gone at once"),
            Must("properties.publicNetworkAccess", one_of("Disabled"), "the vault answers on the internet"),
        ],
        "aws:kms/key:Key": [Must("enableKeyRotation", TRUE, "the key never changes")],
    },
    exceptions=("AWS and GCP: secrets are read by role alone, and deleted ones of AWS can be called back.",),
)

RULES = (GUARDED,)
