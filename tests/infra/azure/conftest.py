"""Stacks on Azure as the engine made them: each config once a session, read by many tests."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from penstock_infra.program import main
from support.engine.clouds.azure_ids import token
from support.engine.records import Record, StateResource
from support.engine.stacks import EngineStack
from support.engine.world import LiveObject, World
from support.stack_configs import DIGEST, config_of


@dataclass(frozen=True)
class Made:
    """What one `up` made."""

    record: Record
    world: World
    state: list[StateResource]

    def all(self, kind: str) -> list[LiveObject]:
        return [one for one in self.world.objects.values() if one.token == token(kind)]

    def one(self, kind: str, name: str | None = None) -> LiveObject:
        """Return the one object of a type such as `app:Job`, or of a type and a name in the program."""
        (found,) = [one for one in self.all(kind) if name in {None, one.name}]
        return found

    def inputs(self, kind: str, name: str | None = None) -> dict[str, Any]:
        return self.one(kind, name).inputs

    @property
    def outputs(self) -> dict[str, Any]:
        return self.record.outputs


DOMAIN = "pipes.example.com"
CERTIFICATE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/e/certificates/c"
STACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "single": ("single", {"spark": {"mode": "off"}}),
    "built": ("single", {"spark": {"mode": "off"}, "image": ""}),
    "split": ("split", {}),
    "split-named": (
        "split",
        {
            "allowedCidrs": ["203.0.113.0/24", "198.51.100.7/32"],
            "redis": {"size": "small"},
            "domain": DOMAIN,
            "spark": {"mode": "serverless", "maxWorkers": 6},
            "database": {"storageGb": 40},
        },
    ),
    "split-managed": (
        "split",
        {"domain": DOMAIN, "certificate": "managed", "spark": {"mode": "shared", "maxWorkers": 6}},
    ),
    "split-certified": (
        "split",
        {"domain": DOMAIN, "certificate": CERTIFICATE, "spark": {"mode": "shared", "maxWorkers": 1}},
    ),
    "ha": ("ha", {}),
    "ha-private": ("ha", {"exposure": "private", "allowedCidrs": ["10.60.0.0/16"]}),
    "ha-watched": (
        "ha",
        {
            "name": "a-very--long-name-20",
            "tags": {"team": "data"},
            "alarms": {"email": "team@example.com"},
            "monthlyBudget": "5000",
        },
    ),
    "autoscale": ("autoscale", {}),
}
"""Few stacks, each for many tests: an `up` takes seconds. Images are given but in one."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Return `made(name)`: one of STACKS after its first `up`. Read it only."""

    @functools.cache
    def make(name: str) -> Made:
        topology, keys = STACKS[name]
        config = config_of("azure", topology, **{"image": DIGEST, **keys})
        with EngineStack(tmp_path_factory.mktemp(name), main, config) as stack:
            return Made(stack.up(), stack.cloud, stack.state())

    return make
