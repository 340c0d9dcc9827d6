"""The blueprints that are checked in, and the tables of the guide that are made from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

from penstock_platform.comparison import TopologySummary, compare
from penstock_platform.planning import blueprint_of
from penstock_platform.vocabulary import Cloud, Topology
from support.sources import ROOT
from support.stack_configs import blueprint_keys, config_of

GUIDE = "platform/docs/guides/choosing-a-topology.md"
BEGIN, END = "<!-- {name}: made by `make golden` -->", "<!-- end of {name} -->"


def blueprint_text(cloud: Cloud, topology: Topology) -> str:
    """Return the blueprint of the least config of a cloud and topology as JSON."""
    blueprint = blueprint_of(blueprint_keys(config_of(cloud, topology)))
    return json.dumps(blueprint.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def blueprint_files() -> dict[str, Callable[[], str]]:
    """Return the maker of each file, four topologies on four clouds."""
    return {
        f"tests/golden/blueprints/{cloud}-{topology}.json": partial(blueprint_text, cloud, topology)
        for cloud in Cloud
        for topology in Topology
    }


def topology_guide() -> str:
    """Return the guide with its tables made anew; the words between them are written by hand."""
    text = (ROOT / GUIDE).read_text(encoding="utf-8")
    for name, rows in (("topologies", topology_rows()), ("costs", cost_rows())):
        begin, end = BEGIN.format(name=name), END.format(name=name)
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"{GUIDE} has no place for {name}: {begin} … {end}")
        text = before + "\n".join([begin, "", *rows, "", end]) + after
    return text


def topology_rows() -> Iterator[str]:
    """Yield the four topologies as a Markdown table; on AWS, where they differ between clouds."""
    yield from ("| topology | processes | survives | rollout | Postgres | Redis |", "|---|---|---|---|---|---|")
    for one in compare(Cloud.AWS):
        yield f"| `{one.topology}` | {one.processes} | {one.survives} | {one.rollout} | {one.database} | {one.redis} |"


def cost_rows() -> Iterator[str]:
    """Yield what each costs on each cloud, in US dollars a month, as a Markdown table."""
    compared = {cloud: compare(cloud) for cloud in Cloud}
    yield "| topology | " + " | ".join(f"{cloud} ({one[0].cost.region})" for cloud, one in compared.items()) + " |"
    yield "|---" * (len(compared) + 1) + "|"
    for index, topology in enumerate(Topology):
        yield f"| `{topology}` | " + " | ".join(amount(one[index]) for one in compared.values()) + " |"
    dates = sorted({one[0].cost.as_of for one in compared.values()})
    yield ""
    yield f"US dollars a month at the list prices of {' and '.join(dates)}, from light to busy use."


def amount(summary: TopologySummary) -> str:
    low, high = f"{summary.cost.minimum:,.0f}", f"{summary.cost.maximum:,.0f}"
    return low if low == high else f"{low} to {high}"
