"""PostgreSQL, through psycopg 3 or, where that is what the project has, psycopg2."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import Any, ClassVar, Iterable, Mapping

from penstock.io.database import Database, plain_rows
from penstock.io.formats import need


class Postgres(Database):
    """A database named by the POSTGRES_ keys; POSTGRES_SCHEMA is its usual schema."""

    name = "PostgreSQL"
    lower_names = True
    types: ClassVar[Mapping[str, str]] = {
        "integer": "BIGINT", "float": "DOUBLE PRECISION", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP",
        "timestamptz": "TIMESTAMPTZ", "date": "DATE", "time": "TIME", "decimal": "NUMERIC", "binary": "BYTEA",
        "json": "JSONB", "text": "TEXT",
    }  # fmt: skip

    def connect(self) -> Any:
        """Connect; the time-out is POSTGRES_CONNECT_TIMEOUT (10 s)."""
        profile = self.profile
        if profile.get("POSTGRES_CONNECTION_METHOD", "direct") != "direct":
            raise ValueError("POSTGRES_CONNECTION_METHOD: only 'direct' is supported; open an SSH tunnel elsewhere")
        module = "psycopg2" if find_spec("psycopg") is None and find_spec("psycopg2") is not None else "psycopg"
        driver = need(module, "psycopg[binary]", self.name)
        extra = {"sslmode": profile.get("POSTGRES_SSLMODE")} if "POSTGRES_SSLMODE" in profile else {}
        return driver.connect(
            dbname=profile.require("POSTGRES_DBNAME"),
            user=profile.get("POSTGRES_USER"),
            password=profile.get("POSTGRES_PASSWORD"),
            host=profile.get("POSTGRES_HOST"),
            port=profile.get("POSTGRES_PORT", 5432),
            connect_timeout=int(profile.get("POSTGRES_CONNECT_TIMEOUT", 10)),
            **extra,
        )

    def default_schema(self) -> str | None:
        """POSTGRES_SCHEMA of the profile."""
        schema = self.profile.get("POSTGRES_SCHEMA")
        return None if schema is None else str(schema)

    def table_exists(self, schema: str | None, table: str) -> bool:
        """Whether a table is there, the name folded as the server folds it."""
        query = "SELECT to_regclass(%s) IS NOT NULL"
        return bool(self.first_row(query, [self.table_name(schema, table)])[0])

    def insert(self, full: str, frame: Any) -> None:
        """Append rows by COPY."""
        names = ", ".join([self.quote(str(name)) for name in frame.columns])
        cursor = self.conn.cursor()
        if hasattr(cursor, "copy"):
            with cursor.copy(f"COPY {full} ({names}) FROM STDIN") as copy:
                for row in plain_rows(frame):
                    copy.write_row(row)
            return
        buffer = io.StringIO()
        buffer.writelines(map(copy_line, plain_rows(frame)))
        buffer.seek(0)
        cursor.copy_expert(f"COPY {full} ({names}) FROM STDIN", buffer)


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy_line(row: Iterable[Any]) -> str:
    r"""One row in COPY's text format, which keeps an empty text apart from none (\N)."""
    return "\t".join(map(_copy_field, row)) + "\n"


def _copy_field(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return r"\\x" + bytes(value).hex()
    return str(value).translate(_ESCAPES)
