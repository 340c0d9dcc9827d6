"""Children, runners and workers die in every way; each attempt ends true and nothing stays running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock import process_tree
from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.executors.local_process import LocalProcessOptions, end_leftovers, owner_of
from penstock_runtime.executors.local_process.executor import LocalProcessExecutor
from penstock_runtime.ports.environments import EnvironmentRef
from penstock_runtime.ports.executor import ObservedState
from support.process_bench import LocalExecutorBench, all_gone, environ_of, living_with, wait_until

SETSID_GRANDCHILD = """
import subprocess
child = subprocess.Popen(['sleep', '600'], start_new_session=True, stdout=subprocess.DEVNULL)
touch('grandchild', child.pid)
"""
DAEMON = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        touch('daemon')
        pause_for_ever()
    os._exit(0)
os.wait()
while not os.path.exists(os.path.join(FOLDER, 'daemon')):
    time.sleep(0.001)
"""
NO_ENVIRONMENT = """
import subprocess
child = subprocess.Popen(['env', '-i', 'setsid', 'sleep', '600'])
touch('bare', child.pid)
"""
TWENTY = """
for number in range(20):
    if os.fork() == 0:
        if number % 2:
            os.setsid()
        touch('child%d' % number)
        pause_for_ever()
while sum(name.startswith('child') and '.' not in name for name in os.listdir(FOLDER)) < 20:
    time.sleep(0.001)
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LocalExecutorBench]:
    bench = LocalExecutorBench(tmp_path)
    yield bench
    bench.executor.close()
    assert living_with("PENSTOCK_ATTEMPT_ID", "0" * 36) == []


def test_os_exit_is_told_with_its_code(bench: LocalExecutorBench) -> None:
    end = bench.run("leaves", "os._exit(3)")
    assert (end.reason, end.exit_code) == (ExitReason.ERROR, 3)
    assert "exit code 3" in (end.message or "")


def test_os_exit_zero_is_no_success(bench: LocalExecutorBench) -> None:
    end = bench.run("leaves", "os._exit(0)")
    assert (end.reason, end.exit_code, end.result) == (ExitReason.ERROR, 0, None)


def test_a_segfault_is_told_by_its_name(bench: LocalExecutorBench) -> None:
    end = bench.run("crashes", "import ctypes; ctypes.string_at(0)")
    assert (end.reason, end.exit_code) == (ExitReason.ERROR, -signal.SIGSEGV)
    assert "SIGSEGV" in (end.message or "")


def test_a_child_killed_from_outside_is_an_error_and_the_next_runs(bench: LocalExecutorBench) -> None:
    external_id = bench.executor.submit(bench.work("hangs"))
    os.kill(int(bench.note("hangs")), signal.SIGKILL)
    end = bench.end_of(external_id)
    assert (end.reason, end.exit_code) == (ExitReason.ERROR, -signal.SIGKILL)
    assert bench.end_of(bench.executor.submit(bench.work("succeeds"))).reason is ExitReason.SUCCESS


def test_an_idle_child_killed_from_outside_harms_no_attempt(bench: LocalExecutorBench) -> None:
    bench.end_of(bench.executor.submit(bench.work("succeeds")))
    (runner,) = bench.executor.runner_pids
    for pid in process_tree.children_of(runner):
        os.kill(pid, signal.SIGKILL)
    ends = [bench.end_of(bench.executor.submit(bench.work("succeeds"))) for _ in range(6)]
    assert ends[-1].reason is ExitReason.SUCCESS


def test_an_unpicklable_error_is_still_described(bench: LocalExecutorBench) -> None:
    body = """
class Odd(Exception):
    def __init__(self):
        super().__init__(lambda: None, open('/dev/null'))
    def __reduce__(self):
        raise TypeError('no')
    def __str__(self):
        return 'odd \\ud800 text'
