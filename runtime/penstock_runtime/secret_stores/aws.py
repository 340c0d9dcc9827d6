"""Secrets that AWS Secrets Manager keeps for us."""

from __future__ import annotations

from penstock_runtime.domain.errors import InvalidInput, StoreUnavailable

CONNECT_SECONDS = 2
READ_SECONDS = 3
_ARN_PARTS = 7


def read_secret(name: str, region: str | None = None) -> str:
    """Return the present text of a secret, by ARN (whose region is taken) or name, with this process's own identity.

    `region` is where a plain name is looked for; None leaves that to boto3's own settings.

    InvalidInput when boto3 is not installed. StoreUnavailable, with AWS' own reason, when the secret cannot be read: it
    may be a network that is away, a role that changes in a moment, or a name that is wrong.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise InvalidInput(
            "PENSTOCK_DB_SECRET: reading AWS secrets needs the extra `aws` (`pip install 'penstock[aws]'`)",
            "PENSTOCK_DB_SECRET",
        ) from None
    patience = Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 2})
    try:
        # A session of its own: the module's shared one is not safe between threads.
        client = boto3.session.Session().client(
            "secretsmanager", region_name=region_of(name) or region, config=patience
        )
        return str(client.get_secret_value(SecretId=name)["SecretString"])
    except KeyError:
        raise InvalidInput(f"PENSTOCK_DB_SECRET: {name} holds bytes, not text", "PENSTOCK_DB_SECRET") from None
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailable(f"the database's password cannot be read from {name}: {error}") from error


def region_of(name: str) -> str | None:
    """Return the region that an ARN names; None for a plain name."""
    parts = name.split(":", _ARN_PARTS - 1)
    return parts[3] if len(parts) == _ARN_PARTS and parts[0] == "arn" else None
