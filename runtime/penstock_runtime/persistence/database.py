"""One database: its connections, its transactions, and how both behave when it is slow, busy or gone.

Every connection is in the driver's autocommit mode and transactions begin and end by name, which is one round trip
less than the drivers' own way. A transaction that fails is undone at its end; nothing repeats by itself, because
only the caller knows whether a repeat is right. The exception is a connection found dead before its first statement:
it is replaced, with all idle ones, since nothing was asked of it yet.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import psycopg
from sqlalchemy import ClauseElement, Dialect, Pool, QueuePool
from sqlalchemy import exc as sqlalchemy_exc
from sqlalchemy.pool import PoolProxiedConnection

from penstock_runtime.domain.errors import StoreContention
from penstock_runtime.persistence.columns import utc
from penstock_runtime.persistence.faults import translated
from penstock_runtime.persistence.statements import Catalogue, Cursor, Row

# What a driver or the pool raises; anything else in a transaction is the caller's own error.
DRIVER_ERRORS = (psycopg.Error, sqlite3.Error, sqlalchemy_exc.SQLAlchemyError)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How a database is spoken to: the texts that begin transactions, and its way to tell the time.

    `begin_read` is empty where single reads need no transaction. `one_writer` is true for SQLite.
    """

    begin_write: str
    begin_read: str
    time: str
    one_writer: bool = False


@dataclass(frozen=True, slots=True)
class PoolSize:
    """How many connections at most, how long to wait for one, and how long for the writer before (SQLite)."""

    connections: int = 5
    wait_seconds: float = 10.0
    busy_seconds: float = 5.0


class Database:
    """A pool of connections. Threads may share it; a transaction belongs to the thread that opened it."""

    def __init__(self, connect: Callable[[], Any], dialect: Dialect, dialogue: Dialogue, pool: PoolSize) -> None:
        """Take what `persistence.engine` makes from a URL; nothing is connected yet."""
        self.connect = connect
        # Nothing to reset: a transaction always ends by name before its connection comes back.
        self.pool: Pool = QueuePool(
            connect,
            pool_size=pool.connections,
            max_overflow=0,
            timeout=pool.wait_seconds,
            reset_on_return=None,
            use_lifo=True,
        )
        self.dialect = dialect
        self.dialogue = dialogue
        self.catalogue = Catalogue(dialect)
        self.name = dialect.name
        self._busy_seconds = pool.busy_seconds
        # SQLite wakes a busy writer by sleeping and asking again; the threads of one process queue up here instead.
        self._writing = threading.Lock() if dialogue.one_writer else None

    @property
    def single_writer(self) -> bool:
        """Whether only one process may ever schedule on it."""
        return self.dialogue.one_writer

    def transaction(self, *, read_only: bool = False) -> OpenTransaction:
        """Return a transaction to enter; StoreUnavailable or StoreContention when it cannot begin."""
        return OpenTransaction(self, read_only=read_only)

    def sample_time(self) -> datetime:
        """Return the database's present time."""
        with self.transaction(read_only=True) as session:
            value = session.text(self.dialogue.time)[0][0]
        return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else utc(value)

    def lock_writing(self) -> None:
        """Wait for this process's turn to write, where turns are needed; StoreContention after the busy time."""
        if self._writing is not None and not self._writing.acquire(timeout=self._busy_seconds):
            raise StoreContention("another thread of this process has held the database for too long")

    def unlock_writing(self) -> None:
        """Give the turn to the next thread."""
        if self._writing is not None:
            self._writing.release()

    def drop_connections(self) -> None:
        """Close idle connections and forget those in use: they close when they come back."""
        stale, self.pool = self.pool, self.pool.recreate()
        stale.dispose()

    def close(self) -> None:
        """Release every connection; idempotent."""
        self.drop_connections()


