"""`penstock run`: one pipeline in the foreground."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock_runtime.cli.output import EXIT_BAD_ANSWER, EXIT_GOOD, Json, print_json


def parse_variables(texts: Sequence[str]) -> dict[str, Any]:
    """Read `name=value` texts; a value that is JSON is what it says, any other is text.

    Raises typer.BadParameter for a text without a name or an equals sign.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"--var takes name=value, not {text!r}")
        try:
            found[name.strip()] = json.loads(value)
        except json.JSONDecodeError:
            found[name.strip()] = value
    return found


def run(
    directory: Annotated[Path, typer.Argument(help="The project folder.")],
    pipeline: Annotated[str, typer.Argument(help="The pipeline to run.")],
    *,
    var: Annotated[list[str] | None, typer.Option(help="A variable, as name=value; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Run one pipeline in the foreground; exit 0 when it succeeded, 1 when it did not."""
    from penstock_runtime.bootstrap.foreground import run_pipeline
    from penstock_runtime.cli.run_view import follow_live, follow_plainly, follow_silently, on_a_terminal
    from penstock_runtime.domain.runs import RunStatus

    snapshots = run_pipeline(directory, pipeline, parse_variables(var or []))
    if as_json:
        last = follow_silently(snapshots)
        print_json(last)
    elif on_a_terminal():
        last = follow_live(snapshots)
    else:
        last = follow_plainly(snapshots)
    succeeded = last is not None and last.status is RunStatus.SUCCEEDED
    raise typer.Exit(EXIT_GOOD if succeeded else EXIT_BAD_ANSWER)
