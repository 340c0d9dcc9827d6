"""The outputs of a stack: the same names and shapes on every cloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pulumi
from pydantic.alias_generators import to_camel


@dataclass(frozen=True, kw_only=True)
class SharedFiles:
    """The NFS share: its server, the exported path, and where services mount it."""

    server: pulumi.Input[str]
    path: pulumi.Input[str]
    mounted_at: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """Every output. URLs, endpoints (`host:port`), names and references; no value is a secret in the clear."""

    url: pulumi.Input[str]
    topology: pulumi.Input[str]
    web_service: pulumi.Input[str]
    scheduler_service: pulumi.Input[str]
    """In `single` the same as `web_service`."""
    database_endpoint: pulumi.Input[str]
    database_secret: pulumi.Input[str]
    """Reference of the password in the secret store."""
    redis_endpoint: pulumi.Input[str]
    """Empty where the topology has no Redis."""
    shared_files: SharedFiles
    artifacts: pulumi.Input[str]
    logs: pulumi.Input[str]
    image: pulumi.Input[str]
    """By digest."""
    registry: pulumi.Input[str]
    spark: Mapping[str, pulumi.Input[str]]
    """`backend` and what it needs; `{"backend": "off"}` without Spark."""
    executor_settings: Mapping[str, pulumi.Input[str]]
    """Names of the settings contract."""
    secret_store: pulumi.Input[str]
    """Which secret manager, and where in it."""
    dashboards: Sequence[pulumi.Input[str]]
    monthly_cost_estimate: Mapping[str, Any]
    """`min`, `max`, `currency`, `as_of`, `lines`."""
    next_steps: Sequence[pulumi.Input[str]]

    def export(self) -> None:
        """Export each output under its camelCase name."""
        for field in fields(self):
            value = getattr(self, field.name)
            pulumi.export(to_camel(field.name), plain(value))


def plain(value: Any) -> Any:
    """Return a group of outputs as a mapping with camelCase keys."""
    if isinstance(value, SharedFiles):
        return {to_camel(field.name): getattr(value, field.name) for field in fields(value)}
    return value


OUTPUT_NAMES: tuple[str, ...] = tuple(to_camel(field.name) for field in fields(StackOutputs))
"""What every stack exports, in order."""

OUTPUT_MEANINGS: dict[str, str] = {
    "url": "The page.",
    "topology": "How processes are laid out.",
    "webService": "Name of the service that people reach.",
    "schedulerService": "Name of the service that runs blocks; in `single` the same.",
    "databaseEndpoint": "Postgres as `host:port`.",
    "databaseSecret": "Where its password is in the secret store.",
    "redisEndpoint": "Redis as `host:port`; empty where the topology has none.",
    "sharedFiles": "The NFS share: `server`, `path`, and `mountedAt` in every service.",
    "artifacts": "Where outputs go in the bucket.",
    "logs": "Where logs go in the bucket.",
    "image": "The runtime's image, by digest.",
    "registry": "The stack's own registry.",
    "spark": "`backend` and what it needs; `off` without Spark.",
    "executorSettings": "The settings that executors read, by name.",
    "secretStore": "Which secret manager, and where in it.",
    "dashboards": "Addresses of dashboards.",
    "monthlyCostEstimate": "`min`, `max`, `currency`, `as_of` and `lines`, from the dated price table.",
    "nextSteps": "How to read the owner code and reach the page, what is not encrypted and why, and what waits.",
}
"""What each output is, for the reference."""
