"""The blueprint: what a stack is made of, in words that every cloud has. Frozen, typed, without I/O.

`penstock_platform.planning.plan` makes one; each package of `penstock_infra` renders it into one cloud's resources, and
`penstock up` renders it into processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from penstock_platform.networks import Subnet
from penstock_platform.sizes import CacheClass, DatabaseClass
from penstock_platform.vocabulary import Cloud, Executor, Exposure, ServiceRole, Size, SparkMode, Tier, Topology


class Plan(BaseModel):
    """A part of a blueprint: frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rollout(StrEnum):
    """How a service takes a new version."""

    STOP_THEN_START = "stop then start"
    ROLLING = "rolling"


class ScaledBy(StrEnum):
    """Who moves a service between its minimum and its maximum."""

    NOBODY = "nobody"
    PLATFORM = "platform"
    PENSTOCK = "penstock"


class Egress(StrEnum):
    """How private machines reach the internet."""

    ONE = "one gateway"
    PER_ZONE = "a gateway a zone"


class SecretName(StrEnum):
    """The secrets of a stack. Each is one entry of the cloud's secret manager."""

    ENCRYPTION_KEY = "encryption-key"
    OWNER_CODE = "owner-code"
    DATABASE_PASSWORD = "database-password"  # noqa: S105 - the secret's name, not its value
    REDIS_URL = "redis-url"


class Source(StrEnum):
    """A value that only the rendered resources know."""

    DATABASE_HOST = "database.host"
    DATABASE_PORT = "database.port"
    DATABASE_SECRET = "database.secret"  # noqa: S105 - the reference's name
    CA_FILE = "database.ca-file"
    PUBLIC_URL = "front.url"
    TRUSTED_PROXIES = "front.proxies"
    JOBS_URL = "jobs.url"
    ARTIFACTS_URL = "bucket.artifacts"
    LOGS_URL = "bucket.logs"
    IMAGE = "image"


class Permission(StrEnum):
    """What an identity may do. Each cloud's package says how, on the stack's own resources only."""

    PULL_IMAGE = "pull the image"
    WRITE_LOGS = "write logs"
    READ_SECRETS = "read the stack's secrets"
    MOUNT_SHARE = "mount the share"
    USE_BUCKET = "read and write the bucket"
    START_JOBS = "start, watch and stop jobs"
    RUN_SPARK = "start, watch and stop Spark work"
    USE_SPARK_DATA = "read and write the bucket's Spark prefix"
    SCALE_SCHEDULER = "set the number of schedulers"


class Signal(StrEnum):
    """What an alarm watches."""

    WEB_ERRORS = "answers with 5xx"
    WEB_UNHEALTHY = "web servers that fail their probe"
    SCHEDULER_DOWN = "no scheduler runs"
    DATABASE_CPU = "database CPU"
    DATABASE_STORAGE = "database storage left"
    DATABASE_CONNECTIONS = "database connections"
    CACHE_MEMORY = "Redis memory"
    SHARE_FULL = "share space used"


class NetworkPlan(Plan):
    """The stack's own network; on Kubernetes there are no subnets, and NetworkPolicies do their part."""

    cidr: str
    subnets: tuple[Subnet, ...]
    egress: Egress
    zones: int

    def of(self, purpose: str) -> tuple[Subnet, ...]:
        """Return the subnets of one purpose."""
        return tuple(subnet for subnet in self.subnets if subnet.purpose == purpose)


class FrontPlan(Plan):
    """The balancer: its name, its certificate and who may reach it. HTTP is redirected; TLS is at least 1.2."""

    domain: str | None
    certificate: str | None
    exposure: Exposure
    allowed_cidrs: tuple[str, ...]
    idle_seconds: int
    """Longest silence of a WebSocket."""


class SharePlan(Plan):
    """The NFS share, mounted at `path` by every service; `size_gb` in GiB."""

    tier: Tier
    size_gb: int
    path: str
    backup_days: int


class BucketPlan(Plan):
    """One private bucket: its prefixes, and after how many days old versions go."""

    prefixes: tuple[str, ...]
    old_versions_days: int


class DatabasePlan(Plan):
    """Postgres. `managed_password`: the cloud makes and rotates it, and the service reads it by reference."""

    size: Size
    instance: DatabaseClass
    version: int
    storage_gb: int
    name: str
    user: str
    multi_zone: bool
    backup_days: int
    managed_password: bool
    external_secret: str | None
    """A Kubernetes Secret with the URL of a database outside the stack: then none is made."""


