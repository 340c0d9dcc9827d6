"""What one topology costs on each cloud, item by item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from penstock_platform.comparison import TopologySummary
from penstock_platform.cost import LINE_IDS, CostLine
from penstock_platform.vocabulary import Cloud, Topology
from penstock_runtime.cli.output import print_table
from penstock_runtime.cli.topology_text import NOTHING, monthly, span

Found = Mapping[Cloud, TopologySummary]


def rows(found: Found) -> Iterator[tuple[str, ...]]:
    """Yield each kind of cost, and its span on each cloud that has it, in the order of the estimates."""
    lines: dict[str, dict[Cloud, list[CostLine]]] = {}
    for cloud, summary in found.items():
        for line in summary.cost.lines:
            lines.setdefault(line.id, {}).setdefault(cloud, []).append(line)
    for id in sorted(lines, key=LINE_IDS.index):
        yield id, *(_amount(lines[id].get(cloud, [])) for cloud in found)
    yield "all", *(monthly(summary.cost) for summary in found.values())


def _amount(lines: list[CostLine]) -> str:
    return span(sum(one.minimum for one in lines), sum(one.maximum for one in lines)) if lines else NOTHING


def write(topology: Topology, found: Found) -> None:
    """Print the costs as plain text."""
    print(f"US dollars a month, {topology}")
    print_table([("item", *(cloud.value for cloud in found)), *rows(found)])
    print(f"\n{_more(topology)}")


def draw(topology: Topology, found: Found) -> None:
    """Draw the costs on a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"US dollars a month, {topology}", box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("item", style="bold")
    for cloud in found:
        table.add_column(cloud.value, justify="right")
    *items, whole = rows(found)
    for row in items:
        table.add_row(*row)
    table.add_section()
    table.add_row(*whole, style="bold")
    console = Console(highlight=False)
    console.print(table)
    console.print(_more(topology), style="dim")


def _more(topology: Topology) -> str:
    return f"`penstock topology --cloud NAME` says what each consists of; this is {topology} as it comes"
