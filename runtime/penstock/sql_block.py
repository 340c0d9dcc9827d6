"""SQL blocks on SQLite, DuckDB and PostgreSQL.

The text comes rendered: variables are in it, and each `{{ df_1 }}` has become the table name `penstock_df_1`, which
is made here from the first upstream block's output, for this connection only. A list of dicts or a dict counts as a
table; other values become one column named `value`.

Two kinds, as in Mage. A plain block is one query: its result is the block's output, and is written to the table
`<schema>.<pipeline>_<block>` (`data_provider_schema`, `data_provider_table`) by `export_write_policy`: append
(default), replace or fail. With `use_raw_sql` the statements run as they are, in one transaction where the database
has them, and the rows of the last query are the output. `limit` concerns previews, not runs.
"""

from __future__ import annotations

import re

from penstock import tables
from penstock.errors import BlockError
from penstock.statements import gives_rows, split_statements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from penstock.blocks import BlockRun
    from penstock.inputs import Inputs

UPSTREAM_TABLE = "penstock_df_{number}"
_RESULT = "penstock_result"


def run_sql(run: BlockRun, inputs: Inputs) -> Any:
    """Run a SQL block; gives its rows as a pandas frame, None when nothing was queried.

    Raises BlockError for a setting that is missing or unknown, else what the database raises.
    """
    configuration = run.block.get("configuration") or {}
    text = run.block.get("sql")
    if not text:
        raise BlockError(f"the SQL block {run.block['slug']!r} has no text")
    with _database(configuration, run.block.get("io") or {}) as database:
        _upload_inputs(database, text, inputs)
        if configuration.get("use_raw_sql"):
            result = _run_raw(database, text)
        else:
            result = _run_query(database, text, run, configuration)
        database.commit()
    return result


def _database(configuration: dict[str, Any], profile: dict[str, Any]) -> Any:
    provider = str(configuration.get("data_provider") or "").lower()
    if provider == "postgres":
        from penstock.io.postgres import Postgres

        return Postgres.with_config(profile)
    if provider == "duckdb":
        from penstock.io.duckdb import DuckDB

        return DuckDB.with_config(profile)
    if provider == "sqlite":
        from penstock.io.sqlite import SQLite

        return SQLite.with_config(profile)
    raise BlockError(f"data_provider is {provider or 'not set'}: a SQL block runs on sqlite, duckdb or postgres")


def _upload_inputs(database: Any, text: str, inputs: Inputs) -> None:
    """Make the upstream tables that the text names."""
    for number, value in enumerate(inputs.values, 1):
        name = UPSTREAM_TABLE.format(number=number)
        if re.search(rf"\b{name}\b", text):
            database.upload(name, as_frame(value))


def as_frame(value: Any) -> Any:
    """Any output as a pandas frame; of several outputs the first, as Mage does."""
    from penstock.io.formats import pandas_for

    pandas = pandas_for("a SQL block that reads an upstream block")
    if isinstance(value, list) and value and tables.kind_of(value[0]) is not None:
        value = value[0]
    if tables.kind_of(value) == "polars.LazyFrame":
        value = value.collect()
    if hasattr(value, "to_pandas"):
        return value.to_pandas()
    if isinstance(value, pandas.DataFrame):
        return value
    if isinstance(value, dict):
        return pandas.DataFrame([value])
    rows = value if isinstance(value, list) else [value]
    if rows and all(isinstance(row, dict) for row in rows):
        return pandas.DataFrame(rows)
    return pandas.DataFrame({"value": rows})


def _run_raw(database: Any, text: str) -> Any:
    result = None
    for statement in split_statements(text):
        cursor = database.run(statement)
        if gives_rows(statement) and cursor.description:
            result = database.frame(cursor)
    return result


def _run_query(database: Any, text: str, run: BlockRun, configuration: dict[str, Any]) -> Any:
    from penstock.io.formats import policy

    statements = split_statements(text)
    if len(statements) != 1:
        raise BlockError(
            f"the SQL block {run.block['slug']!r} holds {len(statements)} statements: "
            "write one query, or set use_raw_sql to run them as they are"
        )
    table = configuration.get("data_provider_table") or f"{run.work['pipeline']}_{run.block['slug']}"
    table = re.sub(r"\W", "_", str(table))
    schema = configuration.get("data_provider_schema") or database.default_schema()
    how = policy(configuration.get("export_write_policy") or "append")
    database.run(f"{database.create_temporary} {_RESULT} AS {statements[0]}")
    query = f"SELECT * FROM {_RESULT}"  # noqa: S608 - a fixed name
    database.write_query(query, schema, table, how)
    return database.frame(database.run(query))
