"""The comparison of topologies as plain text, and the words that tables share with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from penstock_platform.comparison import Recommendation, TopologySummary
from penstock_platform.cost import LINE_IDS, CostEstimate, CostLine
from penstock_platform.quantities import cpu_text, memory_text
from penstock_platform.vocabulary import Cloud, Topology
from penstock_runtime.cli.output import print_table

Compared = Mapping[Cloud, Sequence[TopologySummary]]

CENTS_BELOW = 10
NOTHING = "-"
UNCHECKED = " ~"


def money(dollars: float) -> str:
    """Return dollars as people say them: `$0`, `$0.23`, `$146`."""
    if dollars == 0:
        return "$0"
    return f"${dollars:.2f}" if dollars < CENTS_BELOW else f"${dollars:,.0f}"


def span(least: float, most: float) -> str:
    """Return two amounts of dollars as one text: `$146-171`, or one amount where they are the same to read."""
    low, high = money(least), money(most)
    return low if low == high else f"{low}-{high.removeprefix('$')}"


def monthly(cost: CostEstimate) -> str:
    """Return what a stack costs a month."""
    return span(cost.minimum, cost.maximum)


def size_text(found: Recommendation) -> str:
    """Return the size of the scheduler that is recommended."""
    return f"{cpu_text(found.cpu_millis)} CPU, {memory_text(found.memory_mib)}"


def wait_text(found: Recommendation) -> str:
    """Return how long blocks wait: in seconds, or that they wait for ever longer."""
    seconds = found.mean_wait_seconds
    if math.isinf(seconds):
        return "grows"
    return "<0.01 s" if seconds < 0.01 else f"{seconds:.2g} s"  # noqa: PLR2004 - shorter is not felt


def cost_rows(summaries: Sequence[TopologySummary]) -> Iterator[tuple[str, dict[Topology, CostLine]]]:
    """Yield each item that any topology has, and its line in each that has it, in the order of the estimates."""
    lines: dict[str, dict[Topology, CostLine]] = {}
    for summary in summaries:
        for line in summary.cost.lines:
            lines.setdefault(line.id, {})[summary.topology] = line
    for id in sorted(lines, key=LINE_IDS.index):
        line = next(iter(lines[id].values()))
        yield line.item + ("" if line.checked else UNCHECKED), lines[id]


def notes_of(found: Mapping[Topology, CostLine]) -> str:
    """Return what is to be said of an item: each note once, with its topologies where they differ."""
    by_note: dict[str, list[str]] = {}
    for topology, line in found.items():
        by_note.setdefault(line.note, []).append(topology)
    if len(by_note) == 1:
        return next(iter(by_note))
    return "; ".join(f"{', '.join(topologies)}: {note}" for note, topologies in by_note.items() if note)


def shared_notes(summaries: Sequence[TopologySummary]) -> dict[str, list[str]]:
    """Return each thing to be said, and the items that it is said of."""
    notes: dict[str, list[str]] = {}
    for item, found in cost_rows(summaries):
        if note := notes_of(found):
            notes.setdefault(note, []).append(item.removesuffix(UNCHECKED))
    return notes


def config_lines(found: Recommendation) -> list[str]:
    """Return the keys of a stack's config that make what is recommended; none when nothing holds the load."""
    return [f"penstock:{key}: {_flow(value)}" for key, value in found.config.items()] if found.fits else []


def _flow(value: object) -> str:
    """Return a value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'{key}: "{text}"' for key, text in value.items()) + "}"
    return str(value)


def write(compared: Compared, recommended: Sequence[Recommendation]) -> None:
    """Print the comparison and what is recommended as plain lines."""
    if len(compared) == 1:
        _write_one_cloud(*next(iter(compared.items())))
    else:
        _write_clouds(compared)
    for found in recommended:
        print()
        _write_recommendation(found)


def _write_clouds(compared: Compared) -> None:
    first = next(iter(compared.values()))
    print_table(
        [
            ("topology", "processes", "survives"),
            *((one.topology.value, one.processes, one.survives) for one in first),
        ]
    )
    print("\nUS dollars a month")
    header = ("topology", *(cloud.value for cloud in compared))
    rows = [
        (topology.value, *(monthly(summaries[index].cost) for summaries in compared.values()))
        for index, topology in enumerate(Topology)
    ]
    print_table([header, *rows])
    print("\n--cloud NAME shows what each consists of; --runs-per-hour N recommends one")


def _write_one_cloud(cloud: Cloud, summaries: Sequence[TopologySummary]) -> None:
    print_table(
        [
            ("topology", "a month", "slots", "database", "redis", "rollout", "survives"),
            *(
                (
                    one.topology.value,
                    monthly(one.cost),
                    str(one.slots),
                    one.database,
                    one.redis,
                    one.rollout,
                    one.survives,
                )
                for one in summaries
            ),
        ]
    )
    print(f"\nUS dollars a month on {cloud}")
    rows = [
        (
            item,
            *(span(found[one].minimum, found[one].maximum) if one in found else NOTHING for one in Topology),
            notes_of(found),
        )
        for item, found in cost_rows(summaries)
    ]
    print_table([("item", *(one.value for one in Topology), "note"), *rows])
    print()
    for assumption in summaries[-1].cost.assumptions:
        print(assumption)


def _write_recommendation(found: Recommendation) -> None:
    verdict = found.topology.value if found.fits else f"nothing holds this load; the nearest is {found.topology}"
    print(f"{found.cloud}: {verdict}, scheduler {size_text(found)}, {monthly(found.cost)} a month")
    for reason in found.reasons:
        print(f"  - {reason}")
    for line in config_lines(found):
        print(f"  {line}")
