"""The environment of each service: every name is one of the settings contract."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_platform.blueprint import SecretName, SettingValue, Source
from penstock_platform.vocabulary import Cloud, Executor, ServiceRole, SparkMode

WEB_PORT = 6789
HEALTH_PORT = 6790
SHARE_PATH = "/mnt/penstock"
STATE_PATH = "/var/lib/penstock"
"""The container's own folder for environments: quick, and made again where the container starts anew."""
POOL_SIZE = 5

_SPARK_BACKENDS: dict[Cloud, dict[SparkMode, str]] = {
    Cloud.AWS: {SparkMode.ON_DEMAND: "emr", SparkMode.SERVERLESS: "emr_serverless", SparkMode.SHARED: "emr"},
    Cloud.GCP: {
        SparkMode.ON_DEMAND: "dataproc",
        SparkMode.SERVERLESS: "dataproc_serverless",
        SparkMode.SHARED: "dataproc",
    },
    Cloud.AZURE: dict.fromkeys((SparkMode.ON_DEMAND, SparkMode.SERVERLESS, SparkMode.SHARED), "synapse"),
    Cloud.KUBERNETES: dict.fromkeys((SparkMode.ON_DEMAND, SparkMode.SERVERLESS, SparkMode.SHARED), "kubernetes"),
}


def spark_backend(cloud: Cloud, mode: SparkMode) -> str | None:
    """Return the value of PENSTOCK_SPARK_BACKEND, or None where Spark is off."""
    return _SPARK_BACKENDS[cloud].get(mode)


def settings_of(
    role: ServiceRole, *, executor: Executor, slots: int, drain_seconds: int, managed_password: bool, cached: bool
) -> tuple[SettingValue, ...]:
    """Return the settings of a service, sorted by name. Executor settings are added by the stack's own program."""
    found = [
        *_plain(role, executor=executor, slots=slots, drain_seconds=drain_seconds),
        *_database(managed_password=managed_password),
        *_secrets(role, cached=cached),
        SettingValue(name="PENSTOCK_ARTIFACTS_URL", source=Source.ARTIFACTS_URL),
        SettingValue(name="PENSTOCK_LOGS_URL", source=Source.LOGS_URL),
        SettingValue(name="PENSTOCK_JOBS_URL", source=Source.JOBS_URL),
        SettingValue(name="PENSTOCK_PUBLIC_URL", source=Source.PUBLIC_URL),
    ]
    return tuple(sorted(found, key=lambda setting: setting.name))


def _plain(role: ServiceRole, *, executor: Executor, slots: int, drain_seconds: int) -> Iterator[SettingValue]:
    values = {
        "INSTANCE_TYPE": role.value,
        "DEFAULT_EXECUTOR_TYPE": executor.value,
        "PENSTOCK_HOST": "0.0.0.0",  # noqa: S104 - inside a container, behind the platform's own network
        "PENSTOCK_PROJECT": f"{SHARE_PATH}/project",
        "PENSTOCK_DATA_DIR": f"{SHARE_PATH}/data",
        "PENSTOCK_STATE_DIR": STATE_PATH,
        "PENSTOCK_SECRET_STORE": "database",
        "PENSTOCK_DB_POOL_SIZE": str(POOL_SIZE),
        "PENSTOCK_STANDBY_SECONDS": "unlimited",
        "PENSTOCK_DRAIN_SECONDS": str(drain_seconds),
    }
    if role is not ServiceRole.WEB:
        values["PENSTOCK_SLOTS"] = str(slots)
    if role is ServiceRole.SCHEDULER:
        values["PENSTOCK_HEALTH_PORT"] = str(HEALTH_PORT)
    else:
        values["PENSTOCK_PORT"] = str(WEB_PORT)
        yield SettingValue(name="PENSTOCK_TRUSTED_PROXIES", source=Source.TRUSTED_PROXIES)
    yield from (SettingValue(name=name, value=value) for name, value in values.items())


def _database(*, managed_password: bool) -> Iterator[SettingValue]:
    yield SettingValue(name="PENSTOCK_DB_HOST", source=Source.DATABASE_HOST)
    yield SettingValue(name="PENSTOCK_DB_PORT", source=Source.DATABASE_PORT)
    yield SettingValue(name="PENSTOCK_DB_NAME", value="penstock")
    yield SettingValue(name="PENSTOCK_DB_USER", value="penstock")
    yield SettingValue(name="PENSTOCK_CA_FILE", source=Source.CA_FILE)
    if managed_password:
        yield SettingValue(name="PENSTOCK_DB_SECRET", source=Source.DATABASE_SECRET)
    else:
        yield SettingValue(name="PENSTOCK_DB_PASSWORD", secret=SecretName.DATABASE_PASSWORD)


def _secrets(role: ServiceRole, *, cached: bool) -> Iterator[SettingValue]:
    yield SettingValue(name="PENSTOCK_ENCRYPTION_KEY", secret=SecretName.ENCRYPTION_KEY)
    if role is not ServiceRole.SCHEDULER:
        yield SettingValue(name="PENSTOCK_OWNER_CODE", secret=SecretName.OWNER_CODE)
    if cached:
        yield SettingValue(name="REDIS_URL", secret=SecretName.REDIS_URL)
