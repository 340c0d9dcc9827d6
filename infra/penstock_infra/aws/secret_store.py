"""Secrets Manager: one secret an entry. RDS keeps the database's password there too, as one of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.component import Protection
from penstock_platform.blueprint import SecretName

RECOVERY_DAYS = 30
MADE_ANEW = frozenset({SecretName.REDIS_URL, SecretName.OWNER_CODE})
"""Secrets that hold nothing which is lost with them."""


class SecretStore(AwsComponent):
    """The stack's secrets: `arn(name)`, `place` in words."""

    def __init__(
        self, name: str, account: Account, values: Mapping[SecretName, pulumi.Output[str]], protection: Protection
    ) -> None:
        """Make a secret for each value. Names get a suffix: that of a deleted secret stays taken for weeks."""
        super().__init__(name, account)
        self._arns: dict[SecretName, pulumi.Output[str]] = {}
        self.place = f"Secrets Manager in {account.region}, under {account.name}/"
        for which, value in values.items():
            kept = Protection(protection.on and which not in MADE_ANEW)
            secret = aws.secretsmanager.Secret(
                which.value,
                name_prefix=f"{account.name}/{which}-",
                recovery_window_in_days=RECOVERY_DAYS if kept.on else 0,
                opts=self.data(kept),
            )
            version = aws.secretsmanager.SecretVersion(
                which.value, secret_id=secret.id, secret_string=value, opts=self.data(kept)
            )
            # Known once the value is there: whoever is given the ARN can read it.
            self._arns[which] = version.secret_arn
        self.finish()

    def arn(self, name: SecretName) -> pulumi.Output[str]:
        """Return the ARN of a secret. Raises KeyError for one that the stack does not have."""
        return self._arns[name]

    def arns(self, names: Iterable[SecretName]) -> list[pulumi.Output[str]]:
        """Return the ARNs of several."""
        return [self.arn(name) for name in names]
