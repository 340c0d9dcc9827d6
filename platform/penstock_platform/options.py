"""The stack config, typed: the `penstock:` keys of a Pulumi.<stack>.yaml.

`read_options` takes the keys as they are written (camelCase, nested objects) and gives a frozen `StackOptions` together
with every problem it met; a key that cannot be used is left at its default, so that the rules between keys can still be
checked and all problems are listed at once.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from penstock_platform.problems import Problem
from penstock_platform.quantities import CpuMillis, MemoryMib
from penstock_platform.vocabulary import Cloud, Executor, Exposure, Size, SparkMode, Tier, Topology

REQUIRED = ("cloud", "topology")


def _network(value: str) -> str:
    try:
        return str(ipaddress.IPv4Network(value))
    except ValueError:
        raise ValueError(
            f"{value!r} is no IPv4 network; write it like 10.40.0.0/16, with no bits set after the prefix"
        ) from None


def _digest(value: str) -> str:
    name, at, digest = value.partition("@sha256:")
    if not (name and at and len(digest) == 64 and set(digest) <= set("0123456789abcdef")):  # noqa: PLR2004 - SHA-256 in hexadecimal
        raise ValueError("an image is given by digest: registry/name@sha256:<64 hexadecimal digits>")
    return value


Network = Annotated[str, AfterValidator(_network)]
ImageDigest = Annotated[str, AfterValidator(_digest)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,18}[a-z0-9]$")]
Domain = Annotated[str, Field(max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$")]


class Options(BaseModel):
    """A group of keys: frozen, camelCase outside, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class WebOptions(Options):
    """The web service: CPU, memory, and between how many copies it may move."""

    cpu: CpuMillis | None = Field(default=None, ge=250, le=8000)
    memory: MemoryMib | None = Field(default=None, ge=512, le=32 * 1024)
    min: int | None = Field(default=None, ge=1, le=50)
    max: int | None = Field(default=None, ge=1, le=50)


class SchedulerOptions(WebOptions):
    """The scheduler service; `slots` are the blocks that one copy runs at once."""

    slots: int | None = Field(default=None, ge=1, le=1000)


class DatabaseOptions(Options):
    """Postgres: size, storage in GiB, major version."""

    size: Size | None = None
    storage_gb: int | None = Field(default=None, ge=10, le=16384)
    version: int = Field(default=17, ge=14, le=17)


class RedisOptions(Options):
    """Redis: in `split` there is one only when a size is named; `ha` and `autoscale` always have one."""

    size: Size | None = None


class FilesOptions(Options):
    """The NFS share: how many zones it survives, and its size in GiB where the cloud wants to know."""

    tier: Tier | None = None
    size_gb: int | None = Field(default=None, ge=10, le=102400)


class SparkOptions(Options):
    """Who makes Spark clusters, and how many workers a shared one may have."""

    mode: SparkMode = SparkMode.ON_DEMAND
    max_workers: int = Field(default=4, ge=1, le=100)


class ProjectOptions(Options):
    """A git repository with the project, or nothing: then the project is the folder on the share."""

    url: str | None = Field(default=None, pattern=r"^(https://|ssh://|git@)\S+$")
    branch: str = Field(default="main", pattern=r"^[\w./-]+$")


class AlarmOptions(Options):
    """Where alarms go."""

    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


class KubernetesOptions(Options):
    """What only a cluster has. Secrets are named, never given: each is a Secret in the stack's namespace."""

    storage_class: str | None = None
    block_storage_class: str | None = None
    ingress_class: str | None = None
    tls_secret: str | None = None
    issuer: str | None = None
    database_secret: str | None = None
    redis_secret: str | None = None
    image_pull_secret: str | None = None
    registry: str | None = None
    """Repository to which the image is pushed where none is given, by the credentials of your `docker login`."""
    postgres_image: ImageDigest | None = None
    """Postgres in the cluster, Debian's flavour of the official image; its major version is `database.version`."""
    redis_image: ImageDigest | None = None
    """Redis or Valkey in the cluster, an official image."""
    ingress_namespace: str | None = None
    """Where the ingress controller's pods are: then nobody else reaches the page past it."""
    prometheus_namespace: str | None = None
    """Where the Prometheus operator and its Prometheus are: then the stack brings a PodMonitor and alarms."""


class StackOptions(Options):
    """Every key of a stack's config. Only `cloud` and `topology` have no default."""

    cloud: Cloud
    topology: Topology
    name: Name = "penstock"
    image: ImageDigest | None = None
    project: ProjectOptions = ProjectOptions()
    domain: Domain | None = None
    certificate: str | None = None
    exposure: Exposure = Exposure.PUBLIC
    allowed_cidrs: tuple[Network, ...] = ("0.0.0.0/0",)
    network_cidr: Network = "10.40.0.0/16"
    avoid_cidrs: tuple[Network, ...] = ()
    web: WebOptions = WebOptions()
    scheduler: SchedulerOptions = SchedulerOptions()
    database: DatabaseOptions = DatabaseOptions()
    redis: RedisOptions = RedisOptions()
    files: FilesOptions = FilesOptions()
    spark: SparkOptions = SparkOptions()
    executors: tuple[Executor, ...] = ()
    protect_data: bool = True
    tags: Mapping[str, str] = Field(default_factory=dict)
    monthly_budget: float | None = Field(default=None, gt=0)
    alarms: AlarmOptions = AlarmOptions()
    kubernetes: KubernetesOptions = KubernetesOptions()


