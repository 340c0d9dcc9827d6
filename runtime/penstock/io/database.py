"""What every SQL database does: connections, queries as frames, frames as tables."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Any, ClassVar, Iterable, Mapping, Sequence

from penstock.io.config import as_profile
from penstock.io.formats import QUERY_ROW_LIMIT, pandas_for, policy

PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*\Z")
BATCH_ROWS = 10_000


class Database:
    """One connection to a database, usable as a context manager; nothing is open until `open`.

    Drivers follow Python's database API. Changes are kept by `commit`; closing without one gives them up, except that
    `export` commits by itself, as Mage does.
    """

    name = "database"
    placeholder = "%s"
    quote_mark = '"'
    lower_names = False
    has_schemas = True
    folds_names = False
    """Whether a table is the same by any case of its name, so that looking for one must not mind case."""
    create_temporary = "CREATE TEMPORARY TABLE"
    types: ClassVar[Mapping[str, str]] = {}

    def __init__(self, profile: Any = None, verbose: bool = True, **settings: Any) -> None:  # noqa: FBT001, FBT002 - Mage's signature
        self.profile = as_profile({} if profile is None else profile)
        self.settings = settings
        self.verbose = verbose
        self._connection: Any = None

    @classmethod
    def with_config(cls, config: Any, **settings: Any) -> Any:
        """A database of a profile (a ConfigFileLoader or a dict); not open yet."""
        return cls(config, **settings)

    def connect(self) -> Any:
        """Open the driver's connection."""
        raise NotImplementedError

    @property
    def conn(self) -> Any:
        """The driver's connection. Raises ConnectionError when it is not open."""
        if self._connection is None:
            raise ConnectionError(f"{type(self).__name__} is not open: use it in a `with` statement, or call open()")
        return self._connection

    def open(self) -> None:
        """Connect, unless connected."""
        if self._connection is None:
            self._connection = self.connect()

    def close(self) -> None:
        """Close the connection, if there is one; what was not committed is given up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Any:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def commit(self) -> None:
        """Keep what was changed."""
        self.conn.commit()

    def rollback(self) -> None:
        """Give up what was changed since the last commit."""
        self.conn.rollback()

    def run(self, query: str, parameters: Any = None) -> Any:
        """Execute one statement; gives the driver's cursor."""
        cursor = self.conn.cursor()
        if parameters is None:
            cursor.execute(query)
        else:
            cursor.execute(query, parameters)
        return cursor

    def release(self, cursor: Any) -> None:
        """Let a cursor go that has been read to its end."""
        cursor.close()

    def first_row(self, query: str, parameters: Any = None) -> Any:
        """A query's first row, or None. All of it is read: some drivers run nothing else while rows are unread."""
        cursor = self.run(query, parameters)
        rows = cursor.fetchall()
        self.release(cursor)
        return rows[0] if rows else None

    def frame(self, cursor: Any, limit: int | None = None) -> Any:
        """What a cursor holds, as a pandas frame."""
        columns = [column[0] for column in cursor.description]
        rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
        return pandas_for(self.name).DataFrame.from_records([tuple(row) for row in rows], columns=columns)

    def execute(self, query_string: str, *args: Any, **query_vars: Any) -> None:
        """Execute a statement, with the driver's parameters given by position or by name."""
        self.release(self.run(query_string, args or query_vars or None))

    def execute_query(self, query: str, **query_vars: Any) -> Any:
        """A query's rows as a frame."""
        return self.frame(self.run(query, query_vars or None))

    def execute_queries(
        self,
        queries: Sequence[str],
        query_variables: Sequence[dict[str, Any]] | None = None,
        commit: bool = False,  # noqa: FBT001, FBT002 - Mage's signature
        fetch_query_at_indexes: Sequence[Any] | None = None,
        **_ignored: Any,
    ) -> list[Any]:
        """Execute statements in order; gives a frame for each that is to be fetched and None for the others."""
        results = []
        for number, query in enumerate(queries):
            cursor = self.run(query, query_variables[number] if query_variables else None)
            fetch = bool(fetch_query_at_indexes and fetch_query_at_indexes[number])
            results.append(self.frame(cursor) if fetch and cursor.description else None)
        if commit:
            self.commit()
        return results

    def load(
        self,
        query_string: str,
        limit: int = QUERY_ROW_LIMIT,
        display_query: str | None = None,
        verbose: bool = True,  # noqa: FBT001, FBT002 - Mage's signature
        **query_vars: Any,
    ) -> Any:
        """A query's first `limit` rows as a pandas frame."""
        if verbose and self.verbose:
            self.say(f"Loading data from {self.name} with the query:\n{display_query or query_string}")
        return self.frame(self.run(query_string.strip().rstrip(";"), query_vars or None), limit)

    def sample(self, schema: str | None, size: int = QUERY_ROW_LIMIT, table: str = "", **_ignored: Any) -> Any:
        """The first rows of a table."""
        return self.load(f"SELECT * FROM {self.table_name(schema, table)} LIMIT {int(size)}", verbose=False)  # noqa: S608

    def say(self, text: str) -> None:
        """A line of the block's log."""
        print(text)  # noqa: T201 - the block's log, as Mage does

    def quote(self, name: str) -> str:
        """A column's name as SQL has it."""
        name = name.lower() if self.lower_names else name
        mark = self.quote_mark
        return mark + name.replace(mark, mark * 2) + mark

    def table_name(self, schema: str | None, table: str) -> str:
        """A table's full name; a plain name is left unquoted, so that the database folds its case as usual."""
        parts = [schema, table] if schema and self.has_schemas else [table]
        return ".".join([part if PLAIN_NAME.match(part or "") else self.quote(str(part)) for part in parts])

    def default_schema(self) -> str | None:
        """The schema to use when none is given."""
        return None

    def table_exists(self, schema: str | None, table: str) -> bool:
        """Whether a table is there."""
        wanted = {"table_name": table, **({"table_schema": schema} if schema else {})}
        same = "lower({0}) = lower({1})" if self.folds_names else "{0} = {1}"
        where = " AND ".join([same.format(column, self.placeholder) for column in wanted])
        query = f"SELECT 1 FROM information_schema.tables WHERE {where}"  # noqa: S608 - fixed text
        return self.first_row(query, list(wanted.values())) is not None

    def create_schema(self, schema: str) -> None:
        """Make a schema, unless it is there."""
        if self.has_schemas:
            self.run(f"CREATE SCHEMA IF NOT EXISTS {self.table_name(None, schema)}")

    def export(
        self,
        df: Any = None,
        schema_name: str | None = None,
        table_name: str | None = None,
        if_exists: Any = "replace",
        **options: Any,
    ) -> None:
        """Write a frame to a table and commit.

        `if_exists` is append, fail or replace; replacing keeps the table and empties it unless `drop_table_on_replace`
        is set or its columns differ. Further options: `index` (write the frame's index too), `query_string` (write this
        query's result instead), `overwrite_types` (SQL types by column), `verbose`. Mage's other options are taken and
        have no effect. Raises ValueError when the table exists and must not.
        """
        if not table_name:
            raise ValueError("export needs table_name")
        schema = schema_name or self.default_schema()
        if options.get("verbose", True) and self.verbose:
            self.say(f"Exporting data to {self.table_name(schema, table_name)} in {self.name}")
        if options.get("query_string") is not None:
            self.write_query(options["query_string"], schema, table_name, policy(if_exists))
        else:
            frame = self._as_frame(df, index=bool(options.get("index", False)))
            self._write_frame(frame, schema, table_name, policy(if_exists), options)
        self.commit()

    def _as_frame(self, value: Any, *, index: bool) -> Any:
        pandas = pandas_for(self.name)
        if hasattr(value, "to_pandas"):
            value = value.to_pandas()
        if not isinstance(value, pandas.DataFrame):
            value = pandas.DataFrame([value] if isinstance(value, dict) else value)
        return value.reset_index() if index else value

    def _write_frame(self, frame: Any, schema: str | None, table: str, how: str, options: dict[str, Any]) -> None:
        if schema:
            self.create_schema(schema)
        full = self.table_name(schema, table)
        exists = self.table_exists(schema, table)
        if exists and how == "fail":
            raise ValueError(f"the table {full} exists already, and if_exists is 'fail'")
        if exists and how == "replace" and not options.get("drop_table_on_replace") and self._same_columns(frame, full):
            self.run(f"DELETE FROM {full}")  # noqa: S608 - a quoted name
        elif exists and how == "replace":
            self.run(f"DROP TABLE {full}")
            exists = False
        if not exists:
            self.run(f"CREATE TABLE {full} ({self.column_list(frame, options.get('overwrite_types'))})")
        self.insert(full, frame)

    def _same_columns(self, frame: Any, full: str) -> bool:
        cursor = self.run(f"SELECT * FROM {full} WHERE 1 = 0")  # noqa: S608 - a quoted name
        there = [str(column[0]).lower() for column in cursor.description]
        cursor.fetchall()
        self.release(cursor)
        return there == [str(name).lower() for name in frame.columns]

    def write_query(self, query: str, schema: str | None, table: str, how: str) -> None:
        """Write a query's result to a table inside the database, without taking it out."""
        if schema:
            self.create_schema(schema)
        full = self.table_name(schema, table)
        exists = self.table_exists(schema, table)
        if exists and how == "fail":
            raise ValueError(f"the table {full} exists already, and the write policy is 'fail'")
        if exists and how == "append":
            self.run(f"INSERT INTO {full} {query}")
            return
        if exists:
            self.run(f"DROP TABLE {full}")
        self.run(f"CREATE TABLE {full} AS {query}")

    def upload(self, name: str, frame: Any) -> None:
        """Make a frame readable in this connection as the temporary table `name`."""
        self.run(f"{self.create_temporary} {name} ({self.column_list(frame, None)})")
        self.insert(name, frame)

    def column_list(self, frame: Any, types: dict[str, str] | None) -> str:
        """The columns of a CREATE TABLE for a frame."""
        chosen = types or {}
        pairs = [(name, chosen.get(name) or self.types[column_kind(frame[name])]) for name in frame.columns]
        return ", ".join([f"{self.quote(str(name))} {kind}" for name, kind in pairs])

    def insert(self, full: str, frame: Any) -> None:
        """Append a frame's rows to a table with its columns."""
        marks = ", ".join([self.placeholder] * len(frame.columns))
        names = ", ".join([self.quote(str(name)) for name in frame.columns])
        cursor = self.conn.cursor()
        for start in range(0, len(frame), BATCH_ROWS):
            rows = list(plain_rows(frame.iloc[start : start + BATCH_ROWS]))
            cursor.executemany(f"INSERT INTO {full} ({names}) VALUES ({marks})", rows)  # noqa: S608 - quoted names


