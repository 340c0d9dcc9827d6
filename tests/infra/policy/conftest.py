"""What policy tests share: the folder of a test run, in which stacks are rendered once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock_platform.vocabulary import Cloud, Topology
from support.engine.binary import engine_command
from support.mutations import Made
from support.rendered import rendered


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder that all workers of a run share."""
    own = tmp_path_factory.getbasetemp()
    return (own if worker_id == "master" else own.parent) / "rendered"


@pytest.fixture
def stack_of(run_folder: Path) -> Callable[..., list[Made]]:
    """Return `stack_of(cloud, topology, **keys)`: the resources of a stack, made once in a run."""
    engine_command()  # skips where there is no engine

    def made(cloud: Cloud, topology: Topology, **keys: Any) -> list[Made]:
        return rendered(cloud, topology, run_folder, **keys)

    return made
