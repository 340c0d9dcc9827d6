from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from penstock_runtime.domain.errors import InvalidInput, StoreContention, StoreUnavailable
from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.persistence import clock as clock_module
from penstock_runtime.persistence.clock import DatabaseClock
from penstock_runtime.persistence.columns import UtcTime, among, to_json, utc_text
from penstock_runtime.persistence.database import Database
from penstock_runtime.persistence.engine import DatabaseOptions, open_database, refuse_network_file_system
from penstock_runtime.persistence.faults import translated
from penstock_runtime.persistence.statements import Prepared
from penstock_runtime.persistence.tables import runs
from penstock_runtime.testing.memory_run_store import InMemoryRunStore

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
SQLITE = SQLiteDialect_pysqlite(paramstyle="named")


# --- which databases are taken ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://h/d", "'mysql' is not supported"),
        ("no url", "is not a URL"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_other_databases_are_refused(url: str, said: str):
    with pytest.raises(InvalidInput, match=said) as refused:
        open_database(DatabaseOptions(url))
    assert refused.value.field == "DATABASE_URL"


@pytest.mark.parametrize(
    ("mounts", "refused"),
    [
        ("/dev/sda / ext4 rw 0 0\n", False),
        ("/dev/sda / ext4 rw 0 0\nserver:/x /data nfs4 rw 0 0\n", True),
        ("/dev/sda / ext4 rw 0 0\nx {at} fuse.sshfs rw 0 0\n", True),
        ("server:/x / nfs rw 0 0\ntmpfs /data tmpfs rw 0 0\n", False),
        ("server:/x / nfs rw 0 0\n/dev/sda /dat ext4 rw 0 0\n", True),
        ("//nas/x /data/my\\040share cifs rw 0 0\n", False),
        ("nonsense\n\n", False),
    ],
)
def test_a_network_file_system_is_refused(tmp_path: Path, mounts: str, refused: bool):  # noqa: FBT001 - a parameter of the table above
    table = tmp_path / "mounts"
    table.write_text(mounts.format(at="/data/p"))
    if refused:
        with pytest.raises(InvalidInput, match="network file system"):
            refuse_network_file_system(Path("/data/p/penstock.db"), table)
    else:
        refuse_network_file_system(Path("/data/p/penstock.db"), table)


def test_a_space_in_a_mount_point_is_understood(tmp_path: Path):
    table = tmp_path / "mounts"
    table.write_text("//nas/x /data/my\\040share cifs rw 0 0\n")
    with pytest.raises(InvalidInput, match=r"cifs at /data/my share"):
        refuse_network_file_system(Path("/data/my share/penstock.db"), table)
    refuse_network_file_system(Path("/data/my"), tmp_path / "no such table")


# --- errors ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (errors.DeadlockDetected("deadlock"), StoreContention),
        (errors.SerializationFailure("again"), StoreContention),
        (errors.LockNotAvailable("held"), StoreContention),
        (errors.QueryCanceled("statement timeout"), StoreUnavailable),
        (errors.AdminShutdown("bye"), StoreUnavailable),
        (errors.CannotConnectNow("starting"), StoreUnavailable),
        (errors.TooManyConnections("full"), StoreUnavailable),
        (errors.ReadOnlySqlTransaction("standby"), StoreUnavailable),
        (psycopg.OperationalError("connection refused"), StoreUnavailable),
        (psycopg.InterfaceError("the connection is closed"), StoreUnavailable),
        (errors.UniqueViolation("twice"), None),
        (errors.UndefinedTable("no table"), None),
        (ValueError("ours"), None),
    ],
)
def test_what_a_driver_says_is_told_apart(error: Exception, meant: type[Exception] | None):
    found = translated(error)
    assert found is None if meant is None else isinstance(found, meant)


def test_a_full_disk_is_named():
    assert "disk is full" in str(translated(errors.DiskFull("no space")))
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    connection.close()
    assert "disk is full" in str(translated(full.value))


# --- values ----------------------------------------------------------------------------------------------------------
def test_text_of_times_sorts_as_times_do():
    times = [NOW, NOW + timedelta(microseconds=1), NOW.replace(microsecond=0), datetime(999, 1, 1, tzinfo=UTC)]
    texts = [utc_text(time) for time in times]
    assert sorted(texts) == [utc_text(time) for time in sorted(times)]
    assert {len(text) for text in texts} == {32}


def test_json_is_ascii_and_takes_any_mapping():
    from types import MappingProxyType

    assert to_json({"a": MappingProxyType({"b": "\0é\ud800"})}) == '{"a":{"b":"\\u0000\\u00e9\\ud800"}}'


# --- statements ------------------------------------------------------------------------------------------------------
def test_short_lists_are_bound_one_by_one_on_sqlite():
    prepared = Prepared(select(runs.c.id).where(among(runs.c.id, "ids")), SQLITE)
    text_of_three, bound = prepared.bind({"ids": ["a", "b", "c"]})
    assert text_of_three.endswith("IN (:ids_0, :ids_1, :ids_2, :ids_3)")
    assert bound == {"ids_0": "a", "ids_1": "b", "ids_2": "c", "ids_3": "c"}
    for ids in ([], ["x"] * 17):
        listed, bound = prepared.bind({"ids": ids})
        assert "json_each(:ids)" in listed
        assert bound == {"ids": to_json(ids)}


