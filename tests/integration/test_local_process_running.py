"""What a child is given and what is measured of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock import process_tree
from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.ports.executor import ObservedState
from support.process_bench import LocalExecutorBench, all_gone, environ_of, wait_until

MIB = 1024 * 1024


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LocalExecutorBench]:
    bench = LocalExecutorBench(tmp_path, sample_seconds=0.05)
    yield bench
    bench.executor.close()


def test_the_attempts_id_is_in_the_environment_as_the_kernel_shows_it(bench: LocalExecutorBench) -> None:
    body = """
import subprocess
touch('ready')
touch('shell', subprocess.Popen(['sleep', '600']).pid)
touch('seen', os.environ['PENSTOCK_ATTEMPT_ID'])
time.sleep(600)
"""
    work = bench.block("marked", body)
    external_id = bench.executor.submit(work)
    assert bench.note("seen") == work.attempt_id
    mark = f"PENSTOCK_ATTEMPT_ID={work.attempt_id}".encode()
    for pid in bench.pids("ready", "shell"):
        assert mark in environ_of(pid).split(b"\0")
    (runner,) = bench.executor.runner_pids
    assert mark not in environ_of(runner)
    bench.executor.cancel(external_id, 0)
    bench.end_of(external_id)


def test_peaks_and_cpu_are_measured(bench: LocalExecutorBench) -> None:
    end = bench.run("works", f"held = bytearray({64 * MIB})\nfor _ in range(1_000_000): pass\nreturn len(held)")
    assert end.peak_memory_bytes is not None
    assert 64 * MIB < end.peak_memory_bytes < 200 * MIB
    assert end.cpu_seconds is not None
    assert end.cpu_seconds > 0.005


def test_memory_over_the_limit_is_out_of_memory_and_nothing_else_is_hurt(bench: LocalExecutorBench) -> None:
    waits = "touch('other')\nwhile not os.path.exists(FOLDER + '/go'): time.sleep(0.005)"
    other = bench.executor.submit(bench.block("other", waits))
    bench.note("other")
    end = bench.run("eats", "held = []\nwhile True: held.append(bytearray(1 << 20))", memory_bytes=128 * MIB)
    assert end.reason is ExitReason.OUT_OF_MEMORY
    (bench.notes / "go").write_text("")
    assert bench.end_of(other).reason is ExitReason.SUCCESS


def test_one_process_is_held_by_its_own_limit_before_anyone_samples_it(tmp_path: Path) -> None:
    bench = LocalExecutorBench(tmp_path, sample_seconds=600)
    try:
        end = bench.run("eats", "held = []\nwhile True: held.append(bytearray(1 << 20))", memory_bytes=128 * MIB)
    finally:
        bench.executor.close()
    assert end.reason is ExitReason.OUT_OF_MEMORY
    assert end.result is not None
    assert end.peak_memory_bytes is not None
    assert end.peak_memory_bytes < 200 * MIB


def test_memory_under_the_limit_is_free(bench: LocalExecutorBench) -> None:
    end = bench.run("modest", f"return len(bytearray({96 * MIB}))", memory_bytes=128 * MIB)
    assert end.reason is ExitReason.SUCCESS


def test_a_tree_over_the_limit_is_ended_by_its_sum(bench: LocalExecutorBench) -> None:
    body = """
for number in range(4):
    if os.fork() == 0:
        held = bytearray(os.urandom(1 << 20) * 60)
        touch('part%d' % number)
        pause_for_ever()
pause_for_ever()
"""
    external_id = bench.executor.submit(bench.block("tree", body, memory_bytes=128 * MIB))
    end = bench.end_of(external_id)
    assert end.reason is ExitReason.OUT_OF_MEMORY
    assert "its limit is" in (end.message or "")
    assert end.peak_memory_bytes is not None
    assert end.peak_memory_bytes > 128 * MIB
    pids = [int(path.read_text()) for path in bench.notes.iterdir() if "." not in path.name]
    assert all_gone(pids)


def test_cpu_seconds_over_the_limit_is_a_timeout(bench: LocalExecutorBench) -> None:
    end = bench.run("spins", "while True: pass", cpu_seconds=1)
    assert end.reason is ExitReason.TIMEOUT
    assert "CPU" in (end.message or "")


def test_children_draw_different_random_numbers(bench: LocalExecutorBench) -> None:
    results = [bench.run("draws", "import random\nreturn random.random()").result or {} for _ in range(3)]
    assert len({result["outputs"][0]["inline"] for result in results}) == 3


def test_light_children_are_forked_ahead_and_no_more_than_asked(bench: LocalExecutorBench) -> None:
    bench.executor.warm(bench.environment)
    wait_until(lambda: bench.executor.observe([]) or bench.executor.runner_pids)
    (runner,) = bench.executor.runner_pids
    wait_until(lambda: bench.executor.observe([]) or len(process_tree.children_of(runner)) == 4)
    ids = [bench.executor.submit(bench.work("hangs")) for _ in range(3)]
    bench.settle(ids, ObservedState.RUNNING)
    wait_until(lambda: bench.executor.observe([]) or len(process_tree.children_of(runner)) == 7)
    for external_id in ids:
        bench.executor.cancel(external_id, 0)
    bench.settle(ids)
    assert len(process_tree.children_of(runner)) <= 5


def test_more_attempts_than_children_all_run(bench: LocalExecutorBench) -> None:
    ids = [bench.executor.submit(bench.work("succeeds")) for _ in range(40)]
    seen = bench.settle(ids)
    assert all(seen[external_id][-1].reason is ExitReason.SUCCESS for external_id in ids)


def test_a_large_work_and_a_large_result_pass(bench: LocalExecutorBench) -> None:
    work = bench.block("large", "return len(kwargs['big'])")
    payload = {**work.payload, "variables": {"big": "x" * 3_000_000}}
    end = bench.end_of(
        bench.executor.submit(
            type(work)(
                **{
                    **{name: getattr(work, name) for name in work.__slots__},
                    "payload": payload,
                }
            )
        )
    )
    assert end.result is not None
    assert end.result["outputs"][0]["inline"] == 3_000_000


def test_tables_get_a_data_parent_that_retires(tmp_path: Path) -> None:
    bench = LocalExecutorBench(tmp_path, data_parent_idle_seconds=0.3)
    try:
        first = bench.end_of(bench.executor.submit(bench.block("t", "return 1", wants_tables=True)))
        assert first.reason is ExitReason.SUCCESS
        wait_until(lambda: bench.executor.observe([]) or len(bench.executor.runner_pids) == 2)
        data = bench.executor.runner_pids[1]
        wait_until(lambda: bench.executor.observe([]) or bench.executor.runner_pids[1:] != [data])
        wait_until(lambda: all_gone([data]))
        assert bench.end_of(bench.executor.submit(bench.work("succeeds"))).reason is ExitReason.SUCCESS
    finally:
        bench.executor.close()


def test_an_idle_executor_has_nothing_to_say_and_its_descriptor_is_quiet(bench: LocalExecutorBench) -> None:
    import select

    bench.end_of(bench.executor.submit(bench.work("succeeds")))
    wait_until(lambda: not bench.executor.observe() and not select.select([bench.executor.fileno()], [], [], 0.05)[0])
    assert select.select([bench.executor.fileno()], [], [], 0.3)[0] == []
