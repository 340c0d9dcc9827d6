"""A whole fleet on this machine: Postgres, Redis, three schedulers, two web servers, each with wires of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
from cryptography.fernet import Fernet

from penstock import process_tree
from penstock_runtime.executors.local_process.leftovers import marked_processes, owner_of
from support.fleet.disk import NoNamespace, SmallDisk
from support.fleet.plan import EVERYONE, FAKED, SCHEDULERS, WEBS
from support.fleet.proxy import Wires
from support.fleet.supervised import Supervised
from support.installation import KEPT, private_state
from support.project_maker import ProjectMaker
from support.servers import PostgresServer, RedisServer, free_port, private_folder
from support.waiting import wait_until

PENSTOCK = str(Path(sys.executable).with_name("penstock"))
LIBFAKETIME = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")
LEASE, POLL, STATEMENT = 3.0, 0.25, 1.5
GRACE = STATEMENT + POLL
SLOTS = 4
QUICK = {
    "PENSTOCK_MEMBER_LEASE_SECONDS": str(LEASE),
    "PENSTOCK_MEMBER_HEARTBEAT_SECONDS": "0.5",
    "PENSTOCK_POLL_SECONDS": str(POLL),
    "PENSTOCK_DRAIN_SECONDS": "1",
    "PENSTOCK_STATEMENT_TIMEOUT_SECONDS": str(STATEMENT),
    "PENSTOCK_SLOTS": str(SLOTS),
}
# A process crash loses nothing that was written, whatever reached the disk.
POSTGRES = {"fsync": "off", "full_page_writes": "off"}
START_SECONDS = 90.0
ASK_SECONDS = 120.0
BUSY = 500
SICK_SECONDS = 3.0


def libfaketime() -> Path | None:
    """Return the library that sets a process's wall clock; None where it is not installed (Debian: faketime)."""
    for pattern in LIBFAKETIME:
        for found in sorted(Path("/").glob(pattern.removeprefix("/"))):
            return found
    return None


