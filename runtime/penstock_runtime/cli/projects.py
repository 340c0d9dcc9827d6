"""`penstock init` and `penstock validate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock_runtime.cli.output import EXIT_BAD_ANSWER, Json, print_json, print_table

if TYPE_CHECKING:
    from penstock_runtime.bootstrap.snapshots import EffectiveExecutor
    from penstock_runtime.project.problems import Problem


def init(
    directory: Annotated[Path, typer.Argument(help="The folder to make; it must not hold a project yet.")],
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Fill it with the demo project, on real data.")] = False,
    as_json: Json = False,
) -> None:
    """Make a project."""
    from penstock_runtime.bootstrap.projects import create_project

    made = create_project(directory, demo=demo)
    if as_json:
        print_json({"directory": directory, "files": made})
        return
    print(f"made {directory} ({len(made)} files)")
    print(f"next: penstock start {directory}")


def validate(
    directory: Annotated[Path, typer.Argument(help="The project folder.")],
    *,
    effective: Annotated[
        bool, typer.Option("--effective", help="Show each block's executor and where each of its keys was set.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Name every problem of a project, with file, line and remedy; exit 1 when one keeps a pipeline from running."""
    from penstock_runtime.bootstrap.projects import effective_executors, validate_project

    problems = validate_project(directory)
    executors = effective_executors(directory) if effective else []
    if as_json:
        print_json({"problems": problems, "executors": executors} if effective else {"problems": problems})
    else:
        print_problems(problems)
        print_executors(executors)
    if any(problem.severity.value == "error" for problem in problems):
        raise typer.Exit(EXIT_BAD_ANSWER)


def print_problems(problems: Sequence[Problem]) -> None:
    """Write each problem on a line of its own, and how many there are."""
    for problem in problems:
        print(f"{problem.severity.value}: {problem}")
    errors = sum(problem.severity.value == "error" for problem in problems)
    print(f"{errors} errors, {len(problems) - errors} warnings" if problems else "no problems")


def print_executors(executors: Sequence[EffectiveExecutor]) -> None:
    """Write each block's executor and, below it, each key of its config with its source."""
    for one in executors:
        print(f"{one.pipeline}/{one.block}: {one.executor}")
        print_table(
            [(f"    {key} = {value}", f"({one.sources.get(key, 'default')})") for key, value in one.config.items()]
        )
