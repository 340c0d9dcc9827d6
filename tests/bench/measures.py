"""The measurements. Each takes a target that is running and returns named figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import ceil
from pathlib import Path

import psutil

from bench.floor import Commit, blocks_per_second, heavy_seconds
from bench.target import BenchTarget, Workload

Figures = Mapping[str, float]

LIGHT = 40
HEAVY = 10
RUNS, BLOCKS = 100, 5
IDLE_SECONDS = 10.0
HEAVY_LOOPS = 4_000_000
TRIGGERS = 100


def heavy_work() -> int:
    """What one heavy block does: about half a second of one core."""
    return sum(i * i % 7 for i in range(HEAVY_LOOPS))


def workloads(folder: Path) -> list[Workload]:
    """Return every pipeline that the measurements use; `folder` is where blocks leave their times."""
    chain = {f"b{i:02}": [f"b{i - 1:02}"] if i else [] for i in range(LIGHT)}
    wide = {f"b{i:02}": [] for i in range(HEAVY)}
    short = {f"b{i}": [f"b{i - 1}"] if i else [] for i in range(BLOCKS)}
    first_line = f"with open({str(folder)!r} + '/' + str(run_id), 'w') as file:\n    file.write(repr(began))"
    starts = (
        f"with open({str(folder)!r} + '/starts', 'a') as file:\n    file.write(f'{{run_id}} {{block}} {{began}}\\n')"
    )
    return [
        Workload("latency", {"b0": []}, first_line),
        Workload("chain", chain),
        Workload("wide", wide, f"return sum(i * i % 7 for i in range({HEAVY_LOOPS}))"),
        Workload("short", short),
        Workload("killed", short, starts),
        Workload("ticking", {"b0": []}, first_line),
    ]


def percentile(values: list[float], fraction: float) -> float:
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * fraction) - 1)]


def b2_first_line(target: BenchTarget, folder: Path, repeat: int) -> Figures:
    """API call to the first line of user code, idle: milliseconds."""
    waits = []
    for _ in range(max(repeat, 1) * 10):
        called = time.time()
        run = target.trigger("latency")
        target.wait([run], 30)
        waits.append((float((folder / run).read_text()) - called) * 1000)
    return {"p50_ms": percentile(waits, 0.5), "p95_ms": percentile(waits, 0.95), "max_ms": max(waits)}


def run_seconds(target: BenchTarget, pipeline: str) -> float:
    """Return the seconds from the call to the end of one run."""
    called = time.time()
    ended = target.wait([target.trigger(pipeline)], 120)
    if not ended or not ended[0].succeeded:
        raise RuntimeError(f"the run of {pipeline} did not succeed: {ended}")
    return ended[0].ended_at - called


def b3_sequential(target: BenchTarget, repeat: int) -> Figures:
    """40 light blocks, one after the other, in one run: seconds."""
    taken = [run_seconds(target, "chain") for _ in range(repeat)]
    return {"seconds": percentile(taken, 0.5), "best_seconds": min(taken)}


def b4_parallel(target: BenchTarget, repeat: int) -> Figures:
    """10 heavy blocks at once: seconds, and the same work in bare processes."""
    taken = percentile([run_seconds(target, "wide") for _ in range(repeat)], 0.5)
    floor = heavy_seconds(heavy_work, HEAVY)
    return {"seconds": taken, "floor_seconds": floor, "times_floor": taken / floor}


def b5_throughput(target: BenchTarget, folder: Path, commit: Commit) -> Figures:
    """100 runs of 5 blocks that do nothing: blocks a second, against the floor of this moment."""
    raw = folder / "raw"
    raw.mkdir(exist_ok=True)
    floor = blocks_per_second(raw, commit)
    called = time.time()
    runs = [target.trigger("short") for _ in range(RUNS)]
    asked = time.time() - called
    ended = target.wait(runs, 300)
    if len(ended) != RUNS or not all(run.succeeded for run in ended):
        raise RuntimeError(f"only {sum(run.succeeded for run in ended)} of {RUNS} runs succeeded")
    rate = RUNS * BLOCKS / (max(run.ended_at for run in ended) - called)
    return {
        "blocks_per_second": rate,
        "floor_blocks_per_second": floor,
        "times_floor": rate / floor,
        "calls_seconds": asked,
    }


def b6_idle(target: BenchTarget) -> Figures:
    """Every process, at rest: memory in MiB of proportional set size, CPU in percent of one core."""
    before = cpu_seconds(target.processes())
    began = time.monotonic()
    time.sleep(IDLE_SECONDS)
    spent = cpu_seconds(target.processes()) - before
    figures = {f"mib_{name}": mib for name, mib in memory_by_process(target.processes()).items()}
    return {
        "mib": sum(figures.values()),
        "cpu_percent": 100 * spent / (time.monotonic() - began),
        "processes": float(len(target.processes())),
        **figures,
    }


def cpu_seconds(pids: list[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def memory_by_process(pids: list[int]) -> dict[str, float]:
    """Return MiB by the last telling word of each process's command line; processes of one name are added up."""
    found: dict[str, float] = {}
    for pid in pids:
        process = psutil.Process(pid)
        name = process_name(process.cmdline())
        found[name] = found.get(name, 0.0) + proportional_bytes(process) / 2**20
    return found


