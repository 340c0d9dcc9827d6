"""`penstock user create` and `penstock api-key create`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from penstock_runtime.cli.output import Json, Project, print_json


class Role(StrEnum):
    """What a user or a key may do; each may do all that those after it may."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


RoleOption = Annotated[Role, typer.Option("--role", help="What they may do.")]


def create_user(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    *,
    role: RoleOption,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input; else a link signs in once.")
    ] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Add a user. There is no default password: give one, or hand on the one-time link."""
    from penstock_runtime.bootstrap.accounts import create_user as add_user

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    made = add_user(project, name, role.value, password)
    if as_json:
        print_json(made)
        return
    print(f"added {made.name} ({made.role})")
    if made.sign_in_link:
        print(f"signs in once: {made.sign_in_link}")


def make_link(
    name: Annotated[str, typer.Argument(help="The user to sign in.")],
    *,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Print a link that signs a user in once; for who lost the first one, or a password."""
    from penstock_runtime.bootstrap import accounts

    link = accounts.make_sign_in_link(project, name)
    if as_json:
        print_json({"name": name, "sign_in_link": link})
        return
    print(link)


def create_api_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    role: RoleOption,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Make a key for a program; it is shown this once."""
    from penstock_runtime.bootstrap.accounts import create_api_key as make_key

    made = make_key(project, name, role.value)
    if as_json:
        print_json(made)
        return
    print(made.key)
    print("send it as `Authorization: Bearer …`; it is not shown again", file=sys.stderr)
