"""The Google APIs that a stack uses. They stay when the stack goes: something else may have come to use them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pulumi
import pulumi_gcp as gcp

from penstock_infra.component import Component
from penstock_platform.blueprint import Blueprint
from penstock_platform.vocabulary import SparkMode

ALWAYS = (
    "artifactregistry",
    "backupdr",
    "compute",
    "containerscanning",
    "file",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "run",
    "secretmanager",
    "servicenetworking",
    "sqladmin",
    "storage",
)


class Apis(Component):
    """Each API by its short name, such as `run`."""

    cloud = "gcp"

    def __init__(self, name: str, blueprint: Blueprint, project: str, opts: pulumi.ResourceOptions) -> None:
        """Enable the APIs of this blueprint."""
        super().__init__(name, opts)
        self._enabled = {
            api: gcp.projects.Service(
                api,
                project=project,
                service=f"{api}.googleapis.com",
                disable_on_destroy=False,
                opts=self.child(),
            )
            for api in sorted(apis_of(blueprint))
        }
        self.finish()

    def of(self, names: Sequence[str]) -> list[pulumi.Resource]:
        """Return the enabled APIs of these names. Raises KeyError for one that the blueprint does not need."""
        return [self._enabled[name] for name in names]


def apis_of(blueprint: Blueprint) -> Iterator[str]:
    """Yield the short name of each API that the blueprint's resources need."""
    yield from ALWAYS
    if blueprint.cache is not None:
        yield "redis"
    if blueprint.spark.mode is not SparkMode.OFF:
        yield "dataproc"
    if blueprint.monthly_budget is not None:
        yield "billingbudgets"
