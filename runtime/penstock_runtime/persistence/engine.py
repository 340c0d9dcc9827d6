"""Opening a database from its URL."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Dialect, make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import ArgumentError

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.persistence.database import Database, Dialogue, PoolSize

# Where the lock files of SQLite lie to it: each machine sees its own locks, and two writers corrupt the file.
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p", "afs", "ceph", "cifs", "fuse.blobfuse", "fuse.blobfuse2", "fuse.cephfs", "fuse.gcsfuse",
        "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs",
        "nfs4", "ocfs2", "smb", "smb2", "smb3", "smbfs",
    }
)  # fmt: skip


_PREPARE_AFTER = 2
_PREPARED_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """How to reach a database.

    `url`: `sqlite:///path`, or `postgresql://…`. `password` reads a managed password: it is called at the first
    connection and again, once, when the server refuses what it gave (they rotate); None takes the URL's. `ca_file`
    makes TLS verified, name included; `ssl_mode`, in libpq's words, asks for less or more. What the URL says goes
    before both. The timeouts hold for Postgres; `busy_seconds` is SQLite's wait for the writer before it.
    """

    url: str
    pool_size: int = 5
    ca_file: str | None = None
    ssl_mode: str | None = None
    password: Callable[[], str] | None = None
    connect_seconds: int = 5
    statement_seconds: float = 5.0
    lock_seconds: float = 4.0
    pool_seconds: float = 10.0
    busy_seconds: float = 5.0


def open_database(options: DatabaseOptions) -> Database:
    """Return the database of a URL, not yet connected; InvalidInput for a URL that cannot be used."""
    try:
        url = parsed(options.url)
    except ArgumentError:
        raise InvalidInput("DATABASE_URL is not a URL: sqlite:///path or postgresql://…", "DATABASE_URL") from None
    makers = {"sqlite": _open_sqlite, "postgresql": _open_postgres, "postgres": _open_postgres}
    maker = makers.get(url.get_backend_name())
    if maker is None:
        raise InvalidInput(
            f"DATABASE_URL: {url.get_backend_name()!r} is not supported; sqlite and postgresql are", "DATABASE_URL"
        )
    return maker(url, options)


def _pool(options: DatabaseOptions) -> PoolSize:
    return PoolSize(options.pool_size, options.pool_seconds, options.busy_seconds)


# --- SQLite -----------------------------------------------------------------------------------------------------------
def _open_sqlite(url: URL, options: DatabaseOptions) -> Database:
    if not url.database or url.database == ":memory:":
        raise InvalidInput("DATABASE_URL: sqlite needs a file, as sqlite:////absolute/path.db", "DATABASE_URL")
    path = Path(url.database).absolute()
    refuse_network_file_system(path)

    def connect() -> sqlite3.Connection:
        return _connect_sqlite(path, options.busy_seconds)

    dialogue = Dialogue(
        begin_write="BEGIN IMMEDIATE",
        begin_read="BEGIN",
        time="SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
        one_writer=True,
    )
    dialect: Dialect = SQLiteDialect_pysqlite(paramstyle="named")
    return Database(connect, dialect, dialogue, _pool(options))


def _connect_sqlite(path: Path, busy_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def refuse_network_file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Raise InvalidInput when the file would lie on a network file system; say nothing where mounts are unknown."""
    if not mounts.exists():
        return
    where = str(path.resolve())
    best, kind = "", ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, mount_point, mount_kind, *_ = [*line.split(" "), "", "", ""]
        # A space in a mount point is written \040.
        point = mount_point.replace("\\040", " ")
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        if point and inside and len(point) >= len(best):
            best, kind = point, mount_kind
    if kind in NETWORK_FILE_SYSTEMS:
        raise InvalidInput(
            f"DATABASE_URL: {where} lies on a network file system ({kind} at {best}), where SQLite's locks do not "
            "hold; use a local disk, or Postgres",
            "DATABASE_URL",
        )


# --- Postgres ---------------------------------------------------------------------------------------------------------
def _open_postgres(url: URL, options: DatabaseOptions) -> Database:
    connector = _PostgresConnector(url, options)
    plain = Dialogue(begin_write="BEGIN", begin_read="", time="SELECT clock_timestamp()")
    local = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in connector.settings.items())
    begin = f"BEGIN; {local}"
    through_pooler = Dialogue(begin_write=begin, begin_read=begin, time=plain.time)
    dialect: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
    database = Database(connector.connect, dialect, plain, _pool(options))

    def found_pooler() -> None:
        database.dialogue = through_pooler

    connector.found_pooler = found_pooler
    return database


