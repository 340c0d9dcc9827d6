"""Wake-ups by Postgres' LISTEN and NOTIFY, where there is no Redis: one connection more a process that listens.

A NOTIFY is a transaction of its own, after the one it tells of, and waits for no disk: it takes a lock that all
notifying commits share, which must not stand in the way of the engine's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import errors
from sqlalchemy import bindparam, func, select

from penstock_runtime.persistence.database import Database
from penstock_runtime.persistence.wakeup_link import CannotListen

PREFIX = "penstock_"
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.1, 5.0
MOST_DOUBLINGS = 8
_NOTIFY = select(func.set_config("synchronous_commit", "off", True), func.pg_notify(bindparam("to"), bindparam("what")))


class PostgresCarrier:
    """A `Carrier` over the run store's own database, whose name is enough of a namespace: channels are a database's."""

    name = "Postgres (LISTEN and NOTIFY)"

    def __init__(self, database: Database) -> None:
        """Connect to nothing yet."""
        self._database = database
        self._connection: psycopg.Connection[Any] | None = None

    def send(self, channel: str, message: str) -> None:
        """See the port: by a connection of the pool, for a moment."""
        with self._database.transaction() as session:
            session.rows(_NOTIFY, to=PREFIX + channel, what=message)

    def stop_sending(self) -> None:
        """See the port: nothing is held."""

    def listen(self, channels: Sequence[str]) -> None:
        """See the port."""
        self.stop_listening()
        connection = self._connection = self._database.connect()
        (process,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        if process != connection.info.backend_pid:
            raise CannotListen("a pooler stands between, which gives each transaction another connection")
        try:
            for channel in channels:
                connection.execute(f"LISTEN {PREFIX}{channel}")
        except (errors.FeatureNotSupported, errors.InsufficientPrivilege) as error:
            raise CannotListen(" ".join(str(error).split())) from error

    def receive(self, seconds: float) -> Sequence[str]:
        """See the port."""
        if self._connection is None:
            return ()
        return [found.payload for found in self._connection.notifies(timeout=seconds, stop_after=1)]

    def stop_listening(self) -> None:
        """See the port."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def pause(self, failures: int) -> float:
        """See the port."""
        return float(min(FIRST_PAUSE_SECONDS * 2 ** min(failures, MOST_DOUBLINGS), LAST_PAUSE_SECONDS))
