"""What the AWS tests share: stacks of a config, each made once a run on the real engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock_infra.program import main
from support.engine.records import Record, StateResource
from support.engine.stacks import EngineStack
from support.stack_configs import DIGEST, config_of


class Rendered:
    """One stack after `up`: its resources by type and name, and its outputs."""

    def __init__(self, resources: list[StateResource], record: Record) -> None:
        self.resources, self.record = resources, record

    @property
    def outputs(self) -> dict[str, Any]:
        return self.record.outputs

    @property
    def steps(self) -> str:
        return "\n".join(self.outputs["nextSteps"])

    def of(self, kind: str) -> list[StateResource]:
        """Return the resources of a class of the SDK: `Vpc`, or `ecs.Service` where several have that name."""
        module, _, name = kind.rpartition(".")
        return [one for one in self.resources if is_class(one.type, module, name)]

    def one(self, kind: str, name: str | None = None) -> StateResource:
        """Return the one resource of a class, and of a name in the program; LookupError for none or several."""
        found = [resource for resource in self.of(kind) if name is None or resource.name == name]
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources are {kind} {name or ''}: {[one.urn for one in found]}")
        return found[0]

    def has(self, kind: str) -> bool:
        return bool(self.of(kind))

    def document(self, kind: str, name: str, prop: str = "policy") -> dict[str, Any]:
        """Return a policy."""
        found: dict[str, Any] = json.loads(self.one(kind, name).inputs[prop])
        return found

    def container(self, name: str) -> dict[str, Any]:
        """Return the one container of a task definition."""
        (container,) = json.loads(self.one("TaskDefinition", name).inputs["containerDefinitions"])
        return dict(container)

    def environment(self, name: str) -> dict[str, str]:
        """Return the plain environment of a service's container."""
        return {entry["name"]: entry["value"] for entry in self.container(name)["environment"]}


def is_class(token: str, module: str, name: str) -> bool:
    """Return whether a token such as `aws:ecs/service:Service` is of AWS, of a module (any when empty) and a class."""
    package, _, rest = token.partition(":")
    return package == "aws" and rest.endswith(f":{name}") and (not module or rest.startswith(f"{module}/"))


@pytest.fixture(scope="session")
def rendering(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Rendered]:
    """Return what makes a `Rendered` of a topology and `penstock:` keys, once for each."""
    kept: dict[str, Rendered] = {}

    def make(topology: str, **keys: Any) -> Rendered:
        config = config_of("aws", topology, **{"image": DIGEST, **keys})
        key = json.dumps(config, sort_keys=True)
        if key not in kept:
            folder: Path = tmp_path_factory.mktemp("aws")
            with EngineStack(folder, main, config) as stack:
                record = stack.up()
                kept[key] = Rendered(stack.state(), record)
        return kept[key]

    return make
