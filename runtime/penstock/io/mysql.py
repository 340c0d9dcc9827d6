"""MySQL and MariaDB, through mysql-connector-python or PyMySQL."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, ClassVar, Mapping

from penstock.io.database import Database
from penstock.io.formats import need


class MySQL(Database):
    """A database named by the MYSQL_ keys. A schema is a database of the server."""

    name = "MySQL"
    quote_mark = "`"
    types: ClassVar[Mapping[str, str]] = {
        "integer": "BIGINT", "float": "DOUBLE", "boolean": "BOOLEAN", "timestamp": "DATETIME(6)", "date": "DATE",
        "timestamptz": "DATETIME(6)", "time": "TIME(6)", "decimal": "DECIMAL(38, 9)", "binary": "LONGBLOB",
        "json": "JSON", "text": "LONGTEXT",
    }  # fmt: skip

    def connect(self) -> Any:
        """Connect to MYSQL_DATABASE."""
        profile = self.profile
        if profile.get("MYSQL_CONNECTION_METHOD", "direct") != "direct":
            raise ValueError("MYSQL_CONNECTION_METHOD: only 'direct' is supported; open an SSH tunnel elsewhere")
        module = "pymysql" if find_spec("mysql") is None and find_spec("pymysql") is not None else "mysql.connector"
        driver = need(module, "mysql-connector-python", self.name)
        # Else mysql-connector runs no further statement while a query's rows are unread; PyMySQL reads them at once.
        extra = {"buffered": True} if module == "mysql.connector" else {}
        return driver.connect(
            host=profile.require("MYSQL_HOST"),
            port=int(profile.get("MYSQL_PORT", 3306)),
            user=profile.get("MYSQL_USER"),
            password=profile.get("MYSQL_PASSWORD"),
            database=profile.require("MYSQL_DATABASE"),
            **extra,
        )

    def table_exists(self, schema: str | None, table: str) -> bool:
        """Whether a table is there."""
        return super().table_exists(schema or str(self.profile.require("MYSQL_DATABASE")), table)