def column_kind(series: Any) -> str:
    """What a column holds: integer, float, boolean, timestamp(tz), date, time, decimal, binary, json or text."""
    kind = series.dtype.kind
    simple = {"i": "integer", "u": "integer", "f": "float", "b": "boolean"}
    if kind in simple:
        return simple[kind]
    if kind == "M":
        return "timestamp" if getattr(series.dtype, "tz", None) is None else "timestamptz"
    values = series.dropna()
    first = values.iloc[0] if len(values) else ""
    if isinstance(first, dt.datetime):
        return "timestamp" if first.tzinfo is None else "timestamptz"
    for kinds, word in (
        (bool, "boolean"),
        (int, "integer"),
        (float, "float"),
        (Decimal, "decimal"),
        (dt.date, "date"),
        (dt.time, "time"),
        (bytes, "binary"),
        ((dict, list), "json"),
    ):
        if isinstance(first, kinds):
            return word if values.map(lambda value, kinds=kinds: isinstance(value, kinds)).all() else "text"
    return "text"


def plain_rows(frame: Any) -> Iterable[tuple[Any, ...]]:
    """The rows of a frame with plain Python values: missing ones are None, nested ones are JSON text."""
    missing = frame.isna().to_numpy()
    kinds = [column_kind(frame.iloc[:, number]) for number in range(frame.shape[1])]
    for number, row in enumerate(frame.itertuples(index=False, name=None)):
        yield tuple([None if missing[number][at] else _plain(value, kinds[at]) for at, value in enumerate(row)])


def _plain(value: Any, kind: str) -> Any:
    if kind == "json" or isinstance(value, (dict, list)):
        return json.dumps(value, default=str)
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    if hasattr(value, "item") and type(value).__module__ == "numpy":
        return value.item()
    return str(value) if kind == "text" and not isinstance(value, str) else value


# The names that code written for Mage imports.
BaseSQL = BaseSQLConnection = BaseSQLDatabase = Database
