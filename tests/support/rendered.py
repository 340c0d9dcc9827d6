"""Each stack rendered once in a test run, on the real engine with stand-in providers, and kept as JSON in its folder.

Workers of one run share what the first of them made.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from penstock_infra.program import main
from penstock_platform.vocabulary import Cloud, Topology
from support.engine.stacks import EngineStack
from support.mutations import Made
from support.stack_configs import config_of


def rendered(cloud: Cloud, topology: Topology, folder: Path, **keys: Any) -> list[Made]:
    """Return every resource of a stack, itself among them; `keys` are config besides the least. EngineFailed."""
    marks = hashlib.sha256(json.dumps(keys, sort_keys=True).encode()).hexdigest()[:8] if keys else "plain"
    name = f"{cloud.value}-{topology.value}-{marks}"
    kept = folder / f"{name}.json"
    with locked(folder / f"{name}.lock"):
        if not kept.exists():
            kept.write_text(json.dumps([asdict(one) for one in made(cloud, topology, folder / name, keys)]))
    return [Made(**one) for one in json.loads(kept.read_text())]


def made(cloud: Cloud, topology: Topology, folder: Path, keys: Mapping[str, Any]) -> Iterator[Made]:
    """Make the stack and yield its resources. Secrets stand as "[secret]"."""
    with EngineStack(folder, main, config_of(cloud, topology, **keys)) as stack:
        stack.up()
        for one in stack.state():
            yield Made(one.type, one.name, one.inputs, {**one.outputs, "id": one.id}, protect=one.protect)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock among the processes of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
