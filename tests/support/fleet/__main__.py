"""`make soak`: the long run of the faults lane. Exit code 1 when a promise was broken, with the seed that shows it."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from support.fleet.soak import Outcome, Soak, run_soak
from support.fleet.timeline import draw
from support.servers import end_leftovers

RUNS_A_MINUTE = 100


def main(words: list[str]) -> int:
    """Run, and say what came of it."""
    given = _parse(words)
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1_000_000)
    soak = Soak(
        seed,
        seconds=given.minutes * 60,
        runs=given.runs if given.runs is not None else round(given.minutes * RUNS_A_MINUTE),
        every=given.every,
        kinds=tuple(given.kinds.split(",")) if given.kinds else None,
        longest=min(60.0, given.minutes * 12),
    )
    end_leftovers()
    home = Path(tempfile.mkdtemp(prefix="penstock-soak-"))
    home.chmod(0o755)
    try:
        outcome = run_soak(soak, home, lambda text: print(text, flush=True))
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "report.json").write_text(outcome.as_json())
        (given.out / "timeline.svg").write_text(draw(outcome))
        _say(outcome, given.out, home)
    finally:
        if not given.keep:
            shutil.rmtree(home, ignore_errors=True)
    return 1 if outcome.breaches else 0


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seed", type=int, help="what a failing run named; without one a new seed is drawn")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--runs", type=int, help=f"runs of five blocks ({RUNS_A_MINUTE} for each minute)")
    parser.add_argument("--every", type=float, default=3.0, help="seconds from fault to fault")
    parser.add_argument("--kinds", help="these faults only, by commas")
    parser.add_argument("--out", type=Path, default=Path(".cache/soak"), help="where the report is written")
    parser.add_argument("--keep", action="store_true", help="keep the fleet's folder with every process's log")
    return parser.parse_args(words)


def _say(outcome: Outcome, out: Path, home: Path) -> None:
    for name, value in outcome.figures.items():
        print(f"{name:<32} {value}")
    for kind, reason in outcome.not_injected.items():
        print(f"NOT INJECTED: {kind}: {reason}")
    print(f"report: {out / 'report.json'}, timeline: {out / 'timeline.svg'}")
    if outcome.breaches:
        kinds = f" --kinds {','.join(outcome.soak.kinds)}" if outcome.soak.kinds else ""
        print(
            f"\n{len(outcome.breaches)} breaches; replay with: make soak SEED={outcome.soak.seed} "
            f"MINUTES={outcome.soak.seconds / 60:g} "
            f"SOAK='--every {outcome.soak.every:g} --runs {outcome.soak.runs}{kinds}'\n(its folder: {home})"
        )
        for breach in outcome.breaches:
            print(f"  {breach}")
    else:
        print("every promise held")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
