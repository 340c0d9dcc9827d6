"""The program of every stack: config, blueprint, one cloud's rendering, outputs.

The only place that branches on a cloud's name. Each cloud's package is imported inside its branch: an SDK costs seconds
and a hundred megabytes.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

import pulumi
from pulumi.runtime import config as runtime_config

from penstock_infra.contract import StackOutputs
from penstock_platform.blueprint import Blueprint
from penstock_platform.planning import blueprint_of
from penstock_platform.problems import BlueprintInvalid
from penstock_platform.vocabulary import Cloud

NAMESPACE = "penstock:"

RENDERINGS: dict[Cloud, str] = {
    Cloud.AWS: "penstock_infra.aws",
    Cloud.GCP: "penstock_infra.gcp",
    Cloud.AZURE: "penstock_infra.azure",
    Cloud.KUBERNETES: "penstock_infra.kubernetes",
}
"""The package that renders a blueprint on each cloud."""


class Rendering(Protocol):
    """What each cloud's package offers."""

    def render(self, blueprint: Blueprint) -> StackOutputs:
        """Register every resource of the blueprint and return the stack's outputs."""
        ...


def main() -> None:
    """Register the stack that the config describes. A config with problems ends here, before any resource."""
    try:
        blueprint = blueprint_of(stack_config())
    except BlueprintInvalid as error:
        raise pulumi.RunError(str(error)) from None
    rendering: Rendering = importlib.import_module(RENDERINGS[blueprint.cloud])
    rendering.render(blueprint).export()


def stack_config(values: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the `penstock:` keys as they are written: objects, lists, numbers and booleans decoded from JSON."""
    given = all_config() if values is None else values
    return {key.removeprefix(NAMESPACE): decoded(value) for key, value in given.items() if key.startswith(NAMESPACE)}


def all_config() -> dict[str, str]:
    """Return every key of the stack. `pulumi.Config` reads keys one by one, and a misspelt one must be seen too."""
    # `pulumi up` hands the config over in the environment, the Automation API in the context.
    return {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}


def decoded(text: str) -> Any:
    """Return a config value: the engine hands over objects and lists as JSON, everything else as text."""
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
