"""Statements written once in SQLAlchemy Core, compiled once per database, and run straight on the driver's cursor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import ClauseElement, Dialect, Float
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

from penstock_runtime.persistence.columns import TextList, to_json

_SHORT_LIST = 16
Row = tuple[Any, ...]
Processor = Callable[[Any], Any]


class Cursor(Protocol):
    """What psycopg's and sqlite3's cursors have in common."""

    rowcount: int

    def execute(self, text: Any, params: Any = ..., /) -> Any:
        """Run one statement."""
        ...

    def executemany(self, text: Any, params: Any, /) -> Any:
        """Run one statement for each set of parameters."""
        ...

    def fetchall(self) -> list[Row]:
        """Return the rows that are left."""
        ...


class Prepared:
    """The text of a statement for one database, with what turns values into parameters and columns into values."""

    __slots__ = ("_asked", "_constants", "_lists", "_results", "_texts", "text")

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        """Compile; the order of result columns is the statement's."""
        compiled = statement.compile(dialect=dialect)
        if not isinstance(compiled, SQLCompiler) or compiled.literal_execute_params or compiled.post_compile_params:
            raise TypeError("the text of a statement must not depend on its values: use `among` for lists")
        self.text: str = compiled.string
        self._lists: list[str] = []
        self._texts: dict[tuple[int, ...], str] = {}
        self._asked: list[tuple[str, Processor | None]] = []
        self._constants: dict[str, Any] = {}
        for bind, name in compiled.bind_names.items():
            processor = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if bind.required and dialect.name == "sqlite" and isinstance(bind.type, TextList):
                self._lists.append(name)
            elif bind.required:
                self._asked.append((name, processor))
            else:
                self._constants[name] = bind.value if processor is None else processor(bind.value)
        self._results: list[tuple[int, Processor]] = []
        for index, kind in enumerate(_result_types(statement)):
            if isinstance(kind, Float):
                continue  # both drivers give floats
            processor = kind.dialect_impl(dialect).result_processor(dialect, None)
            if processor is not None:
                self._results.append((index, processor))

    def bind(self, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the text and the driver's parameters; KeyError for a value that is missing."""
        bound = self._constants.copy()
        for name, processor in self._asked:
            value = values[name]
            bound[name] = value if processor is None else processor(value)
        return (self._spread(values, bound) if self._lists else self.text), bound

    def _spread(self, values: Mapping[str, Any], bound: dict[str, Any]) -> str:
        """Bind SQLite's short lists one by one, which costs a quarter of json_each; lengths are rounded up."""
        lengths = []
        for name in self._lists:
            items = [str(item) for item in values[name]]
            length = 1 << (len(items) - 1).bit_length() if items else 0
            if 0 < length <= _SHORT_LIST:
                items += items[-1:] * (length - len(items))
                bound |= {f"{name}_{index}": item for index, item in enumerate(items)}
            else:
                bound[name] = to_json(items)
                length = 0
            lengths.append(length)
        shape = tuple(lengths)
        return self._texts.get(shape) or self._texts.setdefault(shape, self._spread_text(shape))

    def _spread_text(self, shape: tuple[int, ...]) -> str:
        text = self.text
        for name, length in zip(self._lists, shape, strict=True):
            if length:
                listed = ", ".join(f":{name}_{index}" for index in range(length))
                whole = f"(SELECT value FROM json_each(:{name}))"  # noqa: S608 - names of parameters, not values
                text = text.replace(whole, f"({listed})")
        return text

    def values(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return rows with each column as its type has it."""
        if not self._results:
            return rows
        converted = []
        for row in rows:
            out = list(row)
            for index, processor in self._results:
                if out[index] is not None:
                    out[index] = processor(out[index])
            converted.append(tuple(out))
        return converted


def _result_types(statement: ClauseElement) -> Sequence[TypeEngine[Any]]:
    if isinstance(statement, UpdateBase):
        return [column.type for column in statement.exported_columns]
    columns = getattr(statement, "selected_columns", None)
    return [] if columns is None else [column.type for column in columns]


class Catalogue:
    """The prepared form of each statement, for one database. Statements are module-level values or cached by shape."""

    def __init__(self, dialect: Dialect) -> None:
        """Start empty; a statement is compiled when it is first run."""
        self._dialect = dialect
        self._prepared: dict[ClauseElement, Prepared] = {}

    def __getitem__(self, statement: ClauseElement) -> Prepared:
        """Return the statement's prepared form, compiling it the first time."""
        try:
            return self._prepared[statement]
        except KeyError:
            return self._prepared.setdefault(statement, Prepared(statement, self._dialect))
