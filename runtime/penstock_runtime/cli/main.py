"""`penstock`: the commands, put together, and the one place that turns errors into exit codes."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from penstock_runtime.cli import accounts, database, doctor, projects, run, start, topology, up
from penstock_runtime.cli.output import EXIT_ASKED_WRONG, EXIT_BAD_ANSWER, print_error
from penstock_runtime.domain.errors import InvalidInput, NotFound, PenstockError, PipelineInvalid
from penstock_runtime.hardening import make_non_dumpable


def build_app() -> typer.Typer:
    """Return the application with every command."""
    app = typer.Typer(
        help="Data pipelines: write blocks in Python and SQL, run them here or on your own cloud.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(root)
    app.command("init")(projects.init)
    app.command("start")(start.start)
    app.command("up")(up.up)
    app.command("run")(run.run)
    app.command("validate")(projects.validate)
    app.command("topology")(topology.topology)
    app.command("doctor")(doctor.doctor)
    app.add_typer(
        group(
            "db",
            "The database behind a project.",
            upgrade=database.upgrade,
            status=database.status,
            prune=database.prune,
        )
    )
    app.add_typer(group("user", "People who sign in.", create=accounts.create_user, link=accounts.make_link))
    app.add_typer(group("api-key", "Keys for programs.", create=accounts.create_api_key))
    return app


def group(name: str, description: str, **commands: typer.models.CommandFunctionType) -> typer.Typer:
    """Return a group of commands."""
    made = typer.Typer(name=name, help=description, no_args_is_help=True)
    for command, function in commands.items():
        made.command(command)(function)
    return made


def show_version(value: bool) -> None:
    """Print the version and end."""
    if value:
        print(version("penstock"))
        raise typer.Exit


def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Data pipelines: write blocks in Python and SQL, run them here or on your own cloud."""


def main() -> None:
    """Run the command line; the entry point of the distribution."""
    # First of all: any command that opens a project holds its database's password and its key.
    make_non_dumpable()
    try:
        build_app()()
    except PenstockError as error:
        print_error(str(error))
        asked_wrong = isinstance(error, NotFound | InvalidInput) and not isinstance(error, PipelineInvalid)
        sys.exit(EXIT_ASKED_WRONG if asked_wrong else EXIT_BAD_ANSWER)
    except BrokenPipeError:
        # The reader (`| head`) has gone; python would complain once more while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_BAD_ANSWER)


if __name__ == "__main__":
    main()
