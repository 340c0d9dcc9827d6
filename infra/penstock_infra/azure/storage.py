"""What all storage accounts have in common: closed to the internet, no keys, TLS, encrypted."""

from __future__ import annotations

from typing import Any

import pulumi

from penstock_infra.azure.names import account_name
from penstock_infra.azure.site import Site


def closed_account(site: Site, kind: str) -> dict[str, Any]:
    """Return the arguments of a storage account that only private endpoints and identities reach."""
    return {
        "account_name": site.suffix.apply(lambda suffix: account_name(site.stem, kind, suffix)),
        "resource_group_name": site.group,
        "location": site.location,
        "public_network_access": "Disabled",
        "network_rule_set": {"default_action": "Deny", "bypass": "AzureServices"},
        "allow_blob_public_access": False,
        "allow_shared_key_access": False,
        "allow_cross_tenant_replication": False,
        "minimum_tls_version": "TLS1_2",
        "encryption": {
            "key_source": "Microsoft.Storage",
            "services": {part: {"enabled": True, "key_type": "Account"} for part in ("blob", "file")},
        },
    }


def container_id(account_id: pulumi.Input[str], container: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the id of a blob container as roles are assigned on it."""
    return pulumi.Output.concat(account_id, "/blobServices/default/containers/", container)
