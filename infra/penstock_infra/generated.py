"""The secrets that a stack makes for itself: kept in the cloud's secret manager and, encrypted, in the state."""

from __future__ import annotations

import pulumi
import pulumi_random as random

from penstock_infra.component import Component

KEY_BYTES = 32
OWNER_CODE_LENGTH = 24
PASSWORD_LENGTH = 32


class GeneratedSecrets(Component):
    """Random values, each made once and kept for the life of the stack."""

    cloud = "any"

    def __init__(self, name: str, *, passwords: tuple[str, ...], opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the encryption key, the one-time owner code, and a password for each name."""
        super().__init__(name, opts)
        key = random.RandomBytes("encryption-key", length=KEY_BYTES, opts=self.child())
        # Fernet's alphabet is the one for URLs.
        self.encryption_key = pulumi.Output.secret(
            key.base64.apply(lambda text: text.replace("+", "-").replace("/", "_"))
        )
        self.owner_code: pulumi.Output[str] = self._password("owner-code", OWNER_CODE_LENGTH)
        self.passwords: dict[str, pulumi.Output[str]] = {
            which: self._password(f"{which}-password", PASSWORD_LENGTH) for which in passwords
        }
        self.finish()

    def _password(self, name: str, length: int) -> pulumi.Output[str]:
        # Letters and digits only: such a password needs no quoting in a URL, and 24 of them hold 142 bits.
        made = random.RandomPassword(name, length=length, special=False, opts=self.child())
        result: pulumi.Output[str] = pulumi.Output.secret(made.result)
        return result
