"""Run a unit of work through `penstock.child.serve`, in a child process of this one, and collect what it said.

The child is forked from a fresh interpreter when `python` is given (a block environment), else from this process: it
changes its working folder, its import path and its streams, which no test process should.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUNTIME = Path(__file__).resolve().parents[2] / "runtime"
DEADLINE_SECONDS = 60.0
_BOOT = "import socket, sys; from penstock.child import serve; serve(socket.socket(fileno=int(sys.argv[1])))"

Answer = Callable[[str, dict[str, Any]], Any]


@dataclass
class ChildRun:
    """What one child did: its events in order, its raw output, its exit status."""

    events: list[dict[str, Any]] = field(default_factory=list)
    output: bytes = b""
    returncode: int = -1

    @property
    def result(self) -> dict[str, Any]:
        """The RESULT of the `finished` event; fails when there is none, showing what the child printed."""
        finished = [event["result"] for event in self.events if event["event"] == "finished"]
        assert len(finished) == 1, (
            f"{len(finished)} finished events; the child printed: {self.output.decode(errors='replace')}"
        )
        return finished[0]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The structured log lines."""
        return [json.loads(line[1:]) for line in self.output.splitlines() if line.startswith(b"\x1e")]

    @property
    def lines(self) -> list[str]:
        """The plain log lines."""
        return [line.decode(errors="replace") for line in self.output.splitlines() if not line.startswith(b"\x1e")]


def shared_folder(path: Path, name: str) -> Path:
    """Make a folder below `path`; gives it."""
    folder = path / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def private_folder(path: Path, name: str) -> Path:
    """Make a folder of its own below `path`: `name`, then `name-2` and so on, as each attempt has its own."""
    number = 1
    while True:
        folder = path / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder


def make_work(
    root: Path, files: Mapping[str, str | bytes], block: Mapping[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """A WORK for a project of these files; the first file is the block unless `block` or `unit` says otherwise."""
    bundle = shared_folder(root, "bundles/digest/shop")
    for name, content in files.items():
        path = bundle / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    first = next(iter(files), "custom/none.py")
    work: dict[str, Any] = {
        "attempt_id": "00000000-0000-4000-8000-000000000001",
        "unit": "block",
        "run_id": "1",
        "pipeline": "sales",
        "project_name": "shop",
        "bundle_dir": str(bundle),
        "project_dir": str(shared_folder(root, "shop")),
        "staging_dir": str(private_folder(root, "staging")),
        "block": make_block(first) if block is None else dict(block),
        "map_index": None,
        "inputs": [],
        "dynamic_input": None,
        "variables": {},
        "context": {
            "execution_date": "2026-03-01T07:30:00.123456Z",
            "ds": "2026-03-01",
            "hr": "07",
            "env": "prod",
            "event": {},
            "pipeline_run_id": "1",
            "trigger_name": "hourly",
            "attempt_key": "sales/1/load/1",
        },
        "blocks": [],
        "results": {},
        "callback": None,
        "conditionals": [],
        "run_tests": True,
        "limits": {"memory_bytes": None, "cpu_seconds": None, "inline_bytes": 32768},
    }
    work.update(fields)
    return work


_FOLDERS = {"custom": "custom", "callbacks": "callback", "conditionals": "conditional"}


def make_block(path: str, **fields: Any) -> dict[str, Any]:
    """A BLOCK for a file; its type comes from its folder, its slug from its name."""
    folder, _, name = path.partition("/")
    block: dict[str, Any] = {
        "slug": name.rpartition(".")[0],
        "type": _FOLDERS.get(folder, folder.rstrip("s")),
        "language": "sql" if path.endswith(".sql") else "python",
        "path": path,
        "configuration": {},
        "upstream_blocks": [],
        "sql": None,
        "io": None,
        "dynamic": False,
        "reduce_output": False,
    }
    block.update(fields)
    return block


def as_input(
    result: Mapping[str, Any], work: Mapping[str, Any], block: str, map_index: int | None = None
) -> dict[str, Any]:
    """The outputs of a result as an entry of another work's `inputs`, with absolute paths as an executor gives them."""
    outputs = [
        {**output, "path": str(Path(work["staging_dir"]) / output["file"]) if output["file"] else None}
        for output in result["outputs"]
    ]
    return {"block": block, "map_index": map_index, "outputs": outputs}


def run_child(work: Mapping[str, Any], python: str | Path = sys.executable, answer: Answer | None = None) -> ChildRun:
    """Give `work` to a child and wait for its end; `answer` replies to its questions (raising refuses them)."""
    ours, theirs = socket.socketpair()
    read_fd, write_fd = os.pipe()
    run = ChildRun()
    process = subprocess.Popen(
        [str(python), "-I", "-c", f"import sys; sys.path.insert(0, {str(RUNTIME)!r}); {_BOOT}", str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=write_fd,
        stderr=write_fd,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    os.close(write_fd)
    try:
        ours.settimeout(DEADLINE_SECONDS)
        send_frame(ours, {"op": "run", "work": work})
        run.output = _serve(ours, read_fd, run, answer)
    finally:
        ours.close()
        os.close(read_fd)
        if process.poll() is None:
            try:
                process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        run.returncode = process.wait()
    return run


def send_frame(control: socket.socket, frame: Mapping[str, Any]) -> None:
    """Send one frame of the child protocol."""
    body = json.dumps(frame).encode()
    control.sendall(len(body).to_bytes(4, "big") + body)


def _serve(ours: socket.socket, output_fd: int, run: ChildRun, answer: Answer | None) -> bytes:
    import selectors
    import time

    output, buffer = bytearray(), bytearray()
    deadline = time.monotonic() + DEADLINE_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(ours, selectors.EVENT_READ)
        selector.register(output_fd, selectors.EVENT_READ)
        while selector.get_map():
            assert time.monotonic() < deadline, f"the child did not end; it printed {bytes(output)!r}"
            for key, _ in selector.select(1.0):
                data = ours.recv(1 << 16) if key.fileobj is ours else os.read(output_fd, 1 << 16)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is ours:
                    buffer += data
                    _take_frames(ours, buffer, run, answer)
                else:
                    output += data
    return bytes(output)


def _take_frames(ours: socket.socket, buffer: bytearray, run: ChildRun, answer: Answer | None) -> None:
    while len(buffer) >= 4 and len(buffer) >= 4 + int.from_bytes(buffer[:4], "big"):
        size = int.from_bytes(buffer[:4], "big")
        event = json.loads(bytes(buffer[4 : 4 + size]))
        del buffer[: 4 + size]
        run.events.append(event)
        if event["event"] == "ask":
            send_frame(ours, _reply(event, answer))


def _reply(event: Mapping[str, Any], answer: Answer | None) -> dict[str, Any]:
    try:
        if answer is None:
            raise LookupError(f"nobody answers {event['what']} here")
        return {"op": "reply", "id": event["id"], "value": answer(event["what"], event["args"])}
    except LookupError as error:
        return {"op": "reply", "id": event["id"], "error": str(error)}