raise Odd
"""
    end = bench.run("odd", body)
    assert end.reason is ExitReason.ERROR
    assert "Odd" in (end.message or "")


BODIES = {"setsid": SETSID_GRANDCHILD, "daemon": DAEMON, "bare": NO_ENVIRONMENT, "20": TWENTY}
LAST = {"returns": "return 1", "raises": "raise ValueError", "leaves": "os._exit(4)", "cancelled": "pause_for_ever()"}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("way", ["returns", "raises", "leaves", "cancelled"])
def test_descendants_end_with_the_attempt(bench: LocalExecutorBench, body: str, way: str) -> None:
    external_id = bench.executor.submit(bench.block("forks", f"{body}\ntouch('ready')\n{LAST[way]}"))
    bench.note("ready")
    pids = [int(path.read_text()) for path in bench.notes.iterdir() if "." not in path.name]
    assert len(pids) >= 2
    if way == "cancelled":
        bench.executor.cancel(external_id, 0)
    bench.end_of(external_id)
    assert all_gone(pids), [environ_of(pid) for pid in pids if process_tree.is_running(pid)]


def test_sigterm_ignored_by_parent_and_child_ends_after_the_grace(bench: LocalExecutorBench) -> None:
    body = f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SETSID_GRANDCHILD}\ntouch('ready')\npause_for_ever()"
    external_id = bench.executor.submit(bench.block("deaf", body))
    pids = bench.pids("ready", "grandchild")
    bench.executor.cancel(external_id, 0.2, ExitReason.TIMEOUT)
    end = bench.end_of(external_id)
    assert (end.reason, end.exit_code) == (ExitReason.TIMEOUT, -signal.SIGKILL)
    assert all_gone(pids)


def test_a_process_that_forks_without_end_is_stopped(bench: LocalExecutorBench) -> None:
    body = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
touch('ready')
while True:
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.02)
        if os.fork():
            os._exit(0)
        time.sleep(0.05)
        os._exit(0)
    time.sleep(0.001)
"""
    work = bench.block("hydra", body)
    external_id = bench.executor.submit(work)
    bench.note("ready")
    bench.executor.cancel(external_id, 0)
    assert bench.end_of(external_id).reason is ExitReason.CANCELLED
    assert living_with("PENSTOCK_ATTEMPT_ID", work.attempt_id) == []


def test_a_runner_killed_loses_its_attempts_and_a_new_one_serves(bench: LocalExecutorBench) -> None:
    bodies = [SETSID_GRANDCHILD.replace("grandchild", f"g{n}") + f"touch('r{n}')\ntime.sleep(600)" for n in range(2)]
    ids = [bench.executor.submit(bench.block(f"b{n}", body)) for n, body in enumerate(bodies)]
    pids = bench.pids("r0", "r1", "g0", "g1")
    bench.settle(ids, ObservedState.RUNNING)
    (runner,) = bench.executor.runner_pids
    os.kill(runner, signal.SIGKILL)
    ends = bench.settle(ids)
    assert {ends[external_id][-1].reason for external_id in ids} == {ExitReason.LOST}
    assert all_gone([*pids, runner])
    assert bench.end_of(bench.executor.submit(bench.work("succeeds"))).reason is ExitReason.SUCCESS
    assert bench.executor.runner_pids != [runner]