MEANINGS: dict[str, str] = {
    "cloud": "Where the stack runs: aws, gcp, azure or kubernetes.",
    "topology": "How processes are laid out: single, split, ha or autoscale.",
    "name": "The stem of every resource's name: 3 to 20 characters, small letters, digits and dashes.",
    "image": "The runtime's image by digest; empty: it is built from this repository and pushed.",
    "project": "Git repository and branch of the project (`url`, `branch`); empty: the folder on the share.",
    "domain": "The name people open, such as penstock.example.com.",
    "certificate": "The certificate of that name where the cloud keeps them (on AWS its ARN).",
    "exposure": "Who reaches the page: public, private or portForward (kubernetes only).",
    "allowedCidrs": "Networks that may open the page.",
    "networkCidr": "The stack's own network: private, /16 to /20.",
    "avoidCidrs": "Networks that this one must not overlap, because you will peer with them.",
    "web": "The web service: `cpu`, `memory`, `min`, `max`.",
    "scheduler": "The scheduler service: `cpu`, `memory`, `min`, `max`, `slots`.",
    "database": "Postgres: `size` (small, medium, large, xlarge), `storageGb`, `version`.",
    "redis": "Redis: `size`; in split there is one only when this is given.",
    "files": "The NFS share: `tier` (zonal, regional), `sizeGb`.",
    "spark": "Spark: `mode` (off, onDemand, serverless, shared), `maxWorkers`.",
    "executors": "Executors of this stack; the first is the default of blocks that choose none.",
    "protectData": "Whether what holds data is protected from deletion.",
    "tags": "Tags or labels on every resource.",
    "monthlyBudget": "In US dollars: a plan whose estimate passes it is refused.",
    "alarms": "Where alarms go: `email`.",
    "kubernetes": "What only a cluster has: storage and ingress classes, TLS secret or issuer, names of secrets.",
}
"""What each key is for, in the order of the reference."""


def read_options(raw: Mapping[str, Any]) -> tuple[StackOptions | None, list[Problem]]:
    """Return the options and every problem of single keys. None when `cloud` or `topology` cannot be known.

    An empty text counts as not given: that is how Pulumi.yaml writes a key without a default.
    """
    given = {key: value for key, value in raw.items() if value not in (None, "")}
    try:
        return StackOptions.model_validate(given), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = [_problem(one) for one in details]
    wrong = {str(one["loc"][0]) for one in details}
    if wrong & set(REQUIRED):
        return None, problems
    return StackOptions.model_validate({key: value for key, value in given.items() if key not in wrong}), problems


def _problem(error: Mapping[str, Any]) -> Problem:
    place = [str(part) for part in error["loc"]]
    return Problem(".".join(place), _words(place, error))


def _words(place: list[str], error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(place)
    if kind == "missing":
        return f"is missing; allowed: {', '.join(Cloud if place[0] == 'cloud' else Topology)}"
    if kind == "value_error":
        return str(context["error"])
    shown = f"{error['input']!r} cannot be used; "
    if kind == "model_type":
        return f"{shown}write a group of its keys: {', '.join(_keys_of(place))}"
    if kind == "enum":
        return f"{shown}allowed: {str(context['expected']).replace(' or ', ', ')}"
    if kind == "string_pattern_mismatch":
        return f"{shown}write {_FORMS[place[-1]]}"
    said = str(error["msg"]).lower().replace("input should", "it should")
    return shown + said.replace("tuple", "list").replace("dictionary", "mapping of names to values")


_FORMS = {
    "name": "3 to 20 small letters, digits and dashes, beginning with a letter",
    "domain": "a name such as penstock.example.com, in small letters",
    "url": "a git address: https://, ssh:// or git@",
    "branch": "a branch's name",
    "email": "an address such as team@example.com",
}


def _unknown_key(place: list[str]) -> str:
    known = _keys_of(place[:-1])
    near = difflib.get_close_matches(place[-1], known, 1)
    where = "Penstock" if len(place) == 1 else place[-2]
    return f"is no key of {where}; " + (f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}")


def _keys_of(place: list[str]) -> list[str]:
    """Return the keys of the group at a place, or of the whole config for no place."""
    group: type[BaseModel] = StackOptions
    for part in place:
        found = next(field.annotation for name, field in group.model_fields.items() if to_camel(name) == part)
        group = found if isinstance(found, type) and issubclass(found, BaseModel) else group
    return [to_camel(name) for name in group.model_fields]