def process_name(words: list[str]) -> str:
    """Return `runner_light` for `python -m penstock.runner --kind light …`, else the module or program's name."""
    if "--kind" in words:
        return f"runner_{words[words.index('--kind') + 1]}"
    if "-m" in words:
        return words[words.index("-m") + 1].rpartition(".")[2]
    return Path(words[1] if len(words) > 1 and "python" in words[0] else words[0]).name if words else "ended"


def proportional_bytes(process: psutil.Process) -> float:
    """Return PSS; where the kernel keeps it from us (it is not dumpable), the resident set."""
    try:
        return float(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):
        return float(process.memory_info().rss)


def b7_lateness(target: BenchTarget, folder: Path) -> Figures:
    """100 triggers that are due every minute, two minutes long: seconds from the tick to the run and to its first line.

    The ticks before the triggers were all there are left out.
    """
    target.every_minute("ticking", TRIGGERS)
    began = time.time()
    minutes = [60 * (began // 60 + count) for count in (1, 2)]
    wanted = TRIGGERS * len(minutes)
    try:
        deadline = minutes[-1] + 30
        while True:
            ticks = [tick for tick in target.ticks("ticking") if tick.due_at in minutes]
            done = [tick for tick in ticks if (folder / tick.run).exists()]
            if len(done) == wanted or time.time() > deadline:
                break
            time.sleep(1.0)
    finally:
        target.every_minute("ticking", 0)
    lines = [float((folder / tick.run).read_text()) - tick.due_at for tick in done]
    made = [tick.made_at - tick.due_at for tick in ticks]
    return {
        "p50_s": percentile(made, 0.5),
        "p95_s": percentile(made, 0.95),
        "first_line_p50_s": percentile(lines, 0.5),
        "first_line_p95_s": percentile(lines, 0.95),
        "missing": float(wanted - len({(tick.run, tick.due_at) for tick in done})),
    }


def b8_kill(target: BenchTarget, folder: Path) -> Figures:
    """B5 with kill -9 of one scheduler half-way: runs lost and stuck, attempts beyond one, code started twice.

    The failover is the time from the kill until the code of a block that was lost with it starts anew.
    """
    starts = folder / "starts"
    runs = [target.trigger("killed") for _ in range(RUNS)]
    wait_until(lambda: starts.exists() and lines_of(starts) > RUNS * BLOCKS // 4, 120)
    target.kill_scheduler()
    killed = time.time()
    ended = target.wait(runs, 300)
    attempts = sum(run.attempts for run in ended)
    again = repeated(starts.read_text().splitlines())
    figures = {
        "stuck": float(RUNS - len(ended)),
        "lost": float(sum(run.blocks != BLOCKS for run in ended)),
        "extra_attempts": float(attempts - BLOCKS * len(ended)),
        "started_twice": float(len(again)),
        "seconds_after_kill": max((run.ended_at for run in ended), default=killed) - killed,
    }
    return figures | ({"failover_seconds": min(again) - killed} if again else {})


def repeated(lines: list[str]) -> list[float]:
    """Return when each (run, block) that started before started again; a line is `run block time`."""
    seen: set[str] = set()
    found = []
    for line in lines:
        key, _, at = line.rpartition(" ")
        if key in seen:
            found.append(float(at))
        seen.add(key)
    return found


def lines_of(path: Path) -> int:
    return path.read_text().count("\n")


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the load never got going")
        time.sleep(0.01)
