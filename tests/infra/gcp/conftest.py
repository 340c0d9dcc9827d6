"""Stacks on GCP as the engine made them: each config once a session, read by many tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock_infra.program import main
from support.engine.clouds.gcp_tokens import PROJECT, REGION
from support.engine.records import Record, StateResource
from support.engine.stacks import EngineStack
from support.engine.wire import Secret
from support.engine.world import LiveObject, World

IMAGE = f"{REGION}-docker.pkg.dev/{PROJECT}/penstock/penstock@sha256:{'a' * 64}"


def config_of(topology: str, **keys: Any) -> dict[str, Any]:
    """Return a config on GCP: image given, data free to be deleted, unless `keys` say otherwise."""
    keys = {"image": IMAGE, "protectData": False, **keys}
    return {"cloud": "gcp", "topology": topology, "gcp:project": PROJECT, "gcp:region": REGION, **keys}


@dataclass(frozen=True)
class Made:
    """What one `up` made."""

    record: Record
    world: World
    state: list[StateResource]
    plain_text: str

    def all(self, token: str) -> list[LiveObject]:
        return [one for one in self.world.objects.values() if one.token == token]

    def one(self, token: str, name: str | None = None) -> dict[str, Any]:
        """Return the inputs of the one object of a token, or of a token and a name in the program."""
        (found,) = [one for one in self.all(token) if name in {None, one.name}]
        return found.inputs

    def outputs(self, token: str, name: str | None = None) -> dict[str, Any]:
        """Return the outputs of one object, secrets open."""
        (found,) = [one for one in self.all(token) if name in {None, one.name}]
        return {key: value.value if isinstance(value, Secret) else value for key, value in found.outputs.items()}

    @property
    def tokens(self) -> set[str]:
        return {one.token for one in self.world.objects.values()}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Made]:
    """Return `made(topology, **keys)`: the stack of this config after its first `up`. Read it only."""
    known: dict[str, Made] = {}

    def make(topology: str, **keys: Any) -> Made:
        key = json.dumps([topology, keys], sort_keys=True)
        if key not in known:
            folder: Path = tmp_path_factory.mktemp("gcp")
            with EngineStack(folder, main, config_of(topology, **keys)) as stack:
                known[key] = Made(stack.up(), stack.cloud, stack.state(), stack.plain_text_state())
        return known[key]

    return make


@pytest.fixture(scope="session")
def gcp_config() -> Callable[..., dict[str, Any]]:
    """Return what makes a stack's config, for tests that move a stack of their own."""
    return config_of