class Fleet:
    """Start with `start`; `not_injected` names the faults that this machine does not allow, with the reason."""

    def __init__(self, home: Path, maker: ProjectMaker, *, python_path: str = "") -> None:
        """Nothing runs yet. `python_path` is for a copy of the program that is to be looked at instead of this one."""
        self.home, self.maker = home, maker
        self.not_injected: dict[str, str] = {}
        self.places: dict[str, Supervised] = {}
        self.ports = {name: free_port() for name in WEBS}
        self.key = ""
        self._python_path = python_path
        self._secret = Fernet.generate_key().decode()
        self._turn = itertools.count()
        self._sick: dict[str, float] = {}
        servers = home / "servers"
        servers.mkdir()
        servers.chmod(0o755)
        self.postgres = PostgresServer(private_folder(servers, "pg"), POSTGRES)
        self.redis = RedisServer(private_folder(servers, "redis"))
        self.wires = Wires()
        self.clock = home / "clock"
        self.log = home / "fleet.log"
        self.data = home / "data"
        self.disk: SmallDisk | None = None
        self.client = httpx.Client(timeout=4)

    # --- starting ------------------------------------------------------------------------------------------------
    def start(self) -> Fleet:
        """Start everything, and wait until each scheduler works and each web server answers."""
        self.postgres.create()
        self.postgres.start()
        self.redis.folder.chmod(0o777)
        self.redis.start()
        self._mount()
        self.database = {name: self.wires.add(f"{name}/postgres", self._socket) for name in (*EVERYONE, "cli")}
        self.messages = {name: self.wires.add(f"{name}/redis", self.redis.port) for name in (*EVERYONE, "cli")}
        self.key = self._make_key()
        for name in EVERYONE:
            self.places[name] = Supervised(name, self._command(name), self._environ(name), self.home / f"{name}.log")
            self.places[name].start()
        wait_until(lambda: all(self.answers(name) for name in WEBS), START_SECONDS, self.said)
        wait_until(lambda: len(self.working()) == len(SCHEDULERS), START_SECONDS, self.said)
        return self

    @property
    def _socket(self) -> Path:
        return self.postgres.folder / ".s.PGSQL.5432"

    def _mount(self) -> None:
        try:
            self.disk = SmallDisk(self.home / "room")
            self.data = self.disk.room / "data"
        except (NoNamespace, FileNotFoundError) as error:
            self.not_injected["disk-full"] = str(error)
        if libfaketime() is None:
            self.not_injected["clock"] = "libfaketime is not on this machine (Debian: faketime)"

    def _command(self, name: str) -> list[str]:
        role = ["--role", "scheduler"] if name in SCHEDULERS else ["--role", "web", "--port", str(self.ports[name])]
        enter = self.disk.enter if self.disk is not None else ()
        return [*enter, PENSTOCK, "start", str(self.maker.folder), *role]

    def _environ(self, name: str) -> dict[str, str]:
        kept = {key: os.environ[key] for key in KEPT if key in os.environ}
        found = {
            **kept,
            **QUICK,
            "PENSTOCK_STATE_DIR": str(private_state(self.home)),
            "PENSTOCK_DATA_DIR": str(self.data),
            "PENSTOCK_ENCRYPTION_KEY": self._secret,
            "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{self.database[name].port}/postgres",
            "REDIS_URL": f"redis://127.0.0.1:{self.messages[name].port}/0",
        }
        if self._python_path:
            found["PYTHONPATH"] = self._python_path
        library = libfaketime()
        if name == FAKED and library is not None:
            self.clock.write_text("+0")
            found |= {
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": str(self.clock),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        return found

    def _make_key(self) -> str:
        enter = self.disk.enter if self.disk is not None else ()
        words = ["api-key", "create", "soak", "--role", "owner", "--project", str(self.maker.folder)]
        done = subprocess.run(
            [*enter, PENSTOCK, *words],
            env=self._environ("cli"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    # --- looking -------------------------------------------------------------------------------------------------
    def answers(self, name: str) -> bool:
        """Whether a web server says that it is ready."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.ports[name]}/readyz", timeout=4).status_code == httpx.codes.OK
        return False

    def working(self) -> set[int]:
        """Return the process ids of the schedulers that work, as the cluster page has them and as they live."""
        found = self.ask("GET", "/cluster").json()["schedulers"]
        living = {self.places[name].pid for name in SCHEDULERS}
        return {one["pid"] for one in found if not one["standby"]} & living

    def ask(self, method: str, path: str, body: Any = None, patience: float = ASK_SECONDS) -> httpx.Response:
        """Return an answer below 500, from one web server or the other, however long that takes."""
        deadline = time.monotonic() + patience
        while True:
            name = self._healthy_web()
            url = f"http://127.0.0.1:{self.ports[name]}/api/v1{path}"
            try:
                found = self.client.request(method, url, json=body, headers={"Authorization": f"Bearer {self.key}"})
                if found.status_code < BUSY and found.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    return found
                trouble = f"{found.status_code} {found.text[:300]}"
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__}: {error}"
            self._sick[name] = time.monotonic() + SICK_SECONDS
            assert time.monotonic() < deadline, f"{method} {path} found no answer in {patience:g} s: {trouble}"
            time.sleep(0.05)

    def _healthy_web(self) -> str:
        """Return the next web server in turn, as a load balancer does: one that failed is left alone for a while."""
        now, first = time.monotonic(), next(self._turn)
        turns = [WEBS[(first + step) % len(WEBS)] for step in range(len(WEBS))]
        return next((name for name in turns if self._sick.get(name, 0.0) <= now), turns[0])

    def said(self) -> str:
        """Return the end of what each process said."""
        texts = []
        for name in EVERYONE:
            log = self.home / f"{name}.log"
            if log.exists():
                texts.append(f"--- {name}\n{log.read_text(errors='replace')[-1500:]}")
        return "\n".join(texts)

    def parents_of(self, name: str) -> list[psutil.Process]:
        """Return the warm parents of a scheduler."""
        with contextlib.suppress(psutil.NoSuchProcess):
            if pid := self.places[name].pid:
                return [
                    one
                    for one in psutil.Process(pid).children()
                    if any(word.startswith("penstock.runner") for word in one.cmdline())
                ]
        return []

    def blocks_running(self) -> list[tuple[int, int]]:
        """Return the processes that run a block now, each with its scheduler's process id."""
        return [(one.pid, one.worker_pid) for one in marked_processes(owner_of(self.data)) if one.attempt_id]

    # --- ending --------------------------------------------------------------------------------------------------
    def stop(self) -> list[str]:
        """Drain everything; return what did not end, or lives on."""
        left = []
        for place in self.places.values():
            place.stop()
        for place in self.places.values():
            if not place.wait():
                left.append(f"{place.name} did not end in time and was killed")
        return left + self.leftovers()

    def leftovers(self, patience: float = 10.0) -> list[str]:
        """Return every process of the fleet's blocks and parents that lives, once a moment has passed."""
        deadline = time.monotonic() + patience
        while True:
            found = marked_processes(owner_of(self.data))
            if not found or time.monotonic() > deadline:
                return [f"process {one.pid} of scheduler {one.worker_pid}, attempt {one.attempt_id}" for one in found]
            time.sleep(0.1)

    def destroy(self) -> None:
        """End what is left, whatever state it is in."""
        for place in self.places.values():
            for one in place.family():
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            place.stop()
            place.wait(5)
        for marks in marked_processes(owner_of(self.data)):
            process_tree.kill_trees([marks.pid])
        self.client.close()
        self.wires.close()
        self.redis.stop()
        self.postgres.stop()
        if self.disk is not None:
            self.disk.close()


@contextlib.contextmanager
def fleet(home: Path, maker: ProjectMaker, **given: Any) -> Iterator[Fleet]:
    """Give a fleet that works; afterwards nothing of it is left."""
    made = Fleet(home, maker, **given)
    try:
        yield made.start()
    finally:
        made.destroy()
        shutil.rmtree(home / "servers", ignore_errors=True)
