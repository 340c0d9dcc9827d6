"""The layers of a stack on AWS: what each hands on to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from penstock_infra.aws.account import Account
from penstock_infra.aws.bucket import Bucket
from penstock_infra.aws.cache import Cache
from penstock_infra.aws.cluster import Cluster
from penstock_infra.aws.database import Database
from penstock_infra.aws.domain import Zone
from penstock_infra.aws.firewall import Firewall
from penstock_infra.aws.front import Front
from penstock_infra.aws.jobs import JobDefinition
from penstock_infra.aws.jobs_front import JobsAddress, JobsFront
from penstock_infra.aws.network import Network
from penstock_infra.aws.registry import ImageRegistry
from penstock_infra.aws.secret_store import SecretStore
from penstock_infra.aws.services import Target
from penstock_infra.aws.share import Share
from penstock_infra.aws.spark import SparkParts
from penstock_platform.blueprint import Blueprint


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The account, the network and who may connect to whom."""

    account: Account
    zone: Zone | None
    network: Network
    firewall: Firewall
    jobs: JobsAddress


@dataclass(frozen=True, kw_only=True)
class Stores:
    """What keeps something."""

    share: Share
    bucket: Bucket
    database: Database
    cache: Cache | None
    secrets: SecretStore


@dataclass(frozen=True, kw_only=True)
class Fronts:
    """The two balancers."""

    front: Front
    jobs: JobsFront

    @property
    def targets(self) -> tuple[Target, ...]:
        """What a web service registers with."""
        return tuple(Target(target_group_arn=one.target_group_arn, ready=one.ready) for one in (self.front, self.jobs))


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What services and jobs run on."""

    cluster: Cluster
    registry: ImageRegistry
    definition: JobDefinition
    spark: SparkParts


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Everything that services run on, and the settings of their executors."""

    blueprint: Blueprint
    ground: Ground
    stores: Stores
    fronts: Fronts
    platform: Platform
    settings: Mapping[str, pulumi.Input[str]]
