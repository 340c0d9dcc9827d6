"""The resource graph of every cloud and topology, as the engine has it after `up`: checked in, held to by the suite.

`make golden` writes them anew. A name that goes from a graph is a resource that an operator's stack would lose: give
the renamed resource an alias first, and read the difference before it is committed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock_infra.program import main as program
from penstock_platform.vocabulary import Cloud, Topology
from support.engine.stacks import EngineStack
from support.sources import ROOT
from support.stack_configs import config_of

FOLDER = ROOT / "tests" / "golden" / "graphs"
Graph = Sequence[Mapping[str, Any]]


def golden_path(cloud: Cloud | str, topology: Topology | str) -> Path:
    """Return where the graph of a stack is checked in."""
    return FOLDER / f"{cloud}-{topology}.json"


def graph_text(graph: Graph) -> str:
    """Return a graph as JSON, a resource a line, so that a difference reads well."""
    return "[\n" + ",\n".join(json.dumps(one) for one in graph) + "\n]\n"


def differences(graph: Graph, cloud: Cloud | str, topology: Topology | str) -> list[str]:
    """Return what differs from the checked-in graph, in words; nothing when they are the same."""
    path = golden_path(cloud, topology)
    if not path.exists():
        return [f"{path.name} is not there: run make golden"]
    before, now = keyed(json.loads(path.read_text(encoding="utf-8"))), keyed(graph)
    gone = [
        f"gone: {name} (a renamed resource needs an alias; then make golden)"
        for name in sorted(before.keys() - now.keys())
    ]
    added = [f"added: {name} (read it, then make golden)" for name in sorted(now.keys() - before.keys())]
    changed = [
        f"changed: {name}: {before[name]} is now {now[name]}"
        for name in before
        if before[name] != now.get(name, before[name])
    ]
    return [*gone, *added, *changed]


def keyed(graph: Graph) -> dict[str, Mapping[str, Any]]:
    return {f"{one['type']}::{one['name']} in {one['parent']}": one for one in graph}


def graph_now(cloud: Cloud | str, topology: Topology | str) -> Graph:
    """Return the graph of a stack made on the engine."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EngineStack(Path(folder), program, config_of(cloud, topology)) as stack,
    ):
        stack.up()
        return stack.graph()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for cloud in Cloud:
        for topology in Topology:
            path, text = golden_path(cloud, topology), graph_text(graph_now(cloud, topology))
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