class Session:
    """The statements of one open transaction."""

    __slots__ = ("_catalogue", "_cursor", "name")

    def __init__(self, database: Database, cursor: Cursor) -> None:
        """Speak through a cursor inside an open transaction."""
        self._catalogue = database.catalogue
        self._cursor = cursor
        self.name = database.name

    def rows(self, statement: ClauseElement, /, **values: Any) -> Sequence[Row]:
        """Run a statement and return its rows, each column as its type has it."""
        prepared = self._catalogue[statement]
        self._cursor.execute(*prepared.bind(values))
        return prepared.values(self._cursor.fetchall())

    def first(self, statement: ClauseElement, /, **values: Any) -> Row | None:
        """Run a statement and return its first row, or None."""
        rows = self.rows(statement, **values)
        return rows[0] if rows else None

    def change(self, statement: ClauseElement, /, **values: Any) -> int:
        """Run a statement that returns no rows; how many it changed."""
        prepared = self._catalogue[statement]
        self._cursor.execute(*prepared.bind(values))
        return self._cursor.rowcount

    def change_many(self, statement: ClauseElement, many: Sequence[Mapping[str, Any]]) -> int:
        """Run a statement once for each set of values; how many rows it changed."""
        if not many:
            return 0
        prepared = self._catalogue[statement]
        self._cursor.executemany(prepared.text, [prepared.bind(values)[1] for values in many])
        return self._cursor.rowcount

    def text(self, text: str) -> Sequence[Row]:
        """Run fixed text without parameters and return its rows as the driver has them."""
        self._cursor.execute(text)
        return self._cursor.fetchall()


class OpenTransaction(AbstractContextManager[Session]):
    """One transaction: commits when its block ends, rolls back on an exception, and gives its connection back."""

    __slots__ = ("_connection", "_cursor", "_database", "_open", "_pool", "_read_only")

    def __init__(self, database: Database, *, read_only: bool) -> None:
        """Nothing happens until it is entered."""
        self._pool = database.pool
        self._database = database
        self._read_only = read_only
        self._connection: PoolProxiedConnection | None = None
        self._open = False

    def __enter__(self) -> Session:
        """Take a connection and begin."""
        dialogue = self._database.dialogue
        begin = dialogue.begin_read if self._read_only else dialogue.begin_write
        if not self._read_only:
            self._database.lock_writing()
        try:
            try:
                self._begin(begin)
            except DRIVER_ERRORS:
                if not self._lost():
                    raise
                self._discard()
                self._begin(begin)
        except BaseException as error:
            self._undo()
            _raise_meaning(error)
            raise
        return Session(self._database, self._cursor)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Commit, or roll back; either way the connection goes back, or away when it is broken."""
        if error is not None:
            self._forget_if_read_only(error)
            self._undo()
            _raise_meaning(error)
            return
        try:
            self._commit()
        except DRIVER_ERRORS as failure:
            self._undo()
            _raise_meaning(failure)
            raise
        self._give_back()

    def _forget_if_read_only(self, error: BaseException) -> None:
        """Close a connection whose server has become a standby, as it may where an address is moved to another."""
        if isinstance(error, psycopg.errors.ReadOnlySqlTransaction) and self._connection is not None:
            driver: Any = self._connection.driver_connection
            driver.close()

    def _begin(self, begin: str) -> None:
        self._pool = self._database.pool
        self._connection = self._pool.connect()
        driver: Any = self._connection.driver_connection
        self._cursor: Cursor = driver.cursor()
        if begin:
            self._cursor.execute(begin)
            self._open = True

    def _commit(self) -> None:
        if not self._open:
            return
        self._cursor.execute("COMMIT")
        self._open = False
        if getattr(self._cursor, "statusmessage", None) == "ROLLBACK":
            # Postgres answers so when a statement had failed and the caller went on as if it had not.
            self._give_back()
            raise StoreContention("a statement of this transaction had failed; nothing of it is kept")

    def _undo(self) -> None:
        try:
            if self._open:
                with suppress(*DRIVER_ERRORS):
                    self._cursor.execute("ROLLBACK")
            if self._lost():
                self._discard()
        finally:
            self._open = False
            self._give_back()

    def _lost(self) -> bool:
        if self._connection is None:
            return False
        return bool(getattr(self._connection.driver_connection, "closed", False))

    def _discard(self) -> None:
        """Drop this connection and every idle one: the server they spoke to is gone."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection = None
            self._database.drop_connections()

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None and self._pool is not self._database.pool:
                # Its pool was given up meanwhile: nobody would ever take it from there, or close it.
                connection.invalidate()
            elif connection is not None:
                connection.close()
        finally:
            if not self._read_only:
                self._database.unlock_writing()


def _raise_meaning(error: BaseException) -> None:
    """Raise what a driver's error means to the engine; return for every other error."""
    meant = translated(error) if isinstance(error, Exception) else None
    if meant is not None:
        raise meant from error
