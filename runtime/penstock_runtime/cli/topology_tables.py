"""The comparison of topologies drawn on a terminal, readable from 80 columns on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from penstock_platform.comparison import Recommendation, TopologySummary
from penstock_platform.cost import CostLine
from penstock_platform.vocabulary import Cloud, Topology
from penstock_runtime.cli.topology_text import (
    NOTHING,
    Compared,
    config_lines,
    cost_rows,
    monthly,
    shared_notes,
    size_text,
    span,
    wait_text,
)


def draw(compared: Compared, recommended: Sequence[Recommendation]) -> None:
    """Draw the comparison, then what is recommended."""
    console = Console(highlight=False)
    if len(compared) == 1:
        _draw_one_cloud(console, *next(iter(compared.items())))
    else:
        _draw_clouds(console, compared)
    if len(recommended) > 1:
        console.print(_recommendations(recommended))
    for found in recommended if len(recommended) == 1 else []:
        _draw_reasons(console, found)


def _table(title: str, first: str, *columns: str, numbers: bool = False) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    table.add_column(first, style="bold")
    for column in columns:
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    return table


def _draw_clouds(console: Console, compared: Compared) -> None:
    table = _table("Topologies", "topology", "processes", "survives")
    for one in next(iter(compared.values())):
        table.add_row(one.topology, one.processes, one.survives)
    console.print(table)
    clouds = [cloud.value for cloud in compared]
    costs = _table("US dollars a month", "topology", *clouds, numbers=True)
    for index, topology in enumerate(Topology):
        costs.add_row(topology, *(monthly(summaries[index].cost) for summaries in compared.values()))
    console.print(costs)
    console.print("--cloud NAME shows what each consists of; --runs-per-hour N recommends one", style="dim")


def _draw_one_cloud(console: Console, cloud: Cloud, summaries: Sequence[TopologySummary]) -> None:
    facts = _table(f"Topologies on {cloud}", "", *Topology)
    for name, values in (
        ("processes", [one.processes for one in summaries]),
        ("slots", [str(one.slots) for one in summaries]),
        ("database", [one.database for one in summaries]),
        ("Redis", [one.redis for one in summaries]),
        ("rollout", [one.rollout for one in summaries]),
        ("survives", [one.survives for one in summaries]),
    ):
        facts.add_row(name, *values)
    console.print(facts)
    costs = _table("US dollars a month", "item", *Topology, numbers=True)
    for item, found in cost_rows(summaries):
        costs.add_row(item, *(_amount(found, topology) for topology in Topology))
    costs.add_section()
    costs.add_row("all", *(monthly(one.cost) for one in summaries), style="bold")
    console.print(costs)
    for note, items in shared_notes(summaries).items():
        console.print(Text.assemble((", ".join(items), "bold"), f": {note}", style="dim"))
    for assumption in summaries[-1].cost.assumptions:
        console.print(Text(f"- {assumption}", style="dim"))


def _amount(found: Mapping[Topology, CostLine], topology: Topology) -> str:
    line = found.get(topology)
    return NOTHING if line is None else span(line.minimum, line.maximum)


def _recommendations(recommended: Sequence[Recommendation]) -> Table:
    table = _table("For this load", "cloud", "topology", "scheduler", "slots", "asked", "wait", "a month")
    for found in recommended:
        topology = Text(found.topology, style="bold green") if found.fits else Text("none fits", style="bold red")
        needed = "1000+" if found.slots_needed is None else str(found.slots_needed)
        table.add_row(
            found.cloud,
            topology,
            size_text(found),
            str(found.slots),
            needed,
            wait_text(found),
            monthly(found.cost),
        )
    table.caption = "--cloud NAME says why"
    table.caption_justify = "left"
    return table


def _draw_reasons(console: Console, found: Recommendation) -> None:
    if found.fits:
        verdict = Text.assemble("\nFor this load: ", (found.topology, "bold green"))
    else:
        verdict = Text.assemble(("\nNothing here holds this load.", "bold red"), f" The nearest is {found.topology}")
    console.print(verdict + Text(f", scheduler {size_text(found)}, {monthly(found.cost)} a month"))
    for reason in found.reasons:
        console.print(Padding(Text(f"• {reason}"), (0, 0, 0, 2)))
    for line in config_lines(found):
        console.print(Text(f"    {line}", style="cyan"))
