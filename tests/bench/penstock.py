"""Penstock as a bench target: a real `penstock start`, driven over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from bench.target import EndedRun, Place, Tick, Workload

START_SECONDS = 60.0
STOP_SECONDS = 60.0
ENDED = frozenset({"succeeded", "failed", "cancelled"})


class NotStarted(RuntimeError):
    """The server did not answer; the text ends with its own last words."""


class Penstock:
    """A `penstock start` on a project of its own, with an API key."""

    name = "penstock"

    def __init__(self, place: Place) -> None:
        self.place = place
        self.project = place.folder / "project"
        self.log = place.folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.more: list[subprocess.Popen[bytes]] = []
        self.key = ""
        self.connection: http.client.HTTPConnection | None = None

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PENSTOCK_", "PYTHONPATH"))}
        kept |= {"PENSTOCK_STATE_DIR": str(self.place.folder / "state")}
        if self.place.database_url:
            from cryptography.fernet import Fernet

            key_file = self.place.folder / "key"
            if not key_file.exists():
                key_file.write_bytes(Fernet.generate_key())
            kept |= {"DATABASE_URL": self.place.database_url, "PENSTOCK_ENCRYPTION_KEY": key_file.read_text()}
        if self.place.redis_url:
            kept |= {"REDIS_URL": self.place.redis_url}
        return kept

    def create(self, workloads: Sequence[Workload]) -> None:
        self.command("init", str(self.project))
        for workload in workloads:
            write_pipeline(self.project, workload)
        answer = self.command(
            "api-key", "create", "bench", "--role", "editor", "--project", str(self.project), "--json"
        )
        self.key = json.loads(answer)["key"]

    def command(self, *words: str) -> str:
        done = subprocess.run(
            penstock(*words), env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode:
            raise NotStarted(f"penstock {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def start(self) -> float:
        began = time.perf_counter()
        self.process = self.begin("--port", str(self.place.port))
        while not self.answers("/readyz"):
            if self.process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                raise NotStarted(self.log.read_text(errors="replace")[-3000:])
            time.sleep(0.002)
        taken = time.perf_counter() - began
        self.more = [self.begin("--role", "scheduler") for _ in range(self.place.schedulers - 1)]
        while len(self.working()) < self.place.schedulers:
            if time.perf_counter() - began > START_SECONDS:
                raise NotStarted(self.log.read_text(errors="replace")[-3000:])
            time.sleep(0.05)
        return taken

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                penstock("start", str(self.project), *words),
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def working(self) -> list[dict[str, Any]]:
        """Return the schedulers that work, as the cluster page has them."""
        return [member for member in self.ask("GET", "/cluster")["schedulers"] if not member["standby"]]

    def answers(self, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.place.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer's JSON. One connection is kept open; it is opened anew once when the server closed it."""
        for again in (True, False):
            try:
                return self.ask_once(method, path, body)
            except (http.client.RemoteDisconnected, ConnectionError):
                self.connection = None
                if not again:
                    raise
        raise AssertionError

    def ask_once(self, method: str, path: str, body: Any) -> Any:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.place.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        self.connection.request(method, f"/api/v1{path}", text, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise NotStarted(f"{method} {path} answered {answer.status}: {content[:500]!r}")
        return json.loads(content) if content else None

    def trigger(self, pipeline: str) -> str:
        return str(self.ask("POST", f"/pipelines/{pipeline}/runs", {"variables": {}})["id"])

    def wait(self, runs: Sequence[str], deadline_seconds: float) -> list[EndedRun]:
        deadline = time.monotonic() + deadline_seconds
        waiting, ended = set(runs), {}
        pause = 0.01 if len(runs) == 1 else 0.1
        while waiting and time.monotonic() < deadline:
            # The newest run is the one that ends last, as a rule: ask for that one alone until it has.
            last = next(run for run in reversed(runs) if run in waiting)
            for run in [last] if len(waiting) > 1 and len(ended) == 0 else list(waiting):
                found = self.ask("GET", f"/runs/{run}")
                if found["status"] in ENDED:
                    ended[run] = found
                    waiting.discard(run)
            if waiting and not ended:
                time.sleep(pause)
            elif waiting:
                time.sleep(pause / 2)
        return [self.ended_run(found) for found in ended.values()]

    def ended_run(self, found: dict[str, Any]) -> EndedRun:
        blocks = self.ask("GET", f"/runs/{found['id']}/blocks")["items"]
        succeeded = sum(block["status"] == "succeeded" for block in blocks)
        attempts = sum(len(block["attempts"]) for block in blocks)
        ended_at = datetime.fromisoformat(found["ended_at"]).timestamp()
        return EndedRun(found["id"], found["status"] == "succeeded", ended_at, succeeded, attempts)

    def every_minute(self, pipeline: str, triggers: int) -> None:
        entry = {"schedule_type": "time", "schedule_interval": "* * * * *", "status": "active"}
        listed = [{"name": f"minute_{number:03}", **entry} for number in range(triggers)]
        file = self.project / "pipelines" / pipeline / "triggers.yaml"
        file.write_text(json.dumps({"triggers": listed}))
        deadline = time.monotonic() + START_SECONDS
        while len(self.ask("GET", f"/triggers?pipeline={pipeline}")["items"]) != triggers:
            if time.monotonic() > deadline:
                raise NotStarted("the triggers were not taken up")
            time.sleep(0.1)

    def ticks(self, pipeline: str) -> list[Tick]:
        found: list[Tick] = []
        cursor = ""
        while True:
            page = self.ask("GET", f"/runs?pipeline={pipeline}&limit=100{cursor}")
            found += [
                Tick(run["id"], seconds(run["logical_at"]), seconds(run["created_at"]))
                for run in page["items"]
                if run["logical_at"]
            ]
            if not page["next_cursor"]:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def processes(self) -> list[int]:
        alive = [one.pid for one in (self.process, *self.more) if one is not None and one.poll() is None]
        return [*alive, *(child.pid for pid in alive for child in psutil.Process(pid).children(recursive=True))]

    def kill_scheduler(self) -> None:
        os.kill(self.working()[0]["pid"], signal.SIGKILL)

    def stop(self) -> None:
        if self.process is None:
            return
        everything = [psutil.Process(pid) for pid in self.processes()]
        for process in (self.process, *self.more):
            process.terminate()
        for process in (self.process, *self.more):
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for left in psutil.wait_procs(everything, timeout=10)[1]:
            left.kill()
        self.process = self.connection = None
        self.more = []


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def penstock(*words: str) -> list[str]:
    return [str(Path(sys.executable).parent / "penstock"), *words]


def write_pipeline(project: Path, workload: Workload) -> None:
    """Write a workload as a pipeline of the project format: every block its own file."""
    below: dict[str, list[str]] = {name: [] for name in workload.edges}
    for name, upstream in workload.edges.items():
        for one in upstream:
            below[one].append(name)
    blocks = [
        {
            "uuid": f"{workload.name}_{name}",
            "type": "custom",
            "language": "python",
            "upstream_blocks": [f"{workload.name}_{one}" for one in upstream],
            "downstream_blocks": [f"{workload.name}_{one}" for one in below[name]],
        }
        for name, upstream in workload.edges.items()
    ]
    folder = project / "pipelines" / workload.name
    folder.mkdir(parents=True, exist_ok=True)
    # JSON is YAML, and needs no quoting rules.
    document = {"uuid": workload.name, "name": workload.name, "type": "python", "blocks": blocks}
    (folder / "metadata.yaml").write_text(json.dumps(document, indent=1))
    (project / "custom").mkdir(exist_ok=True)
    for name in workload.edges:
        (project / "custom" / f"{workload.name}_{name}.py").write_text(block_file(workload, name))


def block_file(workload: Workload, name: str) -> str:
    body = "\n".join(f"    {line}" for line in workload.code.splitlines())
    return (
        "import time\n\n\n@custom\ndef step(*args, **kwargs):\n    began = time.time()\n"
        f"    block, run_id = {name!r}, kwargs['pipeline_run_id']\n{body}\n"
    )