def test_lists_are_arrays_on_postgres():
    prepared = Prepared(select(runs.c.id).where(among(runs.c.id, "ids")), PGDialect_psycopg())
    listed, bound = prepared.bind({"ids": [RunStatus.QUEUED]})
    assert "= ANY(" in listed
    assert bound == {"ids": ["queued"]}
    assert type(bound["ids"][0]) is str


def test_a_statement_whose_text_would_depend_on_values_is_refused():
    with pytest.raises(TypeError, match="among"):
        Prepared(select(runs.c.id).where(runs.c.id.in_(["a"])), SQLITE)


def test_a_missing_value_is_an_error_not_a_null():
    prepared = Prepared(text("SELECT :a").bindparams(bindparam("a", type_=UtcTime())), SQLITE)
    with pytest.raises(KeyError, match="a"):
        prepared.bind({})


# --- transactions ----------------------------------------------------------------------------------------------------
@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(DatabaseOptions(f"sqlite:///{tmp_path / 'x.db'}", busy_seconds=0.05, pool_size=2))
    with database.transaction() as session:
        session.text("CREATE TABLE t (x)")
    yield database
    database.close()


def test_a_busy_database_is_contention(database: Database, tmp_path: Path):
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreContention, match="locked"), database.transaction():
        pass
    other.execute("ROLLBACK")
    other.close()
    with database.transaction() as session:
        session.text("INSERT INTO t VALUES (1)")


def test_a_writer_of_this_process_is_waited_for_no_longer_than_allowed(database: Database):
    with (
        database.transaction(),
        pytest.raises(StoreContention, match="another thread"),
        database.transaction(),
    ):
        pass
    with database.transaction(read_only=True) as session:
        assert session.text("SELECT count(*) FROM t") == [(0,)]


def test_a_full_disk_loses_nothing_and_is_survived(database: Database):
    with database.transaction() as session:
        session.text("INSERT INTO t VALUES ('kept')")
    with pytest.raises(StoreUnavailable, match="disk is full"), database.transaction() as session:  # noqa: PT012
        session.text("PRAGMA max_page_count = 3")
        session.text("INSERT INTO t VALUES (zeroblob(1000000))")
    with database.transaction() as session:
        session.text("PRAGMA max_page_count = 1000000")
        session.text("INSERT INTO t VALUES ('after')")
        assert session.text("SELECT x FROM t") == [("kept",), ("after",)]


def test_no_connection_in_time_is_unavailable(tmp_path: Path):
    options = DatabaseOptions(f"sqlite:///{tmp_path / 'x.db'}", pool_size=1, pool_seconds=0.01)
    database = open_database(options)
    with (
        database.transaction(read_only=True),
        pytest.raises(StoreUnavailable, match="no database connection"),
        database.transaction(read_only=True),
    ):
        pass
    database.close()


# --- the clock -------------------------------------------------------------------------------------------------------
class Watch:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(clock_module, "time", watch)
    return watch


def test_time_is_the_databases_carried_by_the_monotonic_clock(watch: Watch):
    clock = DatabaseClock(InMemoryRunStore(lambda: NOW))
    assert clock.now() == NOW
    watch.seconds += 1.5
    assert clock.now() == NOW + timedelta(seconds=1.5)
    assert clock.monotonic() == watch.seconds


def test_time_never_goes_backwards(watch: Watch):
    times = [NOW]
    clock = DatabaseClock(InMemoryRunStore(lambda: times[-1]))
    watch.seconds += 10
    assert clock.now() == NOW + timedelta(seconds=10)
    times.append(NOW + timedelta(seconds=4))
    assert clock.resample() == timedelta(seconds=6)
    assert clock.now() == NOW + timedelta(seconds=10)
    watch.seconds += 5
    assert clock.now() == NOW + timedelta(seconds=10)
    watch.seconds += 2
    assert clock.now() == NOW + timedelta(seconds=11)


def test_a_sample_is_true_in_the_middle_of_its_round_trip(watch: Watch):
    def slow() -> datetime:
        watch.seconds += 2
        return NOW

    assert DatabaseClock(InMemoryRunStore(slow)).now() == NOW + timedelta(seconds=1)


def test_a_sample_that_was_long_on_its_way_is_not_believed(watch: Watch):
    """Its request lay in a stalled connection: the answer is of the end of the round trip, not its middle."""
    began, stalls = watch.seconds, [0.0]

    def stalled() -> datetime:
        watch.seconds += stalls[-1]
        return NOW + timedelta(seconds=watch.seconds - began)

    clock = DatabaseClock(InMemoryRunStore(stalled))
    stalls.append(8.0)
    assert clock.resample() == timedelta(0)
    assert clock.now() == NOW + timedelta(seconds=8)
    stalls.append(0.25)
    clock.resample()
    assert abs(clock.now() - NOW - timedelta(seconds=watch.seconds - began)) <= timedelta(seconds=0.125)


def test_the_first_sample_may_open_the_connection_and_is_asked_again(watch: Watch):
    began, stalls = watch.seconds, [4.0, 3.0, 0.0]

    def slow_at_first() -> datetime:
        watch.seconds += stalls.pop(0)
        return NOW + timedelta(seconds=watch.seconds - began)

    assert DatabaseClock(InMemoryRunStore(slow_at_first)).now() == NOW + timedelta(seconds=7)
