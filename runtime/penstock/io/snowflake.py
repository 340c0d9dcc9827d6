"""Snowflake, through its connector."""

from __future__ import annotations

from typing import Any, ClassVar, Mapping

from penstock.io.database import PLAIN_NAME, Database
from penstock.io.formats import need, policy


class Snowflake(Database):
    """An account named by the SNOWFLAKE_ keys."""

    name = "Snowflake"
    types: ClassVar[Mapping[str, str]] = {
        "integer": "NUMBER(38, 0)", "float": "FLOAT", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP_NTZ",
        "timestamptz": "TIMESTAMP_TZ", "date": "DATE", "time": "TIME", "decimal": "NUMBER(38, 9)", "binary": "BINARY",
        "json": "VARIANT", "text": "VARCHAR",
    }  # fmt: skip

    def connect(self) -> Any:
        """Connect with password or key pair."""
        driver = need("snowflake.connector", "snowflake-connector-python[pandas]", self.name)
        profile, settings = self.profile, self.settings
        options = {
            "account": profile.require("SNOWFLAKE_ACCOUNT"),
            "user": profile.require("SNOWFLAKE_USER"),
            "password": profile.get("SNOWFLAKE_PASSWORD"),
            "private_key_file": profile.get("SNOWFLAKE_PRIVATE_KEY_PATH"),
            "private_key_file_pwd": profile.get("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"),
            "network_timeout": _seconds(profile.get("SNOWFLAKE_TIMEOUT")),
            "role": profile.get("SNOWFLAKE_ROLE"),
            "warehouse": profile.get("SNOWFLAKE_DEFAULT_WH"),
            "database": settings.get("database") or profile.get("SNOWFLAKE_DEFAULT_DB"),
            "schema": settings.get("schema") or profile.get("SNOWFLAKE_DEFAULT_SCHEMA"),
        }
        return driver.connect(**{name: value for name, value in options.items() if value is not None})

    def table_exists(self, schema: str | None, table: str) -> bool:
        """Whether a table is there, plain names folded as the server folds them."""
        return super().table_exists(_folded(schema), _folded(table) or "")

    def export(  # type: ignore[override]  # the order of arguments is Mage's for each database
        self, df: Any = None, table_name: Any = None, database: Any = None, schema: Any = None, **options: Any
    ) -> None:
        """Mage's order of arguments here: table, database, schema. Uses Snowflake's bulk loader."""
        how = policy(options.get("if_exists", "append"))
        # The bulk loader quotes every name it is given, so plain ones must come as the server would fold them.
        database = _folded(database or self.profile.get("SNOWFLAKE_DEFAULT_DB"))
        schema = _folded(schema or options.get("schema_name") or self.profile.get("SNOWFLAKE_DEFAULT_SCHEMA"))
        if database:
            self.run(f"USE DATABASE {self.table_name(None, database)}")
        if options.get("query_string") is not None:
            self.write_query(options["query_string"], schema, str(table_name), how)
            self.commit()
            return
        if how == "fail" and self.table_exists(schema, str(table_name).upper()):
            raise ValueError(f"the table {table_name} exists already, and if_exists is 'fail'")
        tools = need("snowflake.connector.pandas_tools", "snowflake-connector-python[pandas]", self.name)
        frame = self._as_frame(df, index=bool(options.get("index", False)))
        tools.write_pandas(
            self.conn,
            frame.rename(columns=lambda name: str(name).upper()),
            str(table_name).upper(),
            database=database,
            schema=schema,
            auto_create_table=True,
            overwrite=how == "replace",
        )


def _folded(name: Any) -> str | None:
    """A name as the server keeps it when it is written without quotes; one that needs quotes stays as it is."""
    if not name:
        return None
    return str(name).upper() if PLAIN_NAME.match(str(name)) else str(name)


def _seconds(value: Any) -> int | None:
    return None if value is None else int(value)
