"""Fixtures for databases: one real Postgres per test run, a fresh clone of a migrated database per test.

`postgres_url`, `sqlite_url`: migrated, empty, this test's own. `database_url` and `run_store`: the test runs on both.
`empty_postgres_url`: without a schema. `durable_postgres`: a server of the test's own that loses nothing, to be killed
and started again. `redis_url`: an empty Redis.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from penstock_runtime.persistence.engine import DatabaseOptions, open_database
from penstock_runtime.persistence.migrate import upgrade
from penstock_runtime.persistence.run_store import SqlRunStore
from support.servers import (
    CARELESS,
    PostgresServer,
    RedisServer,
    end_leftovers,
    end_servers,
    locked,
    new_folder,
    private_folder,
)

TEMPLATE = "penstock_template"
FOLDER = pytest.StashKey[Path]()
_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """Take the run's folder from the controller of a distributed run; else there is none until it is needed."""
    given = getattr(config, "workerinput", {}).get("servers_folder")
    if given:
        config.stash[FOLDER] = Path(given)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """Tell a worker where this run's servers are."""
    node.workerinput["servers_folder"] = str(folder_of(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what was started: the controller does, after its workers."""
    folder = config.stash.get(FOLDER, None)
    if folder is not None and not hasattr(config, "workerinput"):
        end_servers(folder)


def folder_of(config: pytest.Config) -> Path:
    """Return the folder of this run's servers."""
    if FOLDER not in config.stash:
        end_leftovers()
        config.stash[FOLDER] = new_folder()
    return config.stash[FOLDER]


def migrate(url: str) -> None:
    """Bring a database up to date."""
    database = open_database(DatabaseOptions(url))
    upgrade(database)
    database.close()


def administer(server: PostgresServer, statement: str) -> None:
    """Run one statement that no transaction may hold."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> PostgresServer:
    """The Postgres that this whole run shares; whoever needs it first starts it."""
    folder = folder_of(pytestconfig)
    server = PostgresServer(folder / "pg", CARELESS)
    with locked(folder / "lock"):
        if not (folder / "pg-ready").exists():
            private_folder(folder, "pg")
            server.create()
            server.start()
            administer(server, f"CREATE DATABASE {TEMPLATE}")
            migrate(server.url(TEMPLATE))
            (folder / "pg-ready").touch()
    return server


def fresh_database(server: PostgresServer, template: str) -> Iterator[str]:
    """Give the URL of a new database, and drop it afterwards, whoever is still connected."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url(name)
    administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A migrated, empty database."""
    yield from fresh_database(postgres_server, TEMPLATE)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database without a schema."""
    yield from fresh_database(postgres_server, "template0")


@pytest.fixture(scope="session")
def sqlite_template(pytestconfig: pytest.Config) -> Path:
    """A migrated, empty file to copy."""
    folder = folder_of(pytestconfig)
    path = folder / "template.db"
    with locked(folder / "sqlite-lock"):
        if not path.exists():
            making = folder / "making.db"
            migrate(f"sqlite:///{making}")
            making.rename(path)
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated, empty database file of this test's own."""
    path = tmp_path / "penstock.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database: the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def run_store(database_url: str) -> Iterator[SqlRunStore]:
    """The run store on each kind of database."""
    store = SqlRunStore.open(DatabaseOptions(database_url))
    yield store
    store.close()


@pytest.fixture
def durable_postgres(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """A server of this test's own, running, with every safety on; its `postgres` database is migrated."""
    folder = private_folder(folder_of(pytestconfig), f"pg-{os.getpid()}-{next(_numbers)}")
    server = PostgresServer(folder)
    server.create()
    server.start()
    migrate(server.url())
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis of this worker."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty Redis; its fault tests stop and start `redis_server`."""
    import redis

    with redis.Redis.from_url(redis_server.url) as connection:
        connection.flushall()
    return redis_server.url
