"""Files that are made from code and checked in. `make golden` writes them; the golden lane fails when one is stale."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from support.golden_blueprints import GUIDE, blueprint_files, topology_guide
from support.golden_policies import policies_page
from support.golden_stack import stack_page
from support.pictures import CLOUDS, picture
from support.project_file import project_file
from support.sources import ROOT

SETTINGS_INTRODUCTION = """\
# Settings

Penstock is set up by environment variables. A value that cannot be used is an error that names it and what is allowed;
an unknown `PENSTOCK_…` name is a warning with the nearest name, because platforms inject names of their own. Durations
are seconds. What is marked secret is left out of error messages, of what `doctor` shows and of blocks' environments.

This page is made from `penstock_platform.contract.SETTINGS` by `make golden`.
"""

COMMANDS_INTRODUCTION = """\
# Commands

Every command but `start` takes `--json`; what is drawn on a terminal is plain text anywhere else. Exit codes: 0 it
succeeded, 1 it did what was asked and the answer is bad (a failed run, a project with problems), 2 it could not be
asked like that (a wrong option, a missing folder).

This page is made from the commands themselves by `make golden`.
"""


def settings_page() -> str:
    """Return the reference of every setting of the contract."""
    from penstock_platform.contract import SETTINGS

    return "\n".join([SETTINGS_INTRODUCTION, *(line for setting in SETTINGS for line in setting_lines(setting))])


def setting_lines(setting: Any) -> Iterator[str]:
    yield f"## {setting.name}\n"
    yield f"{setting.meaning}\n"
    yield f"- written as: {setting.kind.value}" + (" (secret)" if setting.secret else "")
    if setting.choices:
        yield "- allowed: " + ", ".join(f"`{choice}`" for choice in setting.choices)
    bounds = [f"at least {setting.minimum:g}" if setting.minimum is not None else ""]
    bounds.append(f"at most {setting.maximum:g}" if setting.maximum is not None else "")
    if any(bounds):
        yield "- allowed: " + ", ".join(bound for bound in bounds if bound)
    if setting.planned:
        yield "- written by stacks; no release acts on it yet"
    yield f"- when unset: {setting.default if setting.default is not None else 'nothing'}\n"


def commands_page() -> str:
    """Return the reference of the command line, from the Typer application."""
    import typer

    from penstock_runtime.cli.main import build_app

    root: Any = typer.main.get_command(build_app())
    return "\n".join(
        [
            COMMANDS_INTRODUCTION,
            *(line for path, command in leaves("penstock", root) for line in command_lines(path, command)),
        ]
    )


def leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its full name."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from leaves(f"{path} {name}", child)


def command_lines(path: str, command: Any) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    shown = " ".join(argument_name(p) for p in arguments)
    yield f"## {path}\n"
    yield f"```text\n{path} {shown}".rstrip() + "\n```\n"
    yield f"{' '.join((command.help or '').split())}\n"
    for parameter in command.params:
        if parameter.param_type_name == "option" and not parameter.hidden and parameter.name != "help":
            yield f"- {option_line(parameter)}"
    yield ""


def argument_name(argument: Any) -> str:
    name = (argument.metavar or argument.name).upper()
    return name if argument.required else f"[{name}]"


def option_line(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    default = option.default
    shown = (
        ""
        if default in (None, False, (), []) or callable(default)
        else f" (default: {getattr(default, 'value', default)})"
    )
    choices = getattr(getattr(option, "type_descriptor", None), "choices", None) or ()
    named = ", ".join(f"`{getattr(one, 'value', one)}`" for one in choices)
    allowed = f" One of {named}." if named else ""
    return f"{names} {option.help or ''}{allowed}{shown}".strip()


def openapi_document() -> str:
    """Return the description of the HTTP API, as the server's own command prints it."""
    command = [sys.executable, "-m", "penstock_runtime.server.openapi"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


GENERATED: dict[str, Callable[[], str]] = {
    "Pulumi.yaml": project_file,
    **{f"platform/docs/pictures/{cloud}.svg": partial(picture, cloud) for cloud in CLOUDS},
    "platform/docs/stack.md": stack_page,
    "platform/docs/policies.md": policies_page,
    "platform/docs/settings.md": settings_page,
    "platform/docs/commands.md": commands_page,
    "tests/golden/openapi.json": openapi_document,
    GUIDE: topology_guide,
    **blueprint_files(),
}


def main() -> None:
    for name, make in GENERATED.items():
        path = Path(ROOT) / name
        text = make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")


if __name__ == "__main__":
    main()
