"""The stack's secrets, one Secret each; pods refer to the one key that they need, and never hold the whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component, Protection
from penstock_infra.generated import GeneratedSecrets
from penstock_infra.kubernetes.scope import Scope
from penstock_platform.blueprint import SecretName

KEY = "value"
LOCKS_DATA = frozenset({SecretName.ENCRYPTION_KEY, SecretName.DATABASE_PASSWORD})
"""Without them what the stack keeps cannot be read again; the others can be made anew."""
EXTERNAL_KEY = "url"
"""The key of a Secret that the operator made for a database or a Redis outside the stack."""


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """`names` are the blueprint's; `redis_host` is what the URL of a Redis in the cluster begins with, None without."""

    scope: Scope
    names: Sequence[SecretName]
    redis_host: str | None
    in_cluster_database: bool
    protection: Protection


class Secrets(Component):
    """The Secrets that a stack makes. `references` says in which Secret and under which key a value is."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make a random value for each secret, and its Secret."""
        super().__init__(name, opts)
        passwords = [*(["database"] if args.in_cluster_database else []), *(["redis"] if args.redis_host else [])]
        generated = GeneratedSecrets("generated", passwords=tuple(passwords), opts=self.child())
        self.passwords = generated.passwords
        self.values = dict(self._values(args, generated))
        self.made = [self._secret(args, which, value) for which, value in self.values.items()]
        self.references = {which: (which.value, KEY) for which in self.values}
        self.finish()

    def _values(self, args: SecretsArgs, generated: GeneratedSecrets) -> Mapping[SecretName, pulumi.Output[str]]:
        values = {SecretName.ENCRYPTION_KEY: generated.encryption_key, SecretName.OWNER_CODE: generated.owner_code}
        if args.in_cluster_database:
            values[SecretName.DATABASE_PASSWORD] = generated.passwords["database"]
        if args.redis_host:
            values[SecretName.REDIS_URL] = pulumi.Output.concat(
                "redis://:", generated.passwords["redis"], "@", args.redis_host, "/0"
            )
        return {which: values[which] for which in args.names if which in values}

    def _secret(self, args: SecretsArgs, which: SecretName, value: pulumi.Output[str]) -> pulumi.Resource:
        made: pulumi.Resource = k8s.core.v1.Secret(
            which.value,
            metadata=args.scope.metadata(which.value, component="secrets"),
            type="Opaque",
            string_data={KEY: value},
            opts=self.data(args.protection if which in LOCKS_DATA else Protection(on=False), args.scope.made),
        )
        return made

    def checksum(self, names: Sequence[SecretName]) -> pulumi.Output[str]:
        """Return digits that change with a value: on a pod's metadata they start it anew, with the new value.

        They say nothing of the values, each of which holds more than 140 random bits.
        """
        return checksum(*(self.values[name] for name in names if name in self.values))


def checksum(*values: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return 16 hexadecimal digits of these values, fit to be seen."""
    digits = pulumi.Output.all(*values).apply(
        lambda found: hashlib.sha256("\0".join(found).encode()).hexdigest()[:16],
    )
    return pulumi.Output.unsecret(digits)
