"""`penstock start`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Role(StrEnum):
    """Which processes to start."""

    ALL = "all"
    WEB = "web"
    SCHEDULER = "scheduler"


class InstanceType(StrEnum):
    """The same, in Mage's words."""

    SERVER_AND_SCHEDULER = "server_and_scheduler"
    WEB_SERVER = "web_server"
    SCHEDULER = "scheduler"


INSTANCE_OF_ROLE = {
    Role.ALL: InstanceType.SERVER_AND_SCHEDULER,
    Role.WEB: InstanceType.WEB_SERVER,
    Role.SCHEDULER: InstanceType.SCHEDULER,
}


def start(
    directory: Annotated[Path | None, typer.Argument(help="The project folder.")] = None,
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on (PENSTOCK_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on (PENSTOCK_PORT).")] = None,
    role: Annotated[Role | None, typer.Option(help="Which processes to start.")] = None,
    instance_type: Annotated[
        InstanceType | None, typer.Option(help="The same, as Mage says it (INSTANCE_TYPE).")
    ] = None,
) -> None:
    """Start the server and the scheduler."""
    from penstock_runtime.bootstrap.snapshots import ServeOptions
    from penstock_runtime.server.main import serve

    if role is not None and instance_type not in (None, INSTANCE_OF_ROLE[role]):
        raise typer.BadParameter(f"--role {role} and --instance-type {instance_type} contradict each other")
    chosen = INSTANCE_OF_ROLE[role] if role is not None else instance_type
    options = ServeOptions(directory, host, port, None if chosen is None else chosen.value)
    raise typer.Exit(serve(options))
