"""What the sizes mean on each cloud, and which container sizes each allows.

Sources: the clouds' own pages on instance classes and limits, read in November 2026. `max_connections` is the server's
default for that size; on RDS it is memory in bytes / 9531392, at most 5000, less what the system keeps.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock_platform.quantities import cpu_text, memory_text
from penstock_platform.vocabulary import Cloud, Size


@dataclass(frozen=True, slots=True)
class DatabaseClass:
    """One size of Postgres: the cloud's own name, virtual cores, MiB, connections, and whether it is burstable."""

    instance: str
    cpus: float
    memory_mib: int
    max_connections: int
    burstable: bool = False


@dataclass(frozen=True, slots=True)
class CacheClass:
    """One size of Redis: the cloud's own name (or GiB on GCP, a quantity on Kubernetes) and MiB."""

    instance: str
    memory_mib: int


@dataclass(frozen=True, slots=True)
class ContainerSize:
    """CPU in thousandths of a core and memory in MiB that a platform accepts; `note` says what was rounded up."""

    cpu_millis: int
    memory_mib: int
    note: str | None = None


DATABASES: dict[Cloud, dict[Size, DatabaseClass]] = {
    Cloud.AWS: {
        Size.SMALL: DatabaseClass("db.t4g.small", 2, 2048, 170, burstable=True),
        Size.MEDIUM: DatabaseClass("db.t4g.medium", 2, 4096, 390, burstable=True),
        Size.LARGE: DatabaseClass("db.m7g.large", 2, 8192, 830),
        Size.XLARGE: DatabaseClass("db.m7g.xlarge", 4, 16384, 1680),
    },
    Cloud.GCP: {
        Size.SMALL: DatabaseClass("db-g1-small", 0.5, 1740, 50, burstable=True),
        Size.MEDIUM: DatabaseClass("db-custom-1-3840", 1, 3840, 100),
        Size.LARGE: DatabaseClass("db-custom-2-7680", 2, 7680, 200),
        Size.XLARGE: DatabaseClass("db-custom-4-15360", 4, 15360, 400),
    },
    Cloud.AZURE: {
        Size.SMALL: DatabaseClass("Standard_B1ms", 1, 2048, 50, burstable=True),
        Size.MEDIUM: DatabaseClass("Standard_B2s", 2, 4096, 429, burstable=True),
        Size.LARGE: DatabaseClass("Standard_D2ds_v5", 2, 8192, 859),
        Size.XLARGE: DatabaseClass("Standard_D4ds_v5", 4, 16384, 1718),
    },
    Cloud.KUBERNETES: {
        Size.SMALL: DatabaseClass("500m/1Gi", 0.5, 1024, 100),
        Size.MEDIUM: DatabaseClass("1/2Gi", 1, 2048, 200),
        Size.LARGE: DatabaseClass("2/4Gi", 2, 4096, 400),
        Size.XLARGE: DatabaseClass("4/8Gi", 4, 8192, 800),
    },
}
"""Postgres by cloud and size."""

CACHES: dict[Cloud, dict[Size, CacheClass]] = {
    Cloud.AWS: {
        Size.SMALL: CacheClass("cache.t4g.small", 1403),
        Size.MEDIUM: CacheClass("cache.t4g.medium", 3164),
        Size.LARGE: CacheClass("cache.m7g.large", 6533),
        Size.XLARGE: CacheClass("cache.m7g.xlarge", 13228),
    },
    Cloud.GCP: {
        Size.SMALL: CacheClass("1", 1024),
        Size.MEDIUM: CacheClass("2", 2048),
        Size.LARGE: CacheClass("5", 5120),
        Size.XLARGE: CacheClass("10", 10240),
    },
    Cloud.AZURE: {
        Size.SMALL: CacheClass("Balanced_B0", 512),
        Size.MEDIUM: CacheClass("Balanced_B1", 1024),
        Size.LARGE: CacheClass("Balanced_B5", 6144),
        Size.XLARGE: CacheClass("Balanced_B10", 12288),
    },
    Cloud.KUBERNETES: {
        Size.SMALL: CacheClass("100m/256Mi", 256),
        Size.MEDIUM: CacheClass("250m/1Gi", 1024),
        Size.LARGE: CacheClass("500m/4Gi", 4096),
        Size.XLARGE: CacheClass("1/8Gi", 8192),
    },
}
"""Redis by cloud and size."""

_FARGATE = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
}
"""CPU units (1024 are a core) and the MiB that Fargate allows with them."""

_CLOUD_RUN = {1000: (512, 4096), 2000: (512, 8192), 4000: (2048, 16384), 6000: (4096, 24576), 8000: (4096, 32768)}
"""CPU of an always-allocated Cloud Run container, and the least and most MiB with it."""


def fit_container(cloud: Cloud, cpu_millis: int, memory_mib: int) -> ContainerSize | None:
    """Return the smallest size that the cloud allows and that holds what was asked; None when it has none so large."""
    fitted = _FITS[cloud](cpu_millis, memory_mib)
    if fitted is None:
        return None
    cpu, memory = fitted
    if (cpu, memory) == (cpu_millis, memory_mib):
        return ContainerSize(cpu, memory)
    asked = f"{cpu_text(cpu_millis)} CPU and {memory_text(memory_mib)}"
    return ContainerSize(cpu, memory, f"{asked} rounded up to {cpu_text(cpu)} CPU and {memory_text(memory)}")


def _fargate(cpu_millis: int, memory_mib: int) -> tuple[int, int] | None:
    for units, memories in _FARGATE.items():
        for memory in memories:
            if units * 1000 >= cpu_millis * 1024 and memory >= memory_mib:
                return units * 1000 // 1024, memory
    return None


def _cloud_run(cpu_millis: int, memory_mib: int) -> tuple[int, int] | None:
    for cpu, (least, most) in _CLOUD_RUN.items():
        if cpu >= cpu_millis and most >= memory_mib:
            return cpu, max(least, memory_mib)
    return None


def _container_apps(cpu_millis: int, memory_mib: int) -> tuple[int, int] | None:
    # The consumption profile has steps of a quarter core, each with two GiB a core, up to four cores.
    for steps in range(1, 17):
        if steps * 250 >= cpu_millis and steps * 512 >= memory_mib:
            return steps * 250, steps * 512
    return None


def _any(cpu_millis: int, memory_mib: int) -> tuple[int, int] | None:
    return cpu_millis, memory_mib


_FITS = {Cloud.AWS: _fargate, Cloud.GCP: _cloud_run, Cloud.AZURE: _container_apps, Cloud.KUBERNETES: _any}

LEAST_SHARE_GB: dict[Cloud, int] = {Cloud.AWS: 10, Cloud.GCP: 100, Cloud.AZURE: 100, Cloud.KUBERNETES: 10}
"""The smallest NFS share in GiB. On AWS it grows by itself and the size is only what the estimate counts."""

_LEAST_STORAGE_GB: dict[Cloud, int] = {Cloud.AWS: 20, Cloud.GCP: 10, Cloud.AZURE: 32, Cloud.KUBERNETES: 1}


def fit_storage(cloud: Cloud, storage_gb: int) -> int:
    """Return the least storage in GiB that the cloud's Postgres may have and that holds what was asked.

    Azure's disks come in powers of two; the others take any number from their least on.
    """
    least = max(storage_gb, _LEAST_STORAGE_GB[cloud])
    return 1 << (least - 1).bit_length() if cloud is Cloud.AZURE else least
