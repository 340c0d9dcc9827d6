"""Column types that mean the same on SQLite and Postgres, and one condition that both can compile once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, DateTime, Dialect, String, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator, TypeEngine

# Slugs and ids compare byte by byte, so that both databases sort alike and no locale slows an index down.
Key = String().with_variant(String(collation="C"), "postgresql")


def utc(value: datetime) -> datetime:
    """Return the instant in UTC; ValueError for a naive one, which could mean anything."""
    if value.tzinfo is None:
        raise ValueError(f"a time without a timezone cannot be stored: {value!r}")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def utc_text(value: datetime) -> str:
    """Return an instant as text of one width, so that text order is time order."""
    return utc(value).isoformat(timespec="microseconds")


class UtcTime(TypeDecorator[datetime]):
    """An instant. timestamptz on Postgres; on SQLite text of one width, in UTC, with microseconds."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Keep text on SQLite: its own DateTime drops the timezone."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Refuse naive values on the way in."""
        convert = utc_text if dialect.name == "sqlite" else utc
        return lambda value: None if value is None else convert(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Give aware values back; psycopg already does, in the session's timezone (UTC)."""
        del coltype
        return datetime.fromisoformat if dialect.name == "sqlite" else None


class Json(TypeDecorator[Any]):
    """A JSON value as text. Not json or jsonb: those refuse NaN and NUL, which users' values hold, and cost parsing."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Write ASCII only, so that no database meets a NUL or half a surrogate pair."""
        del dialect
        return lambda value: None if value is None else to_json(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Read it back."""
        del dialect, coltype
        return json.loads


class JsonTuple(Json):
    """A JSON list that is read as a tuple, as frozen records hold it."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Read it back."""
        del dialect, coltype
        return lambda text: tuple(json.loads(text))


class Choice(TypeDecorator[Any]):
    """A member of a StrEnum, kept as its text; the table's CHECK names the same members."""

    impl = String
    cache_ok = True

    def __init__(self, choices: type[StrEnum]) -> None:
        """Take the enumeration whose members are allowed."""
        super().__init__()
        self.choices = choices

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Write plain text, never a subclass that a driver adapts in its own way."""
        del dialect
        return lambda value: None if value is None else self.choices(value).value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Look the member up."""
        del dialect, coltype
        return {choice.value: choice for choice in self.choices}.__getitem__


class TextList(TypeDecorator[Any]):
    """A list of texts as one parameter: an array on Postgres, a JSON list on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the database's own form."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(Text()))

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Write plain texts."""
        if dialect.name == "sqlite":
            return lambda values: json.dumps([str(value) for value in values])
        return lambda values: [str(value) for value in values]


class among(ColumnElement[bool]):  # noqa: N801 - reads as an operator in statements, as SQLAlchemy's own and_() does
    """`column` is one of the texts in the list parameter `name`; one text of SQL whatever the number of values."""

    inherit_cache = True
    type = Boolean()
    # Else SQLite is asked whether the condition `= 1`, and no index serves that.
    _is_implicitly_boolean = True

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        """Take the column and the parameter's name."""
        self.column = column
        self.values = bindparam(name, type_=TextList())


@compiles(among, "postgresql")
def _among_postgres(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} = ANY({compiler.process(element.values, **kw)})"


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - both are SQL already


_encode = json.JSONEncoder(separators=(",", ":"), default=dict).encode


def to_json(value: Any) -> str:
    """Return compact JSON; a mapping that is not a dict is written as one."""
    return _encode(value)
