"""Bringing the schema up to date, once, whoever starts first.

A start costs one small statement: the revision. Alembic is imported only when it is not the one this code knows.
Steps are of two kinds. Additive ones run at start; code runs on its own schema and the next one, so that a rollback
works. Removing ones (the branch label `post` in a revision's module) run only by `penstock db upgrade --post`, once
no older process is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from penstock_runtime.domain.errors import Conflict
from penstock_runtime.persistence.database import DRIVER_ERRORS, Database
from penstock_runtime.persistence.faults import translating

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import Connection

HEAD = "0002"
"""The newest revision this code brings; a test compares it with the scripts."""

NEXT_TOLERATED = 1
"""How many revisions a database may be ahead of the code: one, so that the release before still runs."""

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x70656E73746F636B  # "penstock" as a number, for Postgres' advisory lock


class DatabaseTooNew(Conflict):
    """The database was migrated by a release more than one step ahead of this one."""


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """Where a database stands. `revision` is None before the first upgrade; what is pending is in order."""

    revision: str | None
    head: str
    pending: tuple[str, ...] = ()
    pending_post: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether this code can work on it."""
        return self.revision is not None and not self.pending


def current_revision(database: Database) -> str | None:
    """Return the database's revision, None when it is empty."""
    with translating():
        connection = database.pool.connect()
        try:
            driver: Any = connection.driver_connection
            return _revision(driver)
        finally:
            connection.close()


def _revision(driver: Any) -> str | None:
    try:
        row = driver.execute("SELECT version_num FROM alembic_version").fetchone()
    except DRIVER_ERRORS as error:
        if isinstance(error, psycopg.errors.UndefinedTable) or "no such table" in str(error):
            return None
        raise
    return None if row is None else str(row[0])


def _has_revision(database: Database, driver: Any) -> bool:
    """Tell whether the table is there, without the error that would spoil a transaction of Postgres."""
    if database.name == "postgresql":
        return driver.execute("SELECT to_regclass('alembic_version')").fetchone()[0] is not None
    found = driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    return found is not None


def ensure_schema(database: Database) -> None:
    """Make the database ready for this code: nothing when it is, else the additive steps. Or DatabaseTooNew."""
    if current_revision(database) != HEAD:
        upgrade(database)


def database_status(database: Database) -> DatabaseStatus:
    """Return where the database stands and what is to be done."""
    revision = current_revision(database)
    if revision == HEAD:
        return DatabaseStatus(revision, HEAD)
    steps = _steps_after(revision)
    additive = []
    for name, post in steps:
        if post:
            break
        additive.append(name)
    return DatabaseStatus(revision, HEAD, tuple(additive), tuple(name for name, _ in steps[len(additive) :]))


def upgrade(database: Database, *, post: bool = False) -> DatabaseStatus:
    """Run what is pending, in one process at a time; `post` includes the removing steps. Returns where it stands now.

    StoreUnavailable when the database does not answer; DatabaseTooNew when a newer release has been here.
    """
    with translating(), _locked(database) as connection:
        # Asked again under the lock: another process may have done it meanwhile.
        driver: Any = connection.connection.driver_connection
        revision = _revision(driver) if _has_revision(database, driver) else None
        wanted: str | None = None
        for name, is_post in _steps_after(revision):
            if is_post and not post:
                break
            wanted = name
        if wanted is not None:
            _run_to(connection, wanted)
    return database_status(database)


def _steps_after(revision: str | None) -> list[tuple[str, bool]]:
    """Return (revision, whether it removes) of each step from there on; nothing for a newer but tolerated database."""
    scripts = _scripts()
    order = [script.revision for script in scripts.walk_revisions()][::-1]
    if revision is not None and revision not in order:
        ahead = int(revision) - int(HEAD) if revision.isdigit() else NEXT_TOLERATED + 1
        if ahead > NEXT_TOLERATED:
            raise DatabaseTooNew(
                f"the database is at revision {revision}, this release knows {HEAD}: start a newer release of Penstock"
            )
        return []
    left = order if revision is None else order[order.index(revision) + 1 :]
    return [(name, bool(getattr(scripts.get_revision(name).module, "post", False))) for name in left]


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def _run_to(connection: Connection, revision: str) -> None:
    from alembic import command

    command.upgrade(_config(connection), revision)


@contextmanager
def _locked(database: Database) -> Iterator[Connection]:
    """Give a connection of its own that holds the right to migrate, in one transaction with the steps."""
    from sqlalchemy import NullPool, create_engine

    scheme = "postgresql+psycopg" if database.name == "postgresql" else "sqlite"
    engine = create_engine(f"{scheme}://", creator=database.connect, poolclass=NullPool)
    # The driver is in autocommit mode and SQLAlchemy leaves it there: the transaction is begun and ended by name.
    # `begin` tells Alembic that a transaction is open, which it then leaves alone.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection, connection.begin():
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN" if database.name == "postgresql" else "BEGIN IMMEDIATE")
        try:
            if database.name == "postgresql":
                # Building an index of a grown table takes longer than a statement of the engine may.
                driver.execute("SET LOCAL statement_timeout = 0")
                driver.execute("SET LOCAL lock_timeout = 0")
                driver.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                driver.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection
            driver.execute("COMMIT")
        except BaseException:
            with suppress(*DRIVER_ERRORS):
                driver.execute("ROLLBACK")
            raise
