"""`penstock up`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock_platform.vocabulary import Cloud, Topology
from penstock_runtime.cli.output import print_json

if TYPE_CHECKING:
    from penstock_runtime.supervisor.snapshots import Watcher


def up(
    directory: Annotated[Path | None, typer.Argument(help="The project folder.")] = None,
    *,
    topology: Annotated[Topology, typer.Option(help="How the processes are laid out.")] = Topology.SINGLE,
    host: Annotated[str | None, typer.Option(help="Address to listen on (PENSTOCK_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on (PENSTOCK_PORT).")] = None,
    web: Annotated[int | None, typer.Option(min=1, max=50, help="Web servers, as many as the topology allows.")] = None,
    schedulers: Annotated[
        int | None, typer.Option(min=1, max=50, help="Schedulers, as many as the topology allows.")
    ] = None,
    cost: Annotated[
        bool, typer.Option("--cost", help="Show what this topology costs on each cloud, and start nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one event a line.")] = False,
) -> None:
    """Run a topology's processes on this machine, behind one address; Ctrl-C drains."""
    if cost:
        show_cost(topology, as_json=as_json)
        return
    from penstock_runtime.supervisor.run import up as supervise
    from penstock_runtime.supervisor.snapshots import UpOptions

    with_picture = not as_json and sys.stdout.isatty()
    options = UpOptions(directory, topology, host, port, web, schedulers)
    watcher, close = _live_watcher(topology) if with_picture else (_plain_watcher(as_json=as_json), lambda: None)
    try:
        code = supervise(options, watcher)
    finally:
        close()
    raise typer.Exit(code)


def show_cost(topology: Topology, *, as_json: bool) -> None:
    """Print the cost lines of one topology on every cloud."""
    from penstock_platform.comparison import compare
    from penstock_runtime.cli.topology import cost_answer
    from penstock_runtime.cli.up_cost import draw, write

    found = {cloud: next(one for one in compare(cloud) if one.topology is topology) for cloud in Cloud}
    if as_json:
        costs = {cloud: cost_answer(one.cost) for cloud, one in found.items()}
        print_json({"topology": topology, "clouds": costs})
    elif sys.stdout.isatty():
        draw(topology, found)
    else:
        write(topology, found)


def _plain_watcher(*, as_json: bool) -> Watcher:
    from penstock_runtime.cli.up_view import JsonWatcher, PlainWatcher

    return JsonWatcher() if as_json else PlainWatcher()


def _live_watcher(topology: Topology) -> tuple[Watcher, Callable[[], None]]:
    from penstock_runtime.cli.up_table import LiveWatcher

    watcher = LiveWatcher(topology)
    return watcher, watcher.close
