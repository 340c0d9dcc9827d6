"""`penstock db`: the schema of the database behind a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from penstock_runtime.cli.output import Json, Project, print_json, print_table


def upgrade(
    *,
    project: Project = None,
    post: Annotated[
        bool, typer.Option("--post", help="Also apply what removes things: only once no older version runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the database to the schema of this version."""
    from penstock_runtime.bootstrap.upkeep import upgrade_database

    applied = upgrade_database(project, post=post)
    if as_json:
        print_json({"applied": applied})
        return
    for revision in applied:
        print(f"applied {revision}")
    if not applied:
        print("nothing to do")


def status(*, project: Project = None, as_json: Json = False) -> None:
    """Show where the schema stands and what is still to be applied."""
    from penstock_runtime.bootstrap.upkeep import database_status

    found = database_status(project)
    if as_json:
        print_json(found)
        return
    print_table(
        [
            ("database", found.database),
            ("revision", found.revision or "none"),
            ("to apply", ", ".join(found.pending) or "nothing"),
            ("to apply with --post", ", ".join(found.pending_post) or "nothing"),
        ]
    )


def prune(
    *,
    project: Project = None,
    days: Annotated[
        float | None, typer.Option(min=0, help="Keep what ended within so many days (default: PENSTOCK_HISTORY_DAYS).")
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(min=0, help="Keep so many of each pipeline's newest runs (default: PENSTOCK_HISTORY_KEEP)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Let finished runs go now, with their outputs and logs; servers and schedulers may run meanwhile."""
    from penstock_runtime.bootstrap.history_keeper import prune_now
    from penstock_runtime.runs.history import Pruned

    done = Pruned()
    with progress(as_json) as show:
        for done in prune_now(project, days, keep):
            show(f"{done.runs} runs")
    if as_json:
        print_json(done)
        return
    rows = {"runs": done.runs, **done.records, "code versions": done.bundles}
    print_table([(name.replace("_", " "), str(count)) for name, count in rows.items()])


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield what shows how far it has come: a line that is written over, on a terminal alone."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _text: None
        return
    with console.status("pruning") as status:
        yield lambda text: status.update(f"pruning: {text}")