def test_a_frozen_runner_delays_nobody_for_ever(bench: LocalExecutorBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock_runtime.executors.local_process.executor.RUNNER_PATIENCE_SECONDS", 0.3)
    external_id = bench.executor.submit(bench.work("hangs"))
    pid = int(bench.note("hangs"))
    (runner,) = bench.executor.runner_pids
    os.kill(runner, signal.SIGSTOP)
    bench.executor.cancel(external_id, 0)
    assert bench.end_of(external_id).reason is ExitReason.CANCELLED
    assert all_gone([pid, runner])


def test_what_a_block_writes_on_the_control_socket_ends_that_block_only(bench: LocalExecutorBench) -> None:
    end = bench.run("vandal", "os.write(3, b'\\xff\\xff\\xff\\xff garbage'); pause_for_ever()")
    assert end.reason is ExitReason.ERROR
    assert "protocol" in (end.message or "")
    assert bench.end_of(bench.executor.submit(bench.work("succeeds"))).reason is ExitReason.SUCCESS


RESULT = {"status": "succeeded", "error": None, "outputs": [], "fan_out": None, "tests": [], "used_tables": False}
REPORT = {"event": "block_finished", "block": "breaks", "map_index": None, "result": RESULT}
BREACHES = {
    "deep": (b"[" * 60_000, "no JSON"),
    "no object": (b"[]", "no JSON object"),
    "no event": ({}, "names no event"),
    "no result": ({"event": "finished"}, "no object"),
    "list result": ({"event": "finished", "result": []}, "no object"),
    **{
        f"{field} {value!r}": ({"event": "finished", "result": {**RESULT, field: value}}, field)
        for field, value in (
            ("status", "done"), ("status", []), ("error", "text"), ("outputs", None), ("outputs", {}), ("outputs", [1]),
            ("outputs", [{"file": 1}]), ("outputs", [{"file": "x", "format": "items"}]), ("outputs", [{"key": "x"}]),
            ("tests", {}), ("tests", [1]), ("fan_out", "3"), ("fan_out", True), ("fan_out", -1), ("fan_out", 2**40),
        )
    },
    "other block": ({**REPORT, "block": "another"}, "no block of this pipeline"),
    "block list": ({"event": "block_started", "block": []}, "no block of this pipeline"),
    "index text": ({**REPORT, "map_index": "1"}, "map_index"),
    "report": ({**REPORT, "result": {**RESULT, "status": None}}, "status"),
    "ask": ({"event": "ask", "id": 1, "what": ["secret"]}, "question"),
    "ask args": ({"event": "ask", "id": 1, "what": "secret", "args": "x"}, "question"),
}  # fmt: skip


def frame(message: object) -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(("message", "words"), BREACHES.values(), ids=BREACHES)
def test_a_message_that_holds_nonsense_ends_its_attempt_and_no_other(
    bench: LocalExecutorBench, message: object, words: str
) -> None:
    other = bench.executor.submit(bench.work("hangs"))
    bench.note("hangs")
    (bench.notes / "frame").write_bytes(frame(message))
    body = "os.write(3, open(os.path.join(FOLDER, 'frame'), 'rb').read())\npause_for_ever()"
    work = bench.block("breaks", body)
    work.payload["blocks"] = [work.payload["block"]]  # type: ignore[index]
    end = bench.end_of(bench.executor.submit(work))
    assert (end.reason, end.result, end.events) == (ExitReason.ERROR, None, ())
    assert "protocol" in (end.message or "")
    assert words in (end.message or "")
    assert bench.executor.observe([other])[0].state is ObservedState.RUNNING


def test_a_message_over_the_limit_ends_its_attempt_with_a_word_about_files(bench: LocalExecutorBench) -> None:
    end = bench.run("floods", "os.write(3, (20 * 1024 * 1024).to_bytes(4, 'big'))\npause_for_ever()")
    assert end.reason is ExitReason.ERROR
    assert "20971520 bytes" in (end.message or "")
    assert "files" in (end.message or "")


def test_a_child_that_does_not_read_its_answers_is_ended(
    bench: LocalExecutorBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.broker, "answer", lambda *_: "x" * 1024 * 1024)
    (bench.notes / "frame").write_bytes(frame({"event": "ask", "id": 1, "what": "secret", "args": {}}))
    body = "ask = open(os.path.join(FOLDER, 'frame'), 'rb').read()\nwhile True:\n    os.write(3, ask)"
    end = bench.run("asks", body)
    assert end.reason is ExitReason.ERROR
    assert "does not read the answers" in (end.message or "")


def test_an_interpreter_that_is_not_there_is_an_image_error(bench: LocalExecutorBench) -> None:
    bench.environment = EnvironmentRef("none", "/nowhere/python", str(bench.sdk))
    end = bench.end_of(bench.executor.submit(bench.work("succeeds")))
    assert end.reason is ExitReason.IMAGE
    assert "/nowhere/python" in (end.message or "")


def test_an_environment_that_cannot_import_the_sdk_says_why(bench: LocalExecutorBench, tmp_path: Path) -> None:
    # The base interpreter's own, without site packages: an installed `penstock` must not serve here.
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    (tmp_path / "empty").mkdir()
    bench.environment = EnvironmentRef("none", str(python), str(tmp_path / "empty"))
    external_id = bench.executor.submit(bench.work("succeeds"))
    end = bench.end_of(external_id)
    assert end.reason is ExitReason.IMAGE
    assert "penstock" in (end.message or "")


WORKER = """
import sys
from pathlib import Path
from support.process_bench import LocalExecutorBench
bench = LocalExecutorBench(Path(sys.argv[1]))
bench.executor.submit(bench.block('runs', Path(sys.argv[2]).read_text()))
while True:
    bench.wait()
    bench.executor.observe()
"""


def start_worker(folder: Path, body: str) -> subprocess.Popen[bytes]:
    """Start another worker process on that folder, which runs one block with the body."""
    folder.mkdir()
    (folder / "body").write_text(body)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", WORKER, str(folder), str(folder / "body")], env=environ)


def noted(folder: Path, name: str) -> int:
    path = folder / "notes" / name
    wait_until(path.exists)
    return int(path.read_text())


def test_a_worker_killed_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with start_worker(folder, f"{SETSID_GRANDCHILD}\ntouch('ready')\ntime.sleep(600)") as worker:
        pids = [noted(folder, "ready"), noted(folder, "grandchild")]
        worker.kill()
        worker.wait()
    end_leftovers(owner_of(folder / "data"))
    assert all_gone(pids)


def test_leftovers_of_worker_and_runner_killed_at_once_are_found_by_their_marks(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with start_worker(folder, f"{SETSID_GRANDCHILD}\ntouch('ready')\ntime.sleep(600)") as worker:
        ready, grandchild = noted(folder, "ready"), noted(folder, "grandchild")
        runner = process_tree.parent_of(ready)
        assert runner is not None
        os.kill(worker.pid, signal.SIGSTOP)
        os.kill(runner, signal.SIGKILL)
        wait_until(lambda: all_gone([ready]))
        worker.kill()
        worker.wait()
    assert process_tree.is_running(grandchild), "nothing was left over: this test shows nothing"
    ended = end_leftovers(owner_of(folder / "data"))
    assert grandchild in {marks.pid for marks in ended}
    assert {marks.attempt_id for marks in ended} >= {path.name for path in (folder / "staging").iterdir()}
    assert all_gone([grandchild])


def test_leftovers_of_living_workers_and_of_other_folders_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with start_worker(folder, "touch('ready')\ntime.sleep(600)") as worker:
        ready = noted(folder, "ready")
        assert end_leftovers(owner_of(folder / "data")) == []
        assert end_leftovers(owner_of(tmp_path / "other")) == []
        assert process_tree.is_running(ready)
        worker.kill()
        worker.wait()
    end_leftovers(owner_of(folder / "data"))
    wait_until(lambda: all_gone([ready]))


def test_a_worker_that_closes_ends_everything(tmp_path: Path) -> None:
    bench = LocalExecutorBench(tmp_path)
    work = bench.block("forks", f"{TWENTY}\ntouch('ready')\npause_for_ever()")
    bench.executor.submit(work)
    bench.note("ready")
    pids = [int(path.read_text()) for path in bench.notes.iterdir() if "." not in path.name]
    runners = bench.executor.runner_pids
    bench.executor.close()
    assert all_gone([*pids, *runners])


def test_closing_an_executor_that_never_started_anything(tmp_path: Path) -> None:
    bench = LocalExecutorBench(tmp_path)
    LocalProcessExecutor(LocalProcessOptions(tmp_path), bench.broker, bench.logs).close()
    bench.executor.close()
