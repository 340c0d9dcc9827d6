"""What the parts of a run transaction share: the session, and records read by position."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, Table, bindparam, literal_column
from sqlalchemy.dialects import postgresql

from penstock_runtime.domain.runs import Attempt, BlockRun, Lease, Member, Run
from penstock_runtime.persistence.database import Session
from penstock_runtime.persistence.tables import attempts, block_runs, code_versions, leases, members, runs, triggers
from penstock_runtime.ports.run_store import CodeVersion, Trigger


def record_columns(table: Table, record: type[Any]) -> list[Column[Any]]:
    """Return the table's columns in the order of the record's fields, so that a row builds the record by position."""
    return [table.c[field.name] for field in fields(record)]


RUN = record_columns(runs, Run)
BLOCK_RUN = record_columns(block_runs, BlockRun)
ATTEMPT = record_columns(attempts, Attempt)
MEMBER = record_columns(members, Member)
LEASE = record_columns(leases, Lease)
TRIGGER = record_columns(triggers, Trigger)
CODE_VERSION = record_columns(code_versions, CodeVersion)


def any_of(column: Column[Any], choices: Iterable[StrEnum]) -> ColumnElement[bool]:
    """Return the condition that the column is one of these, which are part of the statement's text."""
    return column.in_([literal_column(repr(choice.value)) for choice in sorted(choices)])


def field_values(record: Any) -> dict[str, Any]:
    """Return a record's fields by name, as they are (no copies of what they hold)."""
    return {name: getattr(record, name) for name in _names(record.__class__)}


@cache
def _names(record: Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cast("Any", record)))


def parameters(columns: Iterable[Column[Any]]) -> Mapping[str, Any]:
    """Return, for an insert, one parameter per column, called as the column is."""
    return {column.name: bindparam(column.name, type_=column.type) for column in columns}


def insert_free(table: Table, columns: Sequence[Column[Any]]) -> postgresql.Insert:
    """Return an insert that does nothing when a unique key is taken.

    The Postgres construct compiles for SQLite too: both write ON CONFLICT in the same words.
    """
    return postgresql.insert(table).values(parameters(columns)).on_conflict_do_nothing()


class Steps:
    """Part of a run transaction."""

    def __init__(self, session: Session) -> None:
        """Speak through the session of an open transaction."""
        self._session = session
