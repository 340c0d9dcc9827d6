"""Whatever a block prints, as it is kept."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.executors.local_process.executor import LocalProcessExecutor, LocalProcessOptions
from penstock_runtime.executors.local_process.log_lines import read_line
from penstock_runtime.ports.log_store import LogKey, LogStoreFailed, decode_line
from penstock_runtime.storage.local_logs import LocalLogStore
from penstock_runtime.storage.memory_logs import InMemoryLogStore
from support.process_bench import LocalExecutorBench, wait_until

MIB = 1024 * 1024


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LocalExecutorBench]:
    bench = LocalExecutorBench(tmp_path)
    yield bench
    bench.executor.close()


def printed(bench: LocalExecutorBench, body: str) -> list[str]:
    work = bench.block("prints", body)
    assert bench.end_of(bench.executor.submit(work)).reason is ExitReason.SUCCESS
    return [line.message for line in bench.log_of(work)]


def test_the_log_is_whole_when_the_end_is_told(bench: LocalExecutorBench) -> None:
    for _ in range(10):
        assert printed(bench, "for n in range(500): print(n)") == list(map(str, range(500)))


def test_logger_lines_keep_level_and_time(bench: LocalExecutorBench) -> None:
    work = bench.block("logs", "kwargs['logger'].warning('careful %s', 1)")
    bench.end_of(bench.executor.submit(work))
    (line,) = bench.log_of(work)
    assert (line.level, line.message) == ("WARNING", "careful 1")
    assert line.t.endswith("Z")


def test_a_record_behind_an_unended_line_is_its_own_line(bench: LocalExecutorBench) -> None:
    assert printed(bench, "print('no end', end='')\nkwargs['logger'].info('record')") == ["no end", "record"]


def test_binary_is_shown_escaped(bench: LocalExecutorBench) -> None:
    lines = printed(bench, "os.write(1, bytes(range(256)) + b'\\nafter\\n')")
    assert lines[-1] == "after"
    assert "\\xff" in lines[-2]
    assert "\\x80" in lines[-2]


def test_a_broken_record_is_text(bench: LocalExecutorBench) -> None:
    assert printed(bench, "os.write(1, b'\\x1e{not json}\\n\\x1e[1]\\n\\x1e')") == ["\x1e{not json}", "\x1e[1]", "\x1e"]


def test_a_record_nested_too_deep_is_text_and_the_next_is_read(bench: LocalExecutorBench) -> None:
    deep = "\x1e" + "[" * 60_000
    assert printed(bench, "os.write(1, b'\\x1e' + b'[' * 60_000 + b'\\nafter\\n')") == [deep, "after"]
    assert printed(bench, "print('still here')") == ["still here"]


@pytest.mark.parametrize("line", [b"[" * 60_000, b"[1]", b"3", b'{"t": 1}'], ids=["deep", "list", "number", "half"])
def test_a_damaged_line_of_a_store_comes_back_raw(line: bytes) -> None:
    assert decode_line(line + b"\n").message == line.decode()


def test_numbers_that_json_lacks_are_kept_as_text(bench: LocalExecutorBench) -> None:
    extra = "{'loss': float('nan'), 'top': float('inf'), 'deep': [float('-inf'), 1.5]}"
    work = bench.block("loses", f"kwargs['logger'].info('epoch', extra={extra})")
    assert bench.end_of(bench.executor.submit(work)).reason is ExitReason.SUCCESS
    (line,) = bench.log_of(work)
    assert line.extra == {"extra": {"loss": "NaN", "top": "Infinity", "deep": ["-Infinity", 1.5]}}
    (huge,) = read_line(b'\x1e{"message": "m", "time": 3, "size": 1e999}')
    assert (huge.time, huge.extra) == (None, {"size": "1e999"})


def test_what_breaks_on_one_line_is_kept_raw_and_the_pump_goes_on(
    bench: LocalExecutorBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("penstock_runtime.executors.local_process.log_lines._record", fail)
    body = "print('plain')\nos.write(1, b'\\x1e{}\\n')\nos.write(1, b'\\x1eopen')"
    assert printed(bench, body) == ["plain", "\x1e{}", "\x1eopen"]
    monkeypatch.undo()
    assert printed(bench, "kwargs['logger'].info('record')") == ["record"]


def test_a_progress_bar_leaves_its_last_state(bench: LocalExecutorBench) -> None:
    body = "for n in range(100): os.write(2, b'\\r%d%%' % n)\nos.write(2, b'\\n')\nprint('crlf\\r')"
    assert printed(bench, body)[-2:] == ["99%", "crlf"]


def test_output_of_descendants_is_in_the_log(bench: LocalExecutorBench) -> None:
    assert printed(bench, "import subprocess; subprocess.run(['echo', 'from a shell'])") == ["from a shell"]


def test_lines_are_there_while_the_block_runs_and_after_it_was_killed(bench: LocalExecutorBench) -> None:
    work = bench.block("live", "print('one')\nprint('prompt', end='', flush=True)\ntime.sleep(600)")
    external_id = bench.executor.submit(work)
    wait_until(lambda: bench.executor.observe([]) or len(bench.executor.tail(external_id)[0]) == 2)
    bench.executor.cancel(external_id, 0)
    bench.end_of(external_id)
    assert [line.message for line in bench.log_of(work)] == ["one", "prompt"]


def test_followers_are_told_of_each_append(tmp_path: Path) -> None:
    told: list[LogKey] = []
    bench = LocalExecutorBench(tmp_path)
    bench.executor.close()
    options = LocalProcessOptions(tmp_path / "data")
    bench.executor = LocalProcessExecutor(options, bench.broker, bench.logs, on_log=told.append)
    work = bench.work("prints")
    bench.end_of(bench.executor.submit(work))
    bench.executor.close()
    assert set(told) == {work.log_key}


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_hundred_megabytes_neither_slow_nor_grow_us(tmp_path: Path) -> None:
    bench = LocalExecutorBench(tmp_path)
    bench.executor.close()
    logs = LocalLogStore(tmp_path / "logs")
    bench.executor = LocalProcessExecutor(LocalProcessOptions(tmp_path / "data"), bench.broker, logs)
    bench.end_of(bench.executor.submit(bench.work("succeeds")))
    gc.collect()
    before = resident_bytes()
    body = "line = 'x' * 99\nfor n in range(1_000_000): print(line)\nprint('the very end')"
    flood = bench.block("flood", body)
    flooding = bench.executor.submit(flood)
    started = time.monotonic()
    quiet = bench.executor.submit(bench.work("succeeds"))
    assert bench.end_of(quiet).reason is ExitReason.SUCCESS
    quiet_seconds = time.monotonic() - started
    end = bench.end_of(flooding)
    grown = resident_bytes() - before
    bench.executor.close()
    assert end.reason is ExitReason.SUCCESS
    assert quiet_seconds < 2.0
    assert grown < 30 * MIB
    lines, offset = logs.read(flood.log_key, limit=10_000_000)
    cuts = [line for line in lines if line.message.startswith("[log cut")]
    assert len(cuts) == 2
    assert lines[-1].message == "the very end"
    assert offset < 11 * MIB


def test_a_line_without_an_end_does_not_grow_us(bench: LocalExecutorBench) -> None:
    lines = printed(bench, f"os.write(1, b'y' * 100)\nfor _ in range(30): os.write(1, b'x' * {MIB})")
    assert any(line.startswith("[log cut") for line in lines)
    assert max(map(len, lines)) <= 64 * 1024


class FullDisk(InMemoryLogStore):
    """A store that cannot write until it can."""

    def __init__(self) -> None:
        super().__init__()
        self.full = threading.Event()
        self.full.set()

    def append(self, key: LogKey, chunk: bytes) -> None:
        if self.full.is_set():
            raise LogStoreFailed("no space left on device")
        super().append(key, chunk)


def test_a_full_disk_stops_no_block_and_is_told_in_the_log(tmp_path: Path) -> None:
    bench = LocalExecutorBench(tmp_path)
    bench.executor.close()
    logs = FullDisk()
    bench.executor = LocalProcessExecutor(LocalProcessOptions(tmp_path / "data"), bench.broker, logs)
    body = "print('lost')\ntouch('said')\nwhile not os.path.exists(FOLDER + '/go'): time.sleep(0.005)\nprint('kept')"
    work = bench.block("writes", body)
    external_id = bench.executor.submit(work)
    bench.note("said")
    wait_until(lambda: any(source.lost for source in bench.executor._pump._sources.values()))
    logs.full.clear()
    (bench.notes / "go").write_text("")
    assert bench.end_of(external_id).reason is ExitReason.SUCCESS
    bench.executor.close()
    kept = [line.message for line in logs.read(work.log_key)[0]]
    assert kept[0] == "kept"
    assert "could not be stored" in kept[1]
