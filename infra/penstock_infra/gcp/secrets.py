"""The stack's secrets: one entry of Secret Manager each, read by version, so that a change makes a revision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import SecretName

KEPT = (SecretName.ENCRYPTION_KEY, SecretName.DATABASE_PASSWORD)
"""Without the first, what is encrypted in the database is lost; the second opens a database that is kept."""
AUTHORITY_FOLDER = "/etc/penstock"


@dataclass(frozen=True)
class Entry:
    """A secret and its version."""

    secret: gcp.secretmanager.Secret
    version: gcp.secretmanager.SecretVersion

    @property
    def reference(self) -> dict[str, Any]:
        """The entry as the source of an environment variable of Cloud Run."""
        return {"secret_key_ref": {"secret": self.secret.secret_id, "version": self.version.version}}


@dataclass(frozen=True)
class Authority:
    """A certificate authority, kept as a secret because that is what Cloud Run mounts as a file."""

    name: str
    entry: Entry

    @property
    def folder(self) -> str:
        """Where containers find it."""
        return f"{AUTHORITY_FOLDER}/{self.name}"

    @property
    def volume(self) -> dict[str, Any]:
        """The volume that holds `ca.pem`."""
        item = {"path": "ca.pem", "version": self.entry.version.version}
        return {"name": self.name, "secret": {"secret": self.entry.secret.secret_id, "items": [item]}}


def authority_file(name: str) -> str:
    """Return the path of an authority's certificates in every container that has it."""
    return f"{AUTHORITY_FOLDER}/{name}/ca.pem"


class Secrets(GcpComponent):
    """Attributes: `entries` by name, `authorities` in order."""

    needs = ("secretmanager",)

    def __init__(
        self,
        site: Site,
        values: Mapping[SecretName, pulumi.Input[str]],
        authorities: Mapping[str, pulumi.Input[str]],
    ) -> None:
        """Keep each value, and each authority's PEM by its name."""
        super().__init__("secrets", site)
        self.entries = {name: self._entry(name.value, value, kept=name in KEPT) for name, value in values.items()}
        self.authorities = tuple(
            Authority(name, self._entry(name, certificates, kept=False)) for name, certificates in authorities.items()
        )
        self.finish()

    def _entry(self, name: str, value: pulumi.Input[str], *, kept: bool) -> Entry:
        opts = self.data(self.site.protection) if kept else self.child()
        secret = gcp.secretmanager.Secret(
            name,
            secret_id=self.site.called(name),
            replication={"auto": {}},
            deletion_protection=kept and self.site.protection.on,
            labels=self.site.labels,
            opts=opts,
        )
        # A password's version may go, for the next one to come: what a rotation replaces is not protected.
        given_out = name == SecretName.DATABASE_PASSWORD
        version = gcp.secretmanager.SecretVersion(
            name, secret=secret.id, secret_data=value, opts=self.child() if given_out else opts
        )
        return Entry(secret, version)
