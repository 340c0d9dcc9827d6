"""A topology on one machine: the blueprint's services as processes, bounded by what the machine has. Pure.

The same topologies, counts and rules as on a cloud. What differs is where things are: a database and a cache that are
processes too, a scaler that moves processes, and one machine's cores for every scheduler together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from penstock_platform.load import slots_for
from penstock_platform.options import SchedulerOptions, StackOptions, WebOptions
from penstock_platform.problems import BlueprintInvalid
from penstock_platform.rules import count_problems, services_of
from penstock_platform.topologies import SERVICE_NAMES, TOPOLOGIES
from penstock_platform.vocabulary import Cloud, ServiceRole, Topology


@dataclass(frozen=True, slots=True)
class Machine:
    """What one machine has: cores, and memory in MiB."""

    cores: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator asks for beside the topology; None leaves a number to the topology and the machine.

    `slots` are the blocks that each scheduler runs at once.
    """

    topology: Topology
    web: int | None = None
    schedulers: int | None = None
    slots: int | None = None


@dataclass(frozen=True, slots=True)
class LocalService:
    """One service as processes: `minimum` of them at the start, and never more than `maximum`.

    `slots` is None where the process decides for itself, as `penstock start` does, and where no blocks run.
    """

    name: str
    role: ServiceRole
    minimum: int
    maximum: int
    slots: int | None = None


@dataclass(frozen=True, slots=True)
class LocalPlan:
    """What runs on the machine. Without `postgres` runs are kept in SQLite; `redis` says whether there is one."""

    topology: Topology
    services: tuple[LocalService, ...]
    postgres: bool
    redis: bool
    scaled: bool

    def service(self, name: str) -> LocalService | None:
        """Return the service of that name."""
        return next((service for service in self.services if service.name == name), None)

    @property
    def processes(self) -> int:
        """The most processes of ours that there can be."""
        return sum(service.maximum for service in self.services)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the processes of a plan find each other. `scaler_target` is the address of whoever changes their number."""

    host: str
    port: int
    database_url: str | None = None
    redis_url: str | None = None
    encryption_key: str | None = None
    scaler_target: str | None = None


def local_plan(wish: Wish, machine: Machine) -> LocalPlan:
    """Return the processes of a topology on this machine. Raises BlueprintInvalid for counts that it does not allow."""
    options = _options(wish)
    if problems := count_problems(options):
        raise BlueprintInvalid(problems)
    defaults = TOPOLOGIES[wish.topology]
    services = []
    for role, found in services_of(options).items():
        slots = wish.slots
        if slots is None and role is ServiceRole.SCHEDULER:
            slots = _slots(found.maximum, slots_for(found.cpu_millis, found.memory_mib), machine)
        kept = None if role is ServiceRole.WEB else slots
        services.append(LocalService(SERVICE_NAMES[role], role, found.minimum, found.maximum, kept))
    return LocalPlan(
        topology=wish.topology,
        services=tuple(services),
        postgres=wish.topology is not Topology.SINGLE,
        redis=defaults.cache is not None,
        scaled=wish.topology is Topology.AUTOSCALE,
    )


def settings_of_process(
    plan: LocalPlan, service: LocalService, where: Surroundings, health_port: int | None = None
) -> Mapping[str, str]:
    """Return what a process of this service gets besides the operator's own settings: names of the contract."""
    return dict(_settings(plan, service, where, health_port))


def _settings(
    plan: LocalPlan, service: LocalService, where: Surroundings, health_port: int | None
) -> Iterator[tuple[str, str]]:
    yield "INSTANCE_TYPE", service.role.value
    if service.slots is not None:
        yield "PENSTOCK_SLOTS", str(service.slots)
    if service.role is ServiceRole.SCHEDULER:
        # Its probes are for the supervisor, whoever may open the page.
        yield "PENSTOCK_HOST", "127.0.0.1"
        if health_port is not None:
            yield "PENSTOCK_HEALTH_PORT", str(health_port)
    else:
        yield "PENSTOCK_HOST", where.host
        yield "PENSTOCK_PORT", str(where.port)
    if where.database_url is not None:
        yield "DATABASE_URL", where.database_url
    if where.redis_url is not None:
        yield "REDIS_URL", where.redis_url
    if where.encryption_key is not None:
        yield "PENSTOCK_ENCRYPTION_KEY", where.encryption_key
    scaled = plan.service(SERVICE_NAMES[ServiceRole.SCHEDULER])
    if plan.scaled and where.scaler_target is not None and scaled is not None:
        yield "PENSTOCK_SCALER_TARGET", where.scaler_target
        yield "PENSTOCK_SCALER_MIN", str(scaled.minimum)
        yield "PENSTOCK_SCALER_MAX", str(scaled.maximum)


def _options(wish: Wish) -> StackOptions:
    # How many copies a topology may have is the same on every cloud.
    web = {} if wish.web is None else {"min": wish.web}
    schedulers = {} if wish.schedulers is None else {"min": wish.schedulers}
    return StackOptions(
        cloud=Cloud.KUBERNETES,
        topology=wish.topology,
        web=WebOptions.model_validate(web),
        scheduler=SchedulerOptions.model_validate(schedulers),
    )


def _slots(schedulers: int, of_the_size: int, machine: Machine) -> int:
    """Return the slots of one of so many schedulers: its size's, and together no more than the machine's."""
    return max(1, min(of_the_size, slots_for(machine.cores * 1000, machine.memory_mib) // schedulers))
