"""One service account per identity, and its rights on secrets and bucket. Members are added, never set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.bucket import Bucket
from penstock_infra.gcp.secrets import Secrets
from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import IdentityPlan, Permission


class Accounts(GcpComponent):
    """The accounts by name of identity. None has a key: Cloud Run and Dataproc lend them to what they run."""

    needs = ("iam",)

    def __init__(self, site: Site, identities: tuple[IdentityPlan, ...]) -> None:
        """Make an account for each identity."""
        super().__init__("accounts", site)
        self._accounts = {
            identity.name: gcp.serviceaccount.Account(
                identity.name,
                account_id=site.called(identity.name),
                display_name=f"Penstock {site.name}: {identity.name}",
                opts=self.child(),
            )
            for identity in identities
        }
        self.finish()

    def email(self, name: str) -> pulumi.Output[str]:
        """Return an account's address."""
        email: pulumi.Output[str] = self._accounts[name].email
        return email

    def member(self, name: str) -> pulumi.Output[str]:
        """Return an account as policies write it."""
        return pulumi.Output.concat("serviceAccount:", self.email(name))

    def resource(self, name: str) -> pulumi.Output[str]:
        """Return an account's resource name, on which rights to act as it are given."""
        resource: pulumi.Output[str] = self._accounts[name].name
        return resource


@dataclass(frozen=True, kw_only=True)
class GrantsArgs:
    """The identities, their accounts, and what they are given rights on."""

    identities: tuple[IdentityPlan, ...]
    accounts: Accounts
    secrets: Secrets
    bucket: Bucket


class Grants(GcpComponent):
    """Rights on secrets and bucket. `before` are the grants of each identity that a container needs to start.

    Images are pulled and logs are taken by Cloud Run itself, and the share is mounted by network: no rights for those.
    """

    needs = ("iam",)

    def __init__(self, site: Site, args: GrantsArgs) -> None:
        """Give each identity what its plan says."""
        super().__init__("grants", site)
        self.before = {
            identity.name: (*self._secrets(identity, args), *self._bucket(identity, args))
            for identity in args.identities
        }
        self.finish()

    def _secrets(self, identity: IdentityPlan, args: GrantsArgs) -> Iterator[pulumi.Resource]:
        if Permission.READ_SECRETS not in identity.may:
            return
        read = {name.value: args.secrets.entries[name] for name in identity.secrets}
        read |= {authority.name: authority.entry for authority in args.secrets.authorities}
        for name, entry in read.items():
            yield gcp.secretmanager.SecretIamMember(
                f"{identity.name}-{name}",
                secret_id=entry.secret.id,
                role="roles/secretmanager.secretAccessor",
                member=args.accounts.member(identity.name),
                opts=self.child(),
            )

    def _bucket(self, identity: IdentityPlan, args: GrantsArgs) -> Iterator[pulumi.Resource]:
        if Permission.USE_BUCKET in identity.may:
            yield gcp.storage.BucketIAMMember(
                f"{identity.name}-bucket",
                bucket=args.bucket.name,
                role="roles/storage.objectUser",
                member=args.accounts.member(identity.name),
                opts=self.child(),
            )


def allowed(identities: tuple[IdentityPlan, ...], permission: Permission) -> list[str]:
    """Return the names of the identities that may do this."""
    return [identity.name for identity in identities if permission in identity.may]
