"""How the database layer behaves with a real Postgres that is slow, contended, restarted, or behind a pooler."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from penstock_runtime.domain.errors import StoreContention, StoreUnavailable
from penstock_runtime.persistence.database import Database
from penstock_runtime.persistence.engine import DatabaseOptions, open_database
from support.servers import PostgresServer

TABLE = "CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY, n int) "

# Of this test's own database: other workers' are on the same server.
END_OURS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name = 'penstock' AND datname = current_database()"""


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = open_database(DatabaseOptions(postgres_url, statement_seconds=0.5, lock_seconds=0.2))
    run(database, TABLE)
    run(database, "INSERT INTO t VALUES (1, 0), (2, 0)")
    yield database
    database.close()


def run(database: Database, text: str) -> None:
    with database.transaction() as session:
        session._cursor.execute(text)


def number(database: Database) -> int:
    with database.transaction(read_only=True) as session:
        return int(session.text("SELECT sum(n) FROM t")[0][0])


def test_a_statement_that_takes_too_long_is_ended(database: Database):
    with pytest.raises(StoreUnavailable, match="statement timeout"):
        run(database, "SELECT pg_sleep(30)")
    assert number(database) == 0


def test_a_transaction_that_idles_is_ended_and_its_rows_are_free(database: Database, postgres_url: str):
    """A process that froze in mid-transaction: the server ends it, though nobody asks."""
    holding, released = threading.Event(), threading.Event()
    said: list[BaseException] = []

    def freeze() -> None:
        try:
            with database.transaction() as session:
                session._cursor.execute("UPDATE t SET n = 7 WHERE id = 1")
                holding.set()
                assert released.wait(30)
        except StoreUnavailable as error:
            said.append(error)

    frozen = threading.Thread(target=freeze)
    frozen.start()
    assert holding.wait(30)
    with psycopg.connect(postgres_url, autocommit=True) as patient:
        patient.execute("UPDATE t SET n = n + 1 WHERE id = 1")  # waits until the server has ended the other
    released.set()
    frozen.join(30)
    assert len(said) == 1
    assert number(database) == 1


def test_a_lock_that_is_held_too_long_is_contention(database: Database):
    with database.transaction() as session:
        session._cursor.execute("UPDATE t SET n = 1 WHERE id = 1")
        with pytest.raises(StoreContention, match="lock timeout"):
            run(database, "UPDATE t SET n = 2 WHERE id = 1")
    assert number(database) == 1


def test_a_deadlock_is_contention_for_one_of_the_two(postgres_url: str):
    database = open_database(DatabaseOptions(postgres_url))
    run(database, TABLE)
    run(database, "INSERT INTO t VALUES (1, 0), (2, 0)")
    meet = threading.Barrier(2)
    outcomes: list[str] = []

    def lock_both(first: int, second: int) -> None:
        try:
            with database.transaction() as session:
                session._cursor.execute(f"UPDATE t SET n = n + 1 WHERE id = {first}")
                meet.wait(30)
                session._cursor.execute(f"UPDATE t SET n = n + 1 WHERE id = {second}")
            outcomes.append("kept")
        except StoreContention:
            outcomes.append("contention")

    threads = [threading.Thread(target=lock_both, args=order) for order in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["contention", "kept"]
    assert number(database) == 2
    database.close()


def test_an_error_that_the_caller_swallowed_is_not_a_commit(database: Database):
    with pytest.raises(StoreContention, match="had failed"), database.transaction() as session:  # noqa: PT012
        session._cursor.execute("UPDATE t SET n = 1 WHERE id = 1")
        with pytest.raises(psycopg.errors.UniqueViolation):
            session._cursor.execute("INSERT INTO t VALUES (1, 0)")
    assert number(database) == 0


def test_connections_that_died_while_idle_are_replaced_unseen(database: Database, postgres_url: str):
    """A restart between two transactions: the next one works, whichever connection it is given."""
    with database.transaction(), database.transaction(), database.transaction():
        pass
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(END_OURS)
    for _ in range(4):
        run(database, "UPDATE t SET n = n + 1 WHERE id = 1")
    assert number(database) == 4


def test_a_reading_connection_that_died_is_the_callers_to_repeat(database: Database, postgres_url: str):
    with database.transaction(read_only=True) as session:
        session.text("SELECT 1")
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(END_OURS)
    with pytest.raises(StoreUnavailable):
        number(database)
    assert number(database) == 0


def test_a_restart_is_unavailable_and_then_over(durable_postgres: PostgresServer):
    database = open_database(DatabaseOptions(durable_postgres.url()))
    run(database, TABLE)
    run(database, "INSERT INTO t VALUES (1, 1)")
    durable_postgres.stop("kill")
    with pytest.raises(StoreUnavailable):
        run(database, "UPDATE t SET n = 5 WHERE id = 1")
    durable_postgres.start()
    run(database, "UPDATE t SET n = n + 1 WHERE id = 1")
    assert number(database) == 2
    database.close()


def test_a_pooler_that_refuses_settings_gets_them_with_each_transaction(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    real = psycopg.connect
    refused: list[Any] = []

    def pooler(**arguments: Any) -> Any:
        if arguments.get("options"):
            refused.append(arguments["options"])
            raise psycopg.OperationalError("unsupported startup parameter: options")
        return real(**arguments)

    monkeypatch.setattr(psycopg, "connect", pooler)
    database = open_database(DatabaseOptions(postgres_url, statement_seconds=3))
    with database.transaction(read_only=True) as session:
        session.text("SELECT 1")
    for read_only in (True, False):
        with database.transaction(read_only=read_only) as session:
            assert session.text("SHOW statement_timeout") == [("3s",)]
            assert session.text("SHOW timezone") == [("UTC",)]
    assert len(refused) == 1
    database.close()
    monkeypatch.undo()


def test_statements_are_prepared_only_where_nobody_stands_between(postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    database = open_database(DatabaseOptions(postgres_url))
    direct = database.connect()
    assert direct.prepare_threshold is not None
    direct.close()
    # A pooler hands out a process id of its own making.
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", property(lambda _: 1))
    pooled = database.connect()
    assert pooled.prepare_threshold is None
    pooled.close()
    database.close()


def test_a_password_that_was_rotated_is_asked_for_again(postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    real, passwords = psycopg.connect, iter(["old", "new"])

    def server(**arguments: Any) -> Any:
        if arguments["password"] == "old":
            raise psycopg.OperationalError('FATAL:  password authentication failed for user "postgres"')
        return real(**arguments)

    monkeypatch.setattr(psycopg, "connect", server)
    database = open_database(DatabaseOptions(postgres_url, password=lambda: next(passwords)))
    with database.transaction(read_only=True) as session:
        assert session.text("SELECT 1") == [(1,)]
    database.close()
    monkeypatch.undo()


def test_a_connection_whose_pool_was_given_up_is_closed(postgres_url: str):
    """It was in use when another found the server gone; kept, it would hold a connection of the server for nothing."""
    database = open_database(DatabaseOptions(postgres_url))
    with database.transaction() as session:
        session.text("SELECT 1")
        driver = session._cursor.connection
        database.drop_connections()
        assert not driver.closed
    assert driver.closed
    with database.transaction() as session:
        assert session.text("SELECT 1")[0][0] == 1
    database.close()
