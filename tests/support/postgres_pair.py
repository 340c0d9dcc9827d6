"""A primary Postgres with a standby that follows it synchronously, and addresses that can be moved between them."""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from support.servers import PostgresServer, ServerFailed, private_folder, reachable_programs
from support.waiting import wait_until

REPLICATING = {"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"}
PIECE = 65536


@dataclass
class Address:
    """A port of this machine that leads to a server's socket; `lead_to` moves it and ends what went there before."""

    target: Path | None
    open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, name="address", daemon=True).start()

    def lead_to(self, target: Path | None) -> None:
        with self.lock:
            self.target = target
            for one in self.open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self.open.clear()

    def close(self) -> None:
        self.lead_to(None)
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self.listener.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            with self.lock:
                try:
                    if self.target is None:
                        raise ConnectionRefusedError
                    there.connect(str(self.target / ".s.PGSQL.5432"))
                except OSError:
                    here.close()
                    there.close()
                    continue
                self.open += [here, there]
            threading.Thread(target=carry, args=(here, there), name="carrying", daemon=True).start()


def carry(here: socket.socket, there: socket.socket) -> None:
    """Carry bytes both ways until either side ends, then end both."""
    other = {here: there, there: here}
    with here, there, contextlib.suppress(OSError):
        while True:
            for source in select.select([here, there], [], [])[0]:
                data = source.recv(PIECE)
                if not data:
                    return
                other[source].sendall(data)


@dataclass
class PostgresPair:
    """What commits on the primary is on the standby's disk too."""

    primary: PostgresServer
    standby: PostgresServer

    def fail_over(self) -> None:
        """Kill the primary, and make the standby take its place."""
        self.primary.stop("kill")
        with psycopg.connect(self.standby.url(), autocommit=True) as connection:
            (promoted,) = connection.execute("SELECT pg_promote(true, 30)").fetchone()
        assert promoted


@contextlib.contextmanager
def postgres_pair(folder: Path, name: str) -> Iterator[PostgresPair]:
    """Give a pair whose `postgres` database is empty; both are stopped afterwards."""
    primary = PostgresServer(private_folder(folder, f"{name}-1"), REPLICATING)
    standby = PostgresServer(private_folder(folder, f"{name}-2"), REPLICATING)
    try:
        primary.create()
        primary.start()
        copy(primary, standby)
        standby.start()
        with psycopg.connect(primary.url(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            wait_until(
                lambda: connection.execute("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
                .fetchone()[0] == 1,
                20,
                "the standby does not follow",
            )  # fmt: skip
        yield PostgresPair(primary, standby)
    finally:
        for one in (primary, standby):
            one.stop()
            shutil.rmtree(one.folder, ignore_errors=True)


def copy(primary: PostgresServer, standby: PostgresServer) -> None:
    """Make the standby's data folder from the running primary."""
    program = reachable_programs(standby.folder.parent) / "pg_basebackup"
    options = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--username=postgres"]
    made = subprocess.run(
        [program, f"--pgdata={standby.data}", f"--host={primary.folder}", *options],
        capture_output=True,
        check=False,
        **standby._surroundings(),
    )
    if made.returncode:
        raise ServerFailed(f"pg_basebackup failed: {made.stderr.decode(errors='replace')}")
