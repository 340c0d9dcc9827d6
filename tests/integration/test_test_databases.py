"""The databases that other tests stand on: empty, migrated, each test's own."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
import redis

from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from support.servers import PostgresServer

NOW = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize("round_", [1, 2])
def test_each_test_has_a_database_of_its_own(run_store: SqlRunStore, round_: int):
    with run_store.transaction() as tx:
        assert tx.newest_code_version() is None
        assert tx.publish_code_version("a" * 64, NOW).number == 1


def test_a_durable_server_keeps_what_was_committed_when_killed(durable_postgres: PostgresServer):
    with psycopg.connect(durable_postgres.url(), autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")
        store = SqlRunStore.open(DatabaseOptions(durable_postgres.url()))
        with store.transaction() as tx:
            tx.publish_code_version("a" * 64, NOW)
    durable_postgres.stop("kill")
    durable_postgres.start()
    with store.transaction() as tx:
        assert tx.newest_code_version() is not None
    store.close()


@pytest.mark.parametrize("round_", [1, 2])
def test_redis_is_empty(redis_url: str, round_: int):
    with redis.Redis.from_url(redis_url) as connection:
        assert connection.dbsize() == 0
        connection.set("left", "behind")