class _PostgresConnector:
    """Makes connections, with the settings that bound how long a frozen process can hide its rows."""

    def __init__(self, url: URL, options: DatabaseOptions) -> None:
        self._options = options
        self.settings: Mapping[str, str] = {
            "statement_timeout": f"{int(options.statement_seconds * 1000)}ms",
            "idle_in_transaction_session_timeout": f"{int(options.statement_seconds * 1000)}ms",
            "lock_timeout": f"{int(options.lock_seconds * 1000)}ms",
            "timezone": "UTC",
        }
        self._pooled = False
        self._password: str | None = None
        self._reading = threading.Lock()
        self.found_pooler: Callable[[], None] = lambda: None
        self._arguments: dict[str, Any] = {
            "host": url.host,
            "port": url.port,
            "user": url.username,
            "password": url.password,
            "dbname": url.database,
            "connect_timeout": options.connect_seconds,
            "application_name": "penstock",
            # A server that vanished without a word is noticed within the member lease.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        }
        self._arguments |= {"sslrootcert": options.ca_file, "sslmode": options.ssl_mode}
        if options.ca_file and options.ssl_mode is None:
            self._arguments |= {"sslmode": "verify-full"}
        given = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
        self._arguments |= {**given, **hosts_of(url)}
        self._arguments = {name: value for name, value in self._arguments.items() if value is not None}

    def connect(self) -> psycopg.Connection[Any]:
        """Return a new connection; psycopg.OperationalError when there is none to be had."""
        read = self._options.password
        if read is None:
            return self._open(self._arguments)
        password = self._password or self._read_password(read, refused=None)
        try:
            return self._open(self._arguments | {"password": password})
        except psycopg.OperationalError as error:
            if "password authentication failed" not in str(error):
                raise
            fresh = self._read_password(read, refused=password)
            if fresh == password:
                raise
            return self._open(self._arguments | {"password": fresh})

    def _read_password(self, read: Callable[[], str], refused: str | None) -> str:
        """Return a password that is not the refused one, if there is one: read once, whichever threads ask."""
        with self._reading:
            if self._password is None or self._password == refused:
                self._password = read()
            return self._password

    def _open(self, arguments: Mapping[str, Any]) -> psycopg.Connection[Any]:
        if self._pooled:
            return self._connect(arguments)
        ours = " ".join(f"-c {name}={value}" for name, value in self.settings.items())
        try:
            return self._connect({**arguments, "options": f"{arguments.get('options', '')} {ours}".strip()})
        except psycopg.OperationalError as error:
            if "unsupported startup parameter" not in str(error):
                raise
        # A pooler that refuses settings at connect: they go with each transaction then, in the same round trip.
        self._pooled = True
        self.found_pooler()
        return self._connect(arguments)

    @staticmethod
    def _connect(arguments: Mapping[str, Any]) -> psycopg.Connection[Any]:
        connection = psycopg.connect(autocommit=True, prepare_threshold=None, **arguments)
        try:
            (process,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        except psycopg.Error:
            connection.close()
            raise
        if process == connection.info.backend_pid:
            # The server's own word that nobody stands between: a pooler hands out a process id of its own making, and
            # gives the next transaction to another process, which does not know what was prepared. Preparing halves
            # what a statement costs the server.
            connection.prepare_threshold = _PREPARE_AFTER
            connection.prepared_max = _PREPARED_AT_MOST
        return connection


def shown(url: str) -> str:
    """Return a database's URL without its password, for people."""
    return parsed(url).render_as_string(hide_password=True)


_SEVERAL_HOSTS = re.compile(
    r"^(?P<before>postgres(?:ql)?://(?:[^@/]*@)?)(?P<hosts>[^@/?]*,[^@/?]*)(?P<after>(?:[/?].*)?)$"
)


def parsed(text: str) -> URL:
    """Return a URL, which may name several servers as libpq has it: `postgresql://user@one:5432,two:5432/name`.

    ArgumentError for what is no URL. Several servers stand in its query, as SQLAlchemy has them.
    """
    found = _SEVERAL_HOSTS.match(text)
    if found is None:
        return make_url(text)
    url = make_url(found["before"] + found["after"])
    return url.update_query_dict({"host": tuple(found["hosts"].split(","))})


def hosts_of(url: URL) -> Mapping[str, str]:
    """Return libpq's `host` and `port` for the servers in a URL's query; nothing when there is none."""
    named = url.query.get("host", ())
    places = [part.rpartition(":") for part in ([named] if isinstance(named, str) else named)]
    if not places:
        return {}
    # A folder of a socket has no port of its own; neither has a host whose name is all there is.
    split = [(host, port) if host and port.isdigit() else (host + colon + port, "") for host, colon, port in places]
    ports = {"port": ",".join(port for _, port in split)} if any(port for _, port in split) else {}
    return {"host": ",".join(host for host, _ in split), **ports}
