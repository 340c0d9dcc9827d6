"""DuckDB, in this process."""

from __future__ import annotations

from typing import Any, ClassVar, Mapping

from penstock.io.database import Database
from penstock.io.formats import need


class DuckDB(Database):
    """A DuckDB file named by DUCKDB_DATABASE (in memory when absent), with DUCKDB_SCHEMA as its usual schema."""

    name = "DuckDB"
    placeholder = "?"
    folds_names = True
    types: ClassVar[Mapping[str, str]] = {
        "integer": "BIGINT", "float": "DOUBLE", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP", "date": "DATE",
        "timestamptz": "TIMESTAMPTZ", "time": "TIME", "decimal": "DECIMAL(38, 9)", "binary": "BLOB", "json": "JSON",
        "text": "VARCHAR",
    }  # fmt: skip

    def connect(self) -> Any:
        """Open the file, making it if need be."""
        duckdb = need("duckdb", "duckdb", "DuckDB")
        return duckdb.connect(str(self.profile.get("DUCKDB_DATABASE", ":memory:")))

    def default_schema(self) -> str | None:
        """DUCKDB_SCHEMA of the profile."""
        schema = self.profile.get("DUCKDB_SCHEMA")
        return None if schema is None else str(schema)

    def run(self, query: str, parameters: Any = None) -> Any:
        """Execute one statement; the cursor is the connection itself, so that registered frames are seen."""
        return self.conn.execute(query) if parameters is None else self.conn.execute(query, parameters)

    def release(self, cursor: Any) -> None:
        """Nothing to do: the cursor is the connection."""

    def frame(self, cursor: Any, limit: int | None = None) -> Any:
        """The rows as a pandas frame, by DuckDB's own conversion."""
        frame = cursor.df()
        return frame if limit is None or len(frame) <= limit else frame.head(limit)

    def commit(self) -> None:
        """Nothing to do: DuckDB keeps each statement unless a transaction was begun by the block itself."""

    def rollback(self) -> None:
        """Nothing to do outside a transaction."""

    def insert(self, full: str, frame: Any) -> None:
        """Append rows by reading the frame in place."""
        names = ", ".join([self.quote(str(name)) for name in frame.columns])
        self.conn.register("penstock_insert", frame)
        try:
            self.conn.execute(f"INSERT INTO {full} ({names}) SELECT * FROM penstock_insert")  # noqa: S608 - quoted names
        finally:
            self.conn.unregister("penstock_insert")

    def upload(self, name: str, frame: Any) -> None:
        """Register the frame as a view: nothing is copied."""
        self.conn.register(name, frame)