class CachePlan(Plan):
    """Redis with TLS and a password; `replicas` besides the primary."""

    size: Size
    instance: CacheClass
    replicas: int
    multi_zone: bool
    external_secret: str | None


class SparkPlan(Plan):
    """Spark: who makes clusters, and the bounds of a shared one."""

    mode: SparkMode
    min_workers: int
    max_workers: int
    idle_minutes: int
    """After how long without work a serverless application or a session stops."""


class ImagePlan(Plan):
    """The runtime's image: a digest that was given, or built from `dockerfile` in the repository's root."""

    given: str | None
    dockerfile: str
    platform: str


class SettingValue(Plan):
    """One environment variable: a plain value, a source to be resolved, or a secret to be referred to."""

    name: str
    value: str | None = None
    source: Source | None = None
    secret: SecretName | None = None


class Probe(Plan):
    """An HTTP probe of a container."""

    path: str
    port: int
    period_seconds: int
    failures: int


class ServicePlan(Plan):
    """One scaled service. CPU in thousandths of a core, memory in MiB."""

    name: str
    role: ServiceRole
    cpu_millis: int
    memory_mib: int
    minimum: int
    maximum: int
    slots: int
    web_port: int | None
    health_port: int | None
    command: tuple[str, ...]
    startup: Probe
    liveness: Probe
    readiness: Probe
    rollout: Rollout
    scaled_by: ScaledBy
    drain_seconds: int
    identity: str
    settings: tuple[SettingValue, ...]

    @property
    def serves_web(self) -> bool:
        """Whether people and jobs reach it."""
        return self.role is not ServiceRole.SCHEDULER

    @property
    def probe_port(self) -> int:
        """The port of its probes."""
        return self.liveness.port


class JobSize(Plan):
    """A job definition made beforehand: its name, CPU in thousandths of a core, memory in MiB."""

    name: str
    cpu_millis: int
    memory_mib: int


class JobsPlan(Plan):
    """What executors start: the sizes, the command, and the longest life of one job in seconds."""

    executor: Executor
    sizes: tuple[JobSize, ...]
    command: tuple[str, ...]
    timeout_seconds: int
    identity: str


class ScalingPlan(Plan):
    """Autoscaling of the web service by the platform; the scheduler service is left to the scaler."""

    cpu_percent: int
    requests_per_copy: int
    cooldown_seconds: int


class IdentityPlan(Plan):
    """One identity and all that it may do."""

    name: str
    may: tuple[Permission, ...]
    secrets: tuple[SecretName, ...] = ()


class AlarmPlan(Plan):
    """An alarm: `threshold` in the signal's own unit (percent, a count, GiB) over so many minutes."""

    name: str
    signal: Signal
    threshold: float
    minutes: int


class Blueprint(Plan):
    """Everything a stack is made of."""

    cloud: Cloud
    topology: Topology
    name: str
    network: NetworkPlan
    front: FrontPlan
    share: SharePlan
    bucket: BucketPlan
    database: DatabasePlan
    cache: CachePlan | None
    secrets: tuple[SecretName, ...]
    spark: SparkPlan
    image: ImagePlan
    services: tuple[ServicePlan, ...]
    executors: tuple[Executor, ...]
    jobs: JobsPlan
    scaling: ScalingPlan | None
    identities: tuple[IdentityPlan, ...]
    alarms: tuple[AlarmPlan, ...]
    alarm_email: str | None
    log_days: int
    protect_data: bool
    tags: Mapping[str, str]
    monthly_budget: float | None
    notes: tuple[str, ...]
    """What was rounded up, what waits for the runtime, what this topology does not survive: said in `nextSteps`."""

    def identity(self, name: str) -> IdentityPlan:
        """Return an identity by name. Raises KeyError when there is none."""
        return {identity.name: identity for identity in self.identities}[name]

    @property
    def web(self) -> ServicePlan:
        """The service that people reach."""
        return next(service for service in self.services if service.serves_web)

    @property
    def scheduler(self) -> ServicePlan:
        """The service that runs blocks; in `single` the same as `web`."""
        return next(service for service in self.services if service.role is not ServiceRole.WEB)
