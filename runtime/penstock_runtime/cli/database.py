"""`penstock db`: the schema of the database behind a project."""

from __future__ import annotations

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
