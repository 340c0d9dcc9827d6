"""A service's environment: the blueprint's settings, with what only the resources know filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from penstock_platform.blueprint import SecretName, ServicePlan, Source
from penstock_platform.contract import BY_NAME


@dataclass(frozen=True)
class Environment:
    """Plain variables and, apart from them, those whose value stays in the secret manager. Both sorted by name."""

    plain: Mapping[str, pulumi.Input[str]]
    secret: Mapping[str, SecretName]


Sources = Mapping[Source, pulumi.Input[str] | None]
"""What each source is on this stack; None where this cloud needs no such setting."""


def environment_of(
    service: ServicePlan, sources: Sources, executor_settings: Mapping[str, pulumi.Input[str]]
) -> Environment:
    """Return the environment of a service. Raises KeyError for a source that the rendering does not give."""
    plain: dict[str, pulumi.Input[str]] = {}
    secret: dict[str, SecretName] = {}
    for setting in service.settings:
        if setting.secret is not None:
            secret[setting.name] = setting.secret
        elif setting.source is None:
            plain[setting.name] = setting.value or ""
        elif (value := sources[setting.source]) is not None:
            plain[setting.name] = value
    plain.update(checked(executor_settings))
    return Environment(dict(sorted(plain.items())), dict(sorted(secret.items())))


def checked(executor_settings: Mapping[str, pulumi.Input[str]]) -> Mapping[str, pulumi.Input[str]]:
    """Return the settings. Raises KeyError for a name that the settings contract does not have."""
    for name in executor_settings:
        if name not in BY_NAME:
            raise KeyError(f"{name} is no name of the settings contract (penstock_platform.contract)")
    return executor_settings
