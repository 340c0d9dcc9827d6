"""A database whose connection is cut at a statement that the test chooses, before it is sent or before its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from penstock_runtime.persistence.database import Database, PoolSize
from penstock_runtime.persistence.engine import DatabaseOptions, open_database


class Cutter:
    """Counts statements while it is armed; cuts the connection of the one whose number is `at`."""

    def __init__(self) -> None:
        self.count = 0
        self.at: int | None = None
        self.answer_lost = False
        self.armed = False
        self.cut: str | None = None

    def arm(self, at: int | None, *, answer_lost: bool = False) -> None:
        self.count, self.at, self.answer_lost, self.cut, self.armed = 0, at, answer_lost, None, True

    def disarm(self) -> None:
        self.armed = False

    def run(self, connection: psycopg.Connection[Any], text: str, execute: Callable[[], Any]) -> Any:
        if not self.armed:
            return execute()
        self.count += 1
        if self.count != self.at:
            return execute()
        if self.answer_lost:
            execute()
        self.cut = text
        connection.close()
        raise psycopg.OperationalError("the connection was cut by the test")


class CutCursor:
    def __init__(self, connection: psycopg.Connection[Any], cutter: Cutter) -> None:
        self._connection, self._cutter = connection, cutter
        self._cursor = connection.cursor()

    def execute(self, text: Any, *values: Any) -> Any:
        return self._cutter.run(self._connection, str(text), lambda: self._cursor.execute(text, *values))

    def executemany(self, text: Any, values: Any) -> Any:
        return self._cutter.run(self._connection, str(text), lambda: self._cursor.executemany(text, values))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class CutConnection:
    def __init__(self, connection: psycopg.Connection[Any], cutter: Cutter) -> None:
        self._connection, self._cutter = connection, cutter

    def cursor(self) -> CutCursor:
        return CutCursor(self._connection, self._cutter)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def open_to_be_cut(url: str, cutter: Cutter) -> Database:
    """Return a Postgres database with few connections, every statement of which goes past the cutter."""
    real = open_database(DatabaseOptions(url))
    return Database(lambda: CutConnection(real.connect(), cutter), real.dialect, real.dialogue, PoolSize(2))
