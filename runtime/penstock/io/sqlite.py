"""SQLite, through the standard library."""

from __future__ import annotations

from typing import Any, ClassVar, Mapping

from penstock.io.database import Database


class SQLite(Database):
    """A SQLite file named by SQLITE_DATABASE, relative to the project's folder. It has no schemas."""

    name = "SQLite"
    placeholder = "?"
    has_schemas = False
    types: ClassVar[Mapping[str, str]] = {
        "integer": "INTEGER", "float": "REAL", "boolean": "INTEGER", "timestamp": "TEXT", "timestamptz": "TEXT",
        "date": "TEXT", "time": "TEXT", "decimal": "TEXT", "binary": "BLOB", "json": "TEXT", "text": "TEXT",
    }  # fmt: skip

    def connect(self) -> Any:
        """Open the file, making it if need be."""
        import sqlite3

        return sqlite3.connect(str(self.profile.require("SQLITE_DATABASE")), timeout=60)

    def table_exists(self, schema: str | None, table: str) -> bool:  # noqa: ARG002 - there are no schemas
        """Whether a table or view is there."""
        query = "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = lower(?)"
        return self.first_row(query, [table]) is not None

    def insert(self, full: str, frame: Any) -> None:
        """Append rows; dates, times and decimals as text, which is how SQLite keeps them."""
        texts = [name for name in frame.columns if frame[name].dtype.kind in "OMm"]
        if texts:
            frame = frame.copy()
            for name in texts:
                frame[name] = [_storable(value) for value in frame[name]]
        super().insert(full, frame)


def _storable(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        # Space, not T: SQLite's own date functions write it so. NaT has the method but says "NaT".
        text = value.isoformat(*(" ",) if hasattr(value, "hour") and hasattr(value, "year") else ())
        return None if text == "NaT" else text
    return str(value) if type(value).__name__ == "Decimal" else value
