"""`penstock topology`: the four topologies compared on four clouds, and one recommended for a load."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock_platform.vocabulary import Cloud
from penstock_runtime.cli.output import Json, print_json

if TYPE_CHECKING:
    from penstock_platform.comparison import Recommendation, TopologySummary
    from penstock_platform.cost import CostEstimate
    from penstock_platform.load import Load

_OF_LOAD = {"--blocks-per-run": 5.0, "--block-seconds": 10.0, "--peak": 3.0}
"""What is taken of a load where only `--runs-per-hour` is stated."""


def topology(
    *,
    cloud: Annotated[
        Cloud | None, typer.Option(help="Show the cost lines of this cloud (default: compare all four).")
    ] = None,
    runs_per_hour: Annotated[
        float | None, typer.Option(min=0, max=1e6, help="A load to recommend for: runs an hour.")
    ] = None,
    blocks_per_run: Annotated[
        float | None, typer.Option(min=0, max=1e5, help="Blocks in a run; 5 when only runs are stated.")
    ] = None,
    block_seconds: Annotated[
        float | None, typer.Option(min=0, max=1e6, help="Seconds a block takes on average; 10 likewise.")
    ] = None,
    peak: Annotated[
        float | None, typer.Option(min=1, max=1000, help="How many times the mean the busiest time has; 3 likewise.")
    ] = None,
    survive_zone: Annotated[
        bool, typer.Option("--survive-zone", help="Recommend only what goes on when a zone is lost.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare the four topologies and what they cost, before any account is touched, and recommend one for a load."""
    from penstock_platform.comparison import compare, recommend

    shape = {"--blocks-per-run": blocks_per_run, "--block-seconds": block_seconds, "--peak": peak}
    load = stated_load(runs_per_hour, shape, survive_zone=survive_zone)
    clouds = [cloud] if cloud else list(Cloud)
    compared = {one: compare(one) for one in clouds}
    recommended = [recommend(one, load, survive_zone=survive_zone) for one in clouds] if load else []
    if as_json:
        print_json(answer(compared, recommended, load, survive_zone=survive_zone))
    else:
        _show(compared, recommended)


def stated_load(runs_per_hour: float | None, shape: dict[str, float | None], *, survive_zone: bool) -> Load | None:
    """Return the stated load; None when there is none. Raises typer.BadParameter for one without runs."""
    from penstock_platform.load import Load

    given = [name for name, value in shape.items() if value is not None]
    if survive_zone:
        given.append("--survive-zone")
    if runs_per_hour is None:
        if given:
            raise typer.BadParameter(f"{', '.join(given)}: say --runs-per-hour too, the load to recommend for")
        return None
    values = [_OF_LOAD[name] if value is None else value for name, value in shape.items()]
    return Load(runs_per_hour, *values)


def _show(compared: dict[Cloud, tuple[TopologySummary, ...]], recommended: Sequence[Recommendation]) -> None:
    if sys.stdout.isatty():
        from penstock_runtime.cli.topology_tables import draw

        draw(compared, recommended)
    else:
        from penstock_runtime.cli.topology_text import write

        write(compared, recommended)


def answer(
    compared: dict[Cloud, tuple[TopologySummary, ...]],
    recommended: Sequence[Recommendation],
    load: Load | None,
    *,
    survive_zone: bool,
) -> dict[str, Any]:
    """Return the answer for programs: the same keys whatever was asked."""
    return {
        "clouds": [
            {"cloud": cloud, "topologies": [_summary(one) for one in summaries]}
            for cloud, summaries in compared.items()
        ],
        "load": asdict(load) if load else None,
        "survive_zone": survive_zone,
        "recommendations": [_recommendation(one) for one in recommended],
    }


def _summary(summary: TopologySummary) -> dict[str, Any]:
    return {
        "topology": summary.topology,
        "processes": summary.processes,
        "survives": summary.survives,
        "rollout": summary.rollout,
        "database": summary.database,
        "redis": summary.redis,
        "slots": summary.slots,
        "cost": cost_answer(summary.cost),
    }


def _recommendation(found: Recommendation) -> dict[str, Any]:
    return {
        "cloud": found.cloud,
        "fits": found.fits,
        "topology": found.topology,
        "scheduler": {"cpu_millis": found.cpu_millis, "memory_mib": found.memory_mib},
        "slots": found.slots,
        "slots_needed": found.slots_needed,
        # JSON has no infinity: null is a queue that only grows.
        "mean_wait_seconds": found.mean_wait_seconds if math.isfinite(found.mean_wait_seconds) else None,
        "utilisation": found.utilisation,
        "cost": cost_answer(found.cost),
        "config": {f"penstock:{key}": value for key, value in found.config.items()},
        "reasons": found.reasons,
    }


def cost_answer(cost: CostEstimate) -> dict[str, Any]:
    """Return an estimate for programs, with the span of each line."""
    lines = [{**asdict(line), "minimum": line.minimum, "maximum": line.maximum} for line in cost.lines]
    return {**asdict(cost), "lines": lines}
