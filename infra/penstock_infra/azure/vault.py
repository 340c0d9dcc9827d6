"""The secrets: a key vault that only the network reaches, one entry for each secret of the blueprint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.doors import Behind, PrivateDoor
from penstock_infra.azure.names import vault_name
from penstock_infra.azure.premises import Premises
from penstock_infra.component import Component
from penstock_platform.blueprint import SecretName

KEPT_DAYS = 30
"""How long a deleted vault can be brought back; purge protection lets nobody shorten it."""


class Vault(Component):
    """The vault: `uri`, and in `secrets` each entry by name."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        premises: Premises,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the vault and its door; `keep` and `keep_for` fill it."""
        super().__init__(name, opts)
        site, protection = premises.site, premises.protection
        self._site, self._protection = site, protection
        self.vault: Any = azure_native.keyvault.Vault(
            "vault",
            # A deleted vault keeps its name until it is purged, so the name ends in the stack's own suffix.
            vault_name=site.suffix.apply(lambda suffix: vault_name(site.stem, suffix)),
            resource_group_name=site.group,
            location=site.location,
            properties={
                "tenant_id": site.tenant,
                "sku": {"family": "A", "name": "standard"},
                "enable_rbac_authorization": True,
                "enable_soft_delete": True,
                "enable_purge_protection": True,
                "soft_delete_retention_in_days": KEPT_DAYS,
                "public_network_access": "Disabled",
                "network_acls": {"default_action": "Deny", "bypass": "AzureServices"},
            },
            opts=self.data(protection),
        )
        behind = Behind(self.vault.id, "vault", "privatelink.vaultcore.azure.net")
        self.open = PrivateDoor("vault", premises=premises, behind=behind, opts=self.child()).open
        self.name: pulumi.Output[str] = self.vault.name
        self.uri = pulumi.Output.concat("https://", self.name, ".vault.azure.net/")
        self.secrets: dict[SecretName, Any] = {}
        self.finish(name=self.name, uri=self.uri)

    def keep(self, secret: SecretName, value: pulumi.Output[str]) -> None:
        """Make an entry that lives as long as the stack."""
        self.secrets[secret] = self._entry(secret, secret.value, value, self.data(self._protection))

    def keep_for(self, mark: pulumi.Output[str], secret: SecretName, value: pulumi.Output[str]) -> None:
        """Make an entry for something that may come and go: its name ends in the mark, another one each time."""
        name = pulumi.Output.concat(secret.value, "-", mark)
        self.secrets[secret] = self._entry(secret, name, value, self.child())

    def _entry(
        self, secret: SecretName, name: pulumi.Input[str], value: pulumi.Output[str], opts: pulumi.ResourceOptions
    ) -> Any:
        return azure_native.keyvault.Secret(
            secret.value,
            secret_name=name,
            resource_group_name=self._site.group,
            vault_name=self.vault.name,
            properties={"value": value, "content_type": "text/plain"},
            # Deleting an entry takes a right and a network path that whoever runs the stack need not have, and its name
            # stays taken. So an entry that the stack no longer has stays, and goes with its vault.
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=True)),
        )

    def reference(self, secret: SecretName) -> pulumi.Output[str]:
        """Return the address of a secret's present version. An address is no secret."""
        entry = self.secrets[secret]
        # Known once the entry has an id: what Azure adds to the properties that were given is not there before.
        made = pulumi.Output.all(entry.id, entry.properties.secret_uri_with_version)
        return pulumi.Output.unsecret(made.apply(lambda found: str(found[1])))

    def address(self, secret: SecretName) -> pulumi.Output[str]:
        """Return the address of a secret whatever its version."""
        return pulumi.Output.concat(self.uri, "secrets/", self.secrets[secret].name)

    def entry_id(self, secret: SecretName) -> pulumi.Output[str]:
        """Return the resource id of a secret, on which roles are assigned."""
        found: pulumi.Output[str] = self.secrets[secret].id
        return found

    def versions(self, secrets: Iterable[SecretName]) -> pulumi.Output[str]:
        """Return twelve digits that change when one of these secrets does."""
        addresses = pulumi.Output.all(*(self.reference(secret) for secret in secrets))
        return addresses.apply(lambda found: hashlib.sha256("\n".join(map(str, found)).encode()).hexdigest()[:12])
