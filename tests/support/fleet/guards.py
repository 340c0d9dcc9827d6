"""`make soak-guards`: each guard of the engine is taken away in turn, in a copy of the tree, and a check must see it.

A guard is named with the lines that make it. The check is a short soak of the faults that the guard is against, or the
model of two schedulers, or one test: whatever shows it soonest. A guard whose loss nothing notices fails the command.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.fleet.soak import Soak, run_soak
from support.servers import end_leftovers

ROOT = Path(__file__).parents[3]
COPIED = ("runtime/penstock", "runtime/penstock_runtime", "platform", "tests", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "static", "node_modules", "*.pyc")
MODEL = "tests/stateful/test_two_schedulers.py"
POSTGRES = "tests/conformance/test_run_store_postgres.py"
SEED = 11
CHECK_SECONDS = 240


@dataclass(frozen=True)
class Cut:
    """One place of a guard: in this file (below runtime/), this text is replaced."""

    file: str
    text: str
    by: str


@dataclass(frozen=True)
class Guard:
    """A guard and what must notice its loss: `tests`, words for pytest, or a soak with `kinds` of faults."""

    name: str
    cuts: tuple[Cut, ...]
    tests: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    longest: float = 8.0
    every: float = 2.0


DUE = "penstock_runtime/persistence/due.py"
ATTEMPTS = "penstock_runtime/persistence/attempt_steps.py"
CLAIMS = "penstock_runtime/persistence/claims.py"
RUNS = "penstock_runtime/persistence/run_steps.py"
FIRST = "penstock_runtime/persistence/migrations/versions/0001_initial.py"
TABLES = "penstock_runtime/persistence/tables.py"
KEY = 'sa.UniqueConstraint("trigger_id", "logical_at", name="uq_runs_trigger_id_logical_at"),'
TICK_LOCK = '    .limit(bindparam("count"))\n    .with_for_update(skip_locked=True)\n)\n_MOVE'
NO_TICK_LOCK = '    .limit(bindparam("count"))\n)\n_MOVE'

GUARDS = (
    Guard(
        "I1 the unique key of ticks",
        (Cut(FIRST, KEY, ""), Cut(TABLES, 'UniqueConstraint("trigger_id", "logical_at"),', "")),
        tests=(POSTGRES, "-k", "one_run_per_trigger or eight_threads_make_one_run"),
    ),
    Guard(
        "I1 the unique key of ticks, and the lock on the schedules that are due",
        (
            Cut(FIRST, KEY, ""),
            Cut(TABLES, 'UniqueConstraint("trigger_id", "logical_at"),', ""),
            Cut(DUE, TICK_LOCK, NO_TICK_LOCK),
        ),
        kinds=("redis-flush",),
    ),
    Guard(
        "I1 the tick moves on in the transaction that makes its run",
        (
            Cut(
                "penstock_runtime/scheduler/ticks.py",
                "        tx.move_triggers(batch.moves, batch.now)\n\n\ndef _fire(",
                "    with services.store.transaction() as tx:\n"
                "        tx.move_triggers(batch.moves[:-1], batch.now)\n\n\ndef _fire(",
            ),
        ),
        tests=(MODEL,),
    ),
    Guard(
        "I1 the idempotency key of a request",
        (
            Cut(
                "penstock_runtime/runs/create.py",
                "if request.idempotency_key is not None:\n        known",
                "if request.idempotency_key is not None and not run_id:\n        known",
            ),
        ),
        kinds=("kill-web", "cut"),
        every=0.7,
    ),
    Guard(
        "I2 the fence of an attempt's end: it runs, and is the member's at its term",
        (
            Cut(
                ATTEMPTS,
                """.where(_c.id == bindparam("attempt_id"), _c.status == literal_column("'running'"))
    .values(
        {name""",
                """.where(_c.id == bindparam("attempt_id"))
    .values(
        {name""",
            ),
            Cut(
                ATTEMPTS,
                '_END = _end.where(_c.member_id == bindparam("owner"), _c.term == bindparam("owner_term"))',
                "_END = _end",
            ),
            Cut(
                "penstock_runtime/runs/finish.py",
                "(BlockRunStatus.RUNNING,), _change",
                "tuple(BlockRunStatus), _change",
            ),
        ),
        tests=(MODEL,),
    ),
    Guard(
        "I2 the lock on a run that advances",
        (Cut(RUNS, "_LOCK = _READ.with_for_update(key_share=True)", "_LOCK = _READ"),),
        tests=("tests/integration/test_run_lock.py",),
    ),
    Guard(
        "I2 claims pass over rows that another holds (SKIP LOCKED)",
        (Cut(CLAIMS, "        .with_for_update(of=block_runs, key_share=True, skip_locked=True)\n", ""),),
        tests=(POSTGRES, "-k", "claim"),
    ),
    Guard(
        "I2 a claim needs a member that works",
        (Cut(CLAIMS, "runs.c.admitted, _member_works)", "runs.c.admitted)"),),
        tests=(POSTGRES, "-k", "claim or member"),
    ),
    Guard(
        "I3 the rescue of what a dead scheduler left",
        (
            Cut(
                "penstock_runtime/scheduler/loop.py",
                '"rescue": rescue_lost_attempts',
                '"rescue": lambda _services: None',
            ),
        ),
        tests=(MODEL,),
    ),
    Guard(
        "I3 members whose lease has passed are ended",
        (
            Cut(
                "penstock_runtime/runs/rescue.py",
                "return [member.id for member in tx.end_expired_members(until)]",
                "return []",
            ),
        ),
        tests=(MODEL,),
    ),
    Guard(
        "I3 a claim whose answer was lost is given back",
        (Cut("penstock_runtime/worker/upkeep.py", "if attempt.id in known:", "if attempt.id:"),),
        tests=("tests/integration/test_connection_loss.py",),
    ),
    Guard(
        "I4 the grace between a lease and the rescue",
        (
            Cut("penstock_runtime/runs/rescue.py", "timedelta(seconds=grace_seconds)", "timedelta(0)"),
            Cut(
                "penstock_runtime/scheduler/loop.py",
                "dead_since = now - timedelta(seconds=grace_seconds)",
                "dead_since = now",
            ),
        ),
        kinds=("freeze-scheduler", "stall"),
    ),
    Guard(
        "I4 a scheduler whose own lease has passed ends its blocks",
        (
            Cut(
                "penstock_runtime/runs/membership.py",
                "return self._ended or self._services.clock.monotonic() - self._renewed > self._lease_seconds",
                "return False",
            ),
        ),
        tests=(MODEL,),
    ),
    Guard(
        "I4 the warm parent ends with its scheduler",
        (
            Cut("penstock/runner.py", "process_tree.end_descendants(SHUTDOWN_SECONDS)", "pass"),
            Cut("penstock_runtime/executors/local_process/leftovers.py", "if not met or", "if True or"),
            Cut(
                "penstock_runtime/executors/local_process/leftovers.py",
                "met = kill_marked(owner, lambda marks: not _worker_lives(marks))",
                "met: list[Marks] = []",
            ),
        ),
        kinds=("kill-scheduler",),
        every=1.5,
    ),
    Guard(
        "I5 success needs the attempt's own result",
        (
            Cut(
                "penstock_runtime/executors/local_process/attempt.py",
                "    if code is None:\n        return Verdict(ExitReason.LOST",
                "    if code == 0:\n        return Verdict(ExitReason.SUCCESS, None, code)\n    if code is None:\n"
                "        return Verdict(ExitReason.LOST",
            ),
        ),
        tests=("tests/faults/test_process_deaths.py", "-k", "exit_zero"),
    ),
    Guard(
        "I5 the engine's own look at the result",
        (
            Cut(
                "penstock_runtime/domain/verdicts.py",
                "return Verdict(BlockRunStatus.FAILED, AttemptStatus.FAILED, add_failures=1, error=error)\n\n\n"
                "def _after_poke",
                "return Verdict(BlockRunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED)\n\n\ndef _after_poke",
            ),
        ),
        tests=("tests/integration/test_run_life.py", "-k", "result"),
    ),
    Guard(
        "I6 an ending reaches every descendant",
        (
            Cut("penstock/runner.py", "            process_tree.kill_trees(leftovers)\n", ""),
            Cut("penstock/process_child.py", "process_tree.end_descendants()", "pass"),
        ),
        kinds=("redis-flush",),
    ),
    Guard(
        "I7 a pass does what there is to do, and nothing else",
        (Cut("penstock_runtime/scheduler/loop.py", "            elif name in outlook.duties:", "            else:"),),
        tests=("tests/integration/test_quiet_pass.py",),
    ),
    Guard(
        "I8 a broken pipeline's tick is skipped, and the others are made",
        (
            Cut(
                "penstock_runtime/scheduler/ticks.py",
                "    except PenstockError as error:\n        # A limit",
                "    except ZeroDivisionError as error:\n        # A limit",
            ),
            Cut(
                "penstock_runtime/scheduler/ticks.py",
                "        except Exception as error:  # noqa: BLE001 - one trigger's",
                "        except ZeroDivisionError as error:  # one trigger's",
            ),
        ),
        kinds=("redis-flush",),
    ),
)


@dataclass
class Verdict:
    """What was said of a guard's loss; nothing when nobody noticed."""

    guard: Guard
    said: str


def copy_tree(folder: Path) -> None:
    """Copy what runs and what tests, with this tree's environment."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=LEFT_OUT)
        else:
            shutil.copy(source, target)
    (folder / ".venv").symlink_to(ROOT / ".venv")


def remove(guard: Guard, folder: Path) -> Callable[[], None]:
    """Take the guard away; what puts it back. ValueError when the code no longer has it so: then this list is stale."""
    before: dict[Path, str] = {}
    for cut in guard.cuts:
        path = folder / "runtime" / cut.file
        text = path.read_text()
        before.setdefault(path, text)
        if text.count(cut.text) != 1:
            raise ValueError(f"{guard.name}: {cut.file} has its line {text.count(cut.text)} times: {cut.text[:60]!r}")
        path.write_text(text.replace(cut.text, cut.by))

    def restore() -> None:
        for path, text in before.items():
            path.write_text(text)

    return restore


def said_by_tests(words: Sequence[str], folder: Path) -> str:
    """Run the tests of the copy on the copy; the first words of a failure, nothing when all passed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-q", "-x", "-n0"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path(folder)},
        capture_output=True,
        text=True,
        timeout=CHECK_SECONDS,
        check=False,
    )
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stdout.splitlines()]
    failed = [line.split("::")[-1].split(" - ")[0] for line in lines if line.startswith("FAILED")]
    assert failed, f"the check itself did not run:\n{done.stdout[-2000:]}\n{done.stderr[-1000:]}"
    errors = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ")]
    return f"{failed[0]}: {errors[0] if errors else 'failed'}"


def said_by_soak(guard: Guard, folder: Path) -> str:
    """Run a short soak of the copy; the checker's first words, nothing when every promise held."""
    home = Path(tempfile.mkdtemp(prefix="penstock-guard-"))
    home.chmod(0o755)
    soak = Soak(
        SEED,
        seconds=20.0,
        runs=30,
        every=guard.every,
        longest=guard.longest,
        bound=40.0,
        kinds=guard.kinds,
        python_path=python_path(folder),
    )
    try:
        return next(iter(run_soak(soak, home).breaches), "")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def python_path(folder: Path) -> str:
    """Return what makes a Python import the copy instead of this tree."""
    return os.pathsep.join(str(folder / name) for name in ("runtime", "platform", "tests"))


def main(words: list[str]) -> int:
    """Go through the guards; 1 when the loss of one was not noticed."""
    parser = argparse.ArgumentParser(prog="make soak-guards", description=__doc__)
    parser.add_argument("--only", default="", help="guards whose name has this in it")
    only = parser.parse_args(words).only
    end_leftovers()
    with tempfile.TemporaryDirectory(prefix="penstock-guards-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        copy_tree(folder)
        verdicts = [look(guard, folder) for guard in GUARDS if only in guard.name]
    return 1 if any(not verdict.said for verdict in verdicts) else 0


def look(guard: Guard, folder: Path) -> Verdict:
    """Take one guard away, see what is said, put it back."""
    restore = remove(guard, folder)
    try:
        said = said_by_tests(guard.tests, folder) if guard.tests else said_by_soak(guard, folder)
    finally:
        restore()
    print(f"{'seen  ' if said else 'UNSEEN'}  {guard.name}\n        {said or 'nobody noticed'}", flush=True)
    return Verdict(guard, said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
