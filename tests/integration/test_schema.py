"""The migrations make exactly the schema that the code declares, once, whoever starts first."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect

from penstock_runtime.domain.errors import StoreUnavailable
from penstock_runtime.persistence import account_tables, migrate
from penstock_runtime.persistence.database import Database
from penstock_runtime.persistence.engine import DatabaseOptions, open_database
from penstock_runtime.persistence.run_store import SqlRunStore

METADATA = account_tables.users.metadata


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    database = open_database(DatabaseOptions(empty_url))
    yield database
    database.close()


def sqlalchemy_engine(url: str) -> Engine:
    return create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def schema_of(url: str) -> dict[str, Any]:
    """Return everything that the database says about its tables, in an order of its own."""
    engine = sqlalchemy_engine(url)
    found = inspect(engine)
    tables = {}
    for name in set(found.get_table_names()) - {"alembic_version"}:
        tables[name] = {
            "columns": {c["name"]: (str(c["type"]), c["nullable"], c.get("default")) for c in found.get_columns(name)},
            "key": found.get_pk_constraint(name),
            "indexes": ordered(found.get_indexes(name)),
            "unique": ordered(found.get_unique_constraints(name)),
            "checks": ordered(found.get_check_constraints(name)),
            "references": ordered(found.get_foreign_keys(name)),
        }
    engine.dispose()
    return tables


def ordered(entries: list[Any]) -> list[str]:
    return sorted(repr(sorted((name, shown(value)) for name, value in entry.items())) for entry in entries)


def shown(value: Any) -> str:
    return str({name: str(one) for name, one in value.items()} if isinstance(value, dict) else value)


def test_the_migrated_schema_is_the_declared_one(empty_url: str, request: pytest.FixtureRequest):
    migrated_url = request.getfixturevalue("sqlite_url" if empty_url.startswith("sqlite") else "postgres_url")
    engine = sqlalchemy_engine(empty_url)
    METADATA.create_all(engine)
    engine.dispose()
    declared, migrated = schema_of(empty_url), schema_of(migrated_url)
    assert migrated.keys() == declared.keys()
    for table, said in declared.items():
        assert migrated[table] == said, table


def test_the_code_knows_its_newest_revision():
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    assert scripts.get_heads() == [migrate.HEAD]


def test_an_empty_database_is_brought_up_to_date(empty: Database):
    before = migrate.database_status(empty)
    assert (before.revision, before.ready, before.pending[-1]) == (None, False, migrate.HEAD)
    after = migrate.upgrade(empty)
    assert (after.revision, after.ready, after.pending) == (migrate.HEAD, True, ())
    assert migrate.upgrade(empty) == after
    with SqlRunStore(empty).transaction() as tx:
        assert tx.newest_code_version() is None


def test_two_that_start_at_once_migrate_once(empty_url: str):
    databases = [open_database(DatabaseOptions(empty_url)) for _ in range(3)]
    errors: list[BaseException] = []

    def start(database: Database) -> None:
        try:
            migrate.ensure_schema(database)
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=start, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    for database in databases:
        assert migrate.current_revision(database) == migrate.HEAD
        database.close()


def test_a_failed_migration_leaves_nothing(empty: Database, monkeypatch: pytest.MonkeyPatch):
    real = migrate._run_to

    def half(connection: Any, revision: str) -> None:
        real(connection, revision)
        raise StoreUnavailable("in the middle")

    monkeypatch.setattr(migrate, "_run_to", half)
    with pytest.raises(StoreUnavailable):
        migrate.upgrade(empty)
    monkeypatch.undo()
    assert migrate.current_revision(empty) is None
    assert migrate.upgrade(empty).ready


def test_a_database_one_release_ahead_is_accepted_two_are_not(database_url: str):
    database = open_database(DatabaseOptions(database_url))
    ahead = [f"{int(migrate.HEAD) + steps:04}" for steps in (1, 2)]
    with database.transaction() as session:
        session.text(f"UPDATE alembic_version SET version_num = '{ahead[0]}' RETURNING 1")
    migrate.ensure_schema(database)
    assert migrate.database_status(database).ready
    with database.transaction() as session:
        session.text(f"UPDATE alembic_version SET version_num = '{ahead[1]}' RETURNING 1")
    with pytest.raises(migrate.DatabaseTooNew, match=ahead[1]):
        migrate.ensure_schema(database)
    database.close()


def test_a_start_on_a_database_that_is_up_to_date_needs_no_alembic(sqlite_url: str):
    program = (
        "import sys\n"
        "from penstock_runtime.persistence.engine import DatabaseOptions, open_database\n"
        "from penstock_runtime.persistence.migrate import ensure_schema\n"
        f"ensure_schema(open_database(DatabaseOptions({sqlite_url!r})))\n"
        "sys.exit('alembic' in sys.modules)\n"
    )
    path = str(Path(migrate.__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
