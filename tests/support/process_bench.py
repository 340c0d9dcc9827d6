"""A project on disk whose blocks misbehave on purpose, and a local process executor to run them."""

from __future__ import annotations

import os
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from penstock import process_tree
from penstock_runtime.executors.local_process import LocalProcessExecutor, LocalProcessOptions
from penstock_runtime.ports.environments import EnvironmentRef
from penstock_runtime.ports.executor import AttemptWork, Observation
from penstock_runtime.ports.log_store import LogKey, LogLine
from penstock_runtime.settings import PLAIN_NAMES
from penstock_runtime.storage.memory_logs import InMemoryLogStore
from penstock_runtime.testing.conformance.executor import ExecutorBench, ScriptedBroker

PLAIN = {name: os.environ[name] for name in PLAIN_NAMES if name in os.environ}
SDK = Path(__file__).parents[2] / "runtime" / "penstock"

BEHAVIOURS = {
    "succeeds": "return {'answer': 42}",
    "fails": "raise ValueError('no such luck')",
    "dies": "os._exit(3)",
    "out_of_memory": "raise MemoryError",
    "hangs": "touch('hangs'); time.sleep(600)",
    "stubborn": "signal.signal(signal.SIGTERM, signal.SIG_IGN); touch('stubborn'); pause_for_ever()",
    "prints": "print('first'); sys.stderr.write('second\\n')",
    "asks": """
    from penstock.session import ask
    from penstock.channel import AskError
    answers = []
    for name in ('known', 'unknown', 'broken'):
        try:
            answers.append(ask('secret', {'name': name}))
        except AskError as error:
            answers.append(str(error))
    return [answers]
    """,
}
"""Block bodies, by name; each test adds its own."""

_HEAD = """
import os, signal, sys, time

def touch(name, text=''):
    path = os.path.join(FOLDER, name)
    part = '%s.%d.part' % (path, os.getpid())
    with open(part, 'w') as file:
        file.write(str(text) or str(os.getpid()))
    os.rename(part, path)

def pause_for_ever():
    while True:
        signal.pause()

@custom
def block(*args, **kwargs):
"""


class LocalExecutorBench(ExecutorBench):
    """Blocks are files of a bundle; `folder` is where they leave notes (`touch(name, text)`, by rename)."""

    def __init__(self, folder: Path, **options: Any) -> None:
        """Make bundle, SDK folder and executor."""
        super().__init__()
        self.folder = folder
        self.notes = folder / "notes"
        self.bundle = folder / "bundles" / "digest" / "project"
        self.sdk = folder / "sdk"
        for path in (self.notes, self.bundle / "custom", self.sdk):
            path.mkdir(parents=True)
        (self.sdk / "penstock").symlink_to(SDK)
        self.environment = EnvironmentRef("own", sys.executable, str(self.sdk))
        self.broker = ScriptedBroker()
        self.logs = InMemoryLogStore()
        self.data_dir = folder / "data"
        self.executor: LocalProcessExecutor = LocalProcessExecutor(
            LocalProcessOptions(self.data_dir, **{"environ": PLAIN, **options}), self.broker, self.logs
        )

    def work(self, behaviour: str, **fields: Any) -> AttemptWork:
        """Return work whose block has the body of that behaviour."""
        return self.block(behaviour, BEHAVIOURS.get(behaviour, "return None"), **fields)

    def block(self, name: str, body: str, **fields: Any) -> AttemptWork:
        """Return work for a new custom block with this body (names: os, signal, sys, time, touch, FOLDER)."""
        file = f"custom/{name}.py"
        text = textwrap.indent(textwrap.dedent(body), "    ")
        # By rename: an attempt of the same block may be reading the file.
        (self.bundle / "part").write_text(f"FOLDER = {str(self.notes)!r}\n{_HEAD}{text}\n")
        (self.bundle / "part").rename(self.bundle / file)
        attempt_id = str(uuid.uuid4())
        staging = self.folder / "staging" / attempt_id
        staging.mkdir(parents=True)
        payload = self._payload(name, file, str(staging))
        if name == "pipeline":
            payload = {**payload, "unit": "pipeline", "blocks": [{**payload["block"], "slug": "a"}], "results": {}}
        payload["attempt_id"] = attempt_id
        run_id = f"run-{attempt_id}"
        log = LogKey(run_id, name, None, 1)
        return AttemptWork(attempt_id, run_id, payload, self.environment, log, **fields)

    def _payload(self, name: str, file: str, staging: str) -> dict[str, Any]:
        block = {
            "slug": name,
            "type": "custom",
            "language": "python",
            "path": file,
            "configuration": {},
            "upstream_blocks": [],
            "sql": None,
            "io": None,
            "dynamic": False,
            "reduce_output": False,
        }
        return {
            "unit": "block",
            "run_id": "run",
            "pipeline": "misbehaviour",
            "project_name": "project",
            "bundle_dir": str(self.bundle),
            "project_dir": str(self.bundle),
            "staging_dir": staging,
            "block": block,
            "map_index": None,
            "inputs": [],
            "dynamic_input": None,
            "variables": {},
            "context": {"execution_date": "2026-01-01T00:00:00Z", "env": "test"},
            "conditionals": [],
            "callbacks": [],
            "run_tests": True,
            "limits": {"inline_bytes": 32768},
        }

    def run(self, name: str, body: str, **fields: Any) -> Observation:
        """Run a block to its end."""
        return self.end_of(self.executor.submit(self.block(name, body, **fields)))

    def log_of(self, work: AttemptWork) -> list[LogLine]:
        """Return an attempt's log lines."""
        return self.logs.read(work.log_key, limit=10_000_000)[0]

    def note(self, name: str, patience: float = 20.0) -> str:
        """Return what a block wrote by `touch`, waiting until it has; the executor goes on meanwhile."""
        path = self.notes / name
        # Observing no id takes no news away from the test.
        wait_until(lambda: self.executor.observe([]) or path.exists(), patience, f"no note {name}")
        return path.read_text()

    def under_way(self, behaviour: str) -> None:
        """Running is said before the first line of the block; this one leaves a note when it is ready."""
        self.note(behaviour)

    def pids(self, *names: str) -> list[int]:
        """Return the pids that blocks noted under these names."""
        return [int(self.note(name)) for name in names]


def wait_until(condition: Callable[[], object], patience: float = 20.0, otherwise: str = "not in time") -> None:
    """Return once the condition holds; fail after the patience. For what gives no signal to wait on."""
    give_up = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < give_up, otherwise
        time.sleep(0.005)


def all_gone(pids: list[int]) -> bool:
    """Whether none of the processes runs any more."""
    return not any(process_tree.is_running(pid) for pid in pids)


def living_with(variable: str, value: str) -> list[int]:
    """Return the living processes whose environment at exec, as /proc shows it, has this variable."""
    wanted = f"{variable}={value}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if process_tree.is_running(int(folder.name)) and wanted in environ_of(int(folder.name)):
            found.append(int(folder.name))
    return found


def environ_of(pid: int) -> bytes:
    """Return a process's environment block; empty where it cannot be read."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
