"""A whole Penstock as a person has it: a project folder, a real `penstock start`, its API, and ways to hurt it.

Leaving an `Installation` ends everything it started, by process id, and fails if anything of it is still alive.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from cryptography.fernet import Fernet

from penstock import process_tree
from penstock_runtime.executors.local_process.leftovers import marked_processes, owner_of
from support.project_maker import ProjectMaker
from support.waiting import NotInTime, wait_until
from support.witness import RUN_ENDED, Checker, Witness

PENSTOCK = str(Path(sys.executable).with_name("penstock"))
FAST = {
    "PENSTOCK_MEMBER_LEASE_SECONDS": "2",
    "PENSTOCK_MEMBER_HEARTBEAT_SECONDS": "0.3",
    "PENSTOCK_POLL_SECONDS": "0.2",
    "PENSTOCK_STANDBY_SECONDS": "2",
    "PENSTOCK_DRAIN_SECONDS": "2",
    "PENSTOCK_STATEMENT_TIMEOUT_SECONDS": "1.5",
}
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
START_SECONDS = 60.0
STOP_SECONDS = 30.0
RUN_SECONDS = 60.0


def shared_environments() -> Path:
    """Return where all tests of this machine keep user environments: each is built once."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "penstock" / "test-state" / "environments"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def private_state(home: Path) -> Path:
    """Return a state folder with keys of its own and the machine's environments."""
    state = home / "state"
    state.mkdir(exist_ok=True)
    link = state / "environments"
    if not link.is_symlink():
        link.symlink_to(shared_environments(), target_is_directory=True)
    return state


