"""Connection profiles of `io_config.yaml`, rendered by the platform and asked for over the control socket."""

from __future__ import annotations

from enum import Enum
from typing import Any

from penstock import session

_NAMES = """
AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION AWS_ENDPOINT AWS_ROLE_ARN
AZURE_CLIENT_ID AZURE_CLIENT_SECRET AZURE_STORAGE_ACCOUNT_NAME AZURE_TENANT_ID
DUCKDB_DATABASE DUCKDB_SCHEMA SQLITE_DATABASE
GOOGLE_SERVICE_ACC_KEY GOOGLE_SERVICE_ACC_KEY_FILEPATH GOOGLE_LOCATION
MYSQL_CONNECTION_METHOD MYSQL_DATABASE MYSQL_HOST MYSQL_PASSWORD MYSQL_PORT MYSQL_USER
POSTGRES_CONNECT_TIMEOUT POSTGRES_CONNECTION_METHOD POSTGRES_DBNAME POSTGRES_HOST POSTGRES_PASSWORD POSTGRES_PORT
POSTGRES_SCHEMA POSTGRES_SSLMODE POSTGRES_USER
REDSHIFT_CLUSTER_ID REDSHIFT_DBNAME REDSHIFT_DBUSER REDSHIFT_HOST REDSHIFT_IAM_PROFILE REDSHIFT_PORT REDSHIFT_SCHEMA
REDSHIFT_TEMP_CRED_PASSWORD REDSHIFT_TEMP_CRED_USER
SNOWFLAKE_ACCOUNT SNOWFLAKE_DEFAULT_DB SNOWFLAKE_DEFAULT_SCHEMA SNOWFLAKE_DEFAULT_WH SNOWFLAKE_PASSWORD
SNOWFLAKE_PRIVATE_KEY_PASSPHRASE SNOWFLAKE_PRIVATE_KEY_PATH SNOWFLAKE_ROLE SNOWFLAKE_TIMEOUT SNOWFLAKE_USER
"""

ConfigKey = Enum("ConfigKey", {name: name for name in _NAMES.split()}, type=str)  # type: ignore[misc]
ConfigKey.__doc__ = "The keys of a profile that readers and writers know."


class ConfigError(KeyError):
    """A profile lacks a key; the message names both."""

    def __str__(self) -> str:
        return str(self.args[0])


class Profile:
    """One profile: a read-only mapping whose keys may be texts or `ConfigKey`s."""

    def __init__(self, values: dict[str, Any], name: str = "default") -> None:
        self.config = dict(values)
        self.name = name

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, or the default when the key is absent or null."""
        value = self.config.get(str(getattr(key, "value", key)))
        return default if value is None else value

    def require(self, key: str) -> Any:
        """The value. Raises ConfigError naming the key and the profile when it is absent."""
        value = self.get(key)
        if value is None:
            raise ConfigError(
                f"the profile {self.name!r} of io_config.yaml has no {key}, or what its template asks for is not set"
            )
        return value

    def __getitem__(self, key: Any) -> Any:
        return self.require(str(getattr(key, "value", key)))

    def __contains__(self, key: Any) -> bool:
        return self.get(key) is not None

    def has_keys(self, *keys: Any) -> bool:
        """Whether every key has a value."""
        return all(key in self for key in keys)


class ConfigFileLoader(Profile):
    """A profile by the path of its file and its name, as block code asks for it.

    The file is read and its templates are rendered by the platform, not here. Raises AskError when there is no such
    file or profile, RuntimeError outside a run.
    """

    def __init__(self, filepath: Any = None, profile: Any = "default", **_ignored: Any) -> None:
        name = str(getattr(profile, "value", profile) or "default")
        path = None if filepath is None else str(filepath)
        super().__init__(session.ask("io_config", {"profile": name, "path": path}), name)
        self.filepath = path
        self.profile = name


def as_profile(config: Any) -> Profile:
    """A profile from a loader or from a plain dict."""
    return config if isinstance(config, Profile) else Profile(dict(config))
