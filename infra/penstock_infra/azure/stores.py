"""What holds data: share, bucket, Postgres, Redis, and the vault with every secret."""

from __future__ import annotations

from penstock_infra.azure.bucket import Bucket
from penstock_infra.azure.cache import Cache
from penstock_infra.azure.database import Database
from penstock_infra.azure.foundation import DATABASE, Foundation
from penstock_infra.azure.share import Share
from penstock_infra.azure.vault import Vault
from penstock_platform.blueprint import SecretName


class Stores:
    """The components that hold data; `cache` is None where the topology has no Redis."""

    def __init__(self, on: Foundation) -> None:
        """Make them, and keep the stack's secrets."""
        self.share = Share("share", premises=on.premises, plan=on.blueprint.share, opts=on.opts)
        self.bucket = Bucket("bucket", premises=on.premises, plan=on.blueprint.bucket, opts=on.opts)
        self.database = Database(
            "database",
            premises=on.premises,
            plan=on.blueprint.database,
            password=on.generated.passwords[DATABASE],
            opts=on.opts,
        )
        plan = on.blueprint.cache
        self.cache = None if plan is None else Cache("cache", premises=on.premises, plan=plan, opts=on.opts)
        self.vault = Vault("vault", premises=on.premises, opts=on.opts)
        self._keep_secrets(on)

    def _keep_secrets(self, on: Foundation) -> None:
        values = {
            SecretName.ENCRYPTION_KEY: on.generated.encryption_key,
            SecretName.OWNER_CODE: on.generated.owner_code,
            SecretName.DATABASE_PASSWORD: on.generated.passwords[DATABASE],
        }
        for secret in on.blueprint.secrets:
            if secret in values:
                self.vault.keep(secret, values[secret])
        if self.cache is not None:
            self.vault.keep_for(self.cache.mark, SecretName.REDIS_URL, self.cache.url)
