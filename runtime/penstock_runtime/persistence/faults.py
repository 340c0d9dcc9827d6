"""What a driver's error means to the engine: repeat at once, try later, or a fault of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from sqlalchemy import exc

from penstock_runtime.domain.errors import PenstockError, StoreContention, StoreUnavailable

_CONTENTION = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
)
# A statement or a transaction that the server ended because it took too long, and servers that are not there (yet).
_UNAVAILABLE = (
    errors.QueryCanceled,
    errors.IdleInTransactionSessionTimeout,
    errors.ReadOnlySqlTransaction,
    errors.InsufficientResources,
    errors.OperatorIntervention,
    errors.IoError,
    psycopg.InterfaceError,
)
_FULL = "the database's disk is full: nothing is lost, and work goes on once there is space"


def translated(error: Exception) -> PenstockError | None:
    """Return the engine's error for a driver's, or None when it is not about reaching or sharing the database."""
    if isinstance(error, exc.DBAPIError) and isinstance(error.orig, Exception):
        return translated(error.orig)
    if isinstance(error, exc.TimeoutError):
        return StoreUnavailable(f"no database connection became free: {error}")
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    if isinstance(error, psycopg.Error):
        return _of_postgres(error)
    return None


def _of_postgres(error: psycopg.Error) -> PenstockError | None:
    if isinstance(error, errors.DiskFull):
        return StoreUnavailable(_FULL)
    if isinstance(error, _CONTENTION):
        return StoreContention(_text(error))
    # An OperationalError without a code comes from the client library: no server, or a lost connection.
    if isinstance(error, _UNAVAILABLE) or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None):
        return StoreUnavailable(_text(error))
    if isinstance(error, psycopg.OperationalError):
        return StoreUnavailable(_text(error))
    return None


def _of_sqlite(error: sqlite3.Error) -> PenstockError | None:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return StoreUnavailable(_FULL)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreContention(_text(error))
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return StoreUnavailable(_text(error))
    return None


def _text(error: Exception) -> str:
    return " ".join(str(error).split())


@contextmanager
def translating() -> Iterator[None]:
    """Raise the engine's error in place of the driver's."""
    try:
        yield
    except (psycopg.Error, sqlite3.Error, exc.SQLAlchemyError) as error:
        meant = translated(error)
        if meant is None:
            raise
        raise meant from error