def free_port() -> int:
    """Return a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Installation:
    """One project and, between `start` and `stop`, its server. `environ` is added to the server's environment.

    `wrapper` is a command that starts the given one in its stead: as somebody else, in a namespace of its own.
    """

    home: Path
    project: Path
    environ: dict[str, str] = field(default_factory=dict)
    wrapper: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.port = free_port()
        self.data = Path(self.environ.get("PENSTOCK_DATA_DIR") or self.project / ".penstock")
        self.key = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.log = self.home / "server.log"
        self.seen: set[psutil.Process] = set()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1", timeout=30)
        if self.environ.get("DATABASE_URL", "").startswith("postgres"):
            self.environ.setdefault("PENSTOCK_ENCRYPTION_KEY", Fernet.generate_key().decode())

    # --- its processes -------------------------------------------------------------------------------------------
    def environment(self) -> dict[str, str]:
        """Return what every process of ours gets: little of this one's, fast settings, then what the test wants."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {**kept, **FAST, "PENSTOCK_STATE_DIR": str(private_state(self.home)), **self.environ}

    def start(self) -> Installation:
        """Start the server and wait until it answers; make its API key the first time."""
        self.launch()
        if not self.key:
            self.key = self.cli(
                "api-key", "create", "test", "--role", "owner", "--project", str(self.project)
            ).out.strip()
            self.client.headers["Authorization"] = f"Bearer {self.key}"
        wait_until(self.answers, START_SECONDS, lambda: f"the server does not answer:\n{self.said()}")
        return self

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the server's process without waiting for it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, PENSTOCK, "start", str(self.project), "--port", str(self.port)],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.home,
            )
        return self.process

    def answers(self) -> bool:
        """Whether the server says that it is ready. Fails when its process has ended."""
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.said()}"
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == httpx.codes.OK
        return False

    def said(self) -> str:
        """Return the end of the server's own log."""
        return self.log.read_text(errors="replace")[-6000:] if self.log.exists() else ""

    def cli(self, *words: str, environ: Mapping[str, str] | None = None, patience: float = 100.0) -> Answer:
        """Run one command to its end."""
        found = subprocess.run(
            [*self.wrapper, PENSTOCK, *words],
            check=False,
            env={**self.environment(), **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience,
            cwd=self.home,
        )
        return Answer(found.returncode, found.stdout.decode(errors="replace"), found.stderr.decode(errors="replace"))

    @property
    def web_pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def scheduler_pid(self) -> int:
        """The process id of the scheduler that works, once there is one."""

        def working() -> int | None:
            found = [one["pid"] for one in self.get("/cluster")["schedulers"] if not one["standby"]]
            alive = [pid for pid in found if process_tree.is_running(pid) and self.mine(pid)]
            return alive[0] if alive else None

        return wait_until(working, 30, lambda: f"no scheduler works:\n{self.said()}") or 0

    def mine(self, pid: int) -> bool:
        """Whether a process is a child of our server."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).ppid() == self.web_pid
        return False

    @property
    def parents(self) -> list[int]:
        """The process ids of the warm parents."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [
                one.pid
                for one in psutil.Process(self.scheduler_pid).children()
                if any(word.startswith("penstock.runner") for word in one.cmdline())
            ]
        return []

    def everything(self) -> set[psutil.Process]:
        """Return every living process of this installation: below its server, or carrying its mark."""
        found: set[psutil.Process] = set()
        with contextlib.suppress(psutil.NoSuchProcess):
            if self.process is not None and self.process.returncode is None:
                server = psutil.Process(self.process.pid)
                found |= {server, *server.children(recursive=True)}
        for marks in marked_processes(owner_of(self.data)):
            with contextlib.suppress(psutil.NoSuchProcess):
                found.add(psutil.Process(marks.pid))
        self.seen |= found
        return found

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Send a signal to one process of ours."""
        self.everything()
        os.kill(pid, number)

    def stop(self) -> None:
        """Ask the server to end; fail when it, or anything of it, is still alive afterwards."""
        self.end()
        self.assert_all_gone()

    def end(self) -> None:
        """Ask the server to end, and wait for its own process."""
        process = self.process
        if process is not None:
            self.everything()
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired as late:
                raise NotInTime(f"the server did not stop within {STOP_SECONDS} s:\n{self.said()}") from late

    def assert_all_gone(self, patience: float = 10.0) -> None:
        """Fail if a process of this installation lives on; a moment is allowed for the kernel to bury the dead."""

        def living() -> list[psutil.Process]:
            self.everything()
            return [one for one in self.seen if one.is_running() and process_tree.is_running(one.pid)]

        wait_until(
            lambda: not living(),
            patience,
            lambda: f"still alive: {[(p.pid, p.cmdline()) for p in living()]}\n{self.said()}",
        )

    def destroy(self) -> None:
        """End what is left, whatever state it is in."""
        for one in self.everything() | self.seen:
            with contextlib.suppress(psutil.NoSuchProcess):
                if one.is_running():
                    one.kill()
        if self.process is not None:
            self.process.wait(10)
        self.client.close()

    # --- its API -------------------------------------------------------------------------------------------------
    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Return an answer, whatever its status; a server that is being replaced is asked again."""
        return self.client.request(method, path, **given)

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON of a GET that must succeed."""
        found = self.ask("GET", path, params=params)
        assert found.is_success, f"GET {path}: {found.status_code} {found.text}"
        return found.json()

    def post(self, path: str, body: Any = None) -> Any:
        """Return the JSON of a POST that must succeed."""
        found = self.ask("POST", path, json=body)
        assert found.is_success, f"POST {path}: {found.status_code} {found.text}"
        return found.json()

    def run(self, pipeline: str, variables: Mapping[str, Any] | None = None, **more: Any) -> str:
        """Start a run; return its id."""
        return str(self.post(f"/pipelines/{pipeline}/runs", {"variables": variables or {}, **more})["id"])

    def status(self, run: str) -> str:
        return str(self.get(f"/runs/{run}")["status"])

    def wait(self, run: str, status: str | None = None, patience: float = RUN_SECONDS) -> dict[str, Any]:
        """Return a run once it has ended, which must be as `status` says if given."""

        def ended() -> dict[str, Any] | None:
            with contextlib.suppress(httpx.TransportError):
                found = self.ask("GET", f"/runs/{run}")
                if found.is_success and found.json()["status"] in RUN_ENDED:
                    return dict(found.json())
            return None

        def story() -> str:
            with contextlib.suppress(httpx.HTTPError, AssertionError):
                blocks = {one["block"]: one["status"] for one in self.blocks(run)}
                return f"run {run} did not end: {blocks}\n{self.said()}"
            return f"run {run} did not end:\n{self.said()}"

        found = wait_until(ended, patience, story, look=0.03)
        assert found is not None
        assert status in {None, found["status"]}, f"{found['status']}: {self.errors(run)}\n{self.said()[-2000:]}"
        return found

    def blocks(self, run: str) -> list[dict[str, Any]]:
        """Return every block run with its attempts."""
        return list(self.get(f"/runs/{run}/blocks")["items"])

    def block(self, run: str, slug: str, map_index: int | None = None) -> dict[str, Any]:
        """Return one block run."""
        found = [one for one in self.blocks(run) if (one["block"], one["map_index"]) == (slug, map_index)]
        assert len(found) == 1, f"{slug}[{map_index}] is there {len(found)} times"
        return found[0]

    def errors(self, run: str) -> dict[str, Any]:
        """Return why blocks failed, by block."""
        return {one["block"]: one["error"] for one in self.blocks(run) if one["error"]}

    def output(self, run: str, slug: str, map_index: int | None = None, name: str = "output_0") -> Any:
        """Return the sample of one output."""
        where = {} if map_index is None else {"map_index": map_index}
        outputs = self.get(f"/runs/{run}/blocks/{slug}/output", **where)["outputs"]
        return {one["name"]: one["sample"] for one in outputs}[name]

    def log_lines(self, run: str, block: str | None = None) -> list[dict[str, Any]]:
        """Return every log line of a run, or of one of its blocks."""
        lines: list[dict[str, Any]] = []
        after: dict[str, Any] = {"limit": 5000, **({"block": block} if block else {})}
        while True:
            page = self.get(f"/runs/{run}/logs", **after)
            lines += page["items"]
            if not page["items"]:
                return lines
            after["after"] = page["next_cursor"]

    def log_text(self, run: str, block: str | None = None) -> str:
        return "\n".join(line["message"] for line in self.log_lines(run, block))

    def check_history(self, maker: ProjectMaker, *runs: str, beside: bool = False) -> None:
        """Fail with every promise that the history of these runs breaks; of all runs there are, when none is named.

        `beside` allows a lost attempt's code to go on beside its successor's, as it may where its worker was frozen.
        """
        upstream = {slug: above for one in maker.pipelines.values() for slug, above in one.upstream().items()}
        checker = Checker(Witness(maker.witness).words(), upstream, beside=beside)
        for run in runs or [one["id"] for one in self.get("/runs", limit=200)["items"]]:
            checker.check(self.get(f"/runs/{run}"), self.blocks(run))
        assert checker.wrong == []


@contextlib.contextmanager
def installed(home: Path, project: Path, **given: Any) -> Iterator[Installation]:
    """Give a started installation; afterwards end it, and fail if anything of it lives on."""
    made = Installation(home, project, **given)
    try:
        yield made.start()
        made.stop()
    finally:
        made.destroy()


@contextlib.contextmanager
def short_folder(prefix: str = "penstock-test-") -> Iterator[Path]:
    """Give a folder that any user may pass through, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
