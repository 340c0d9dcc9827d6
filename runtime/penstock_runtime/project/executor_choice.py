"""Which executor a block runs on, with which configuration, and where each key came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_runtime.domain.blocks import ExecutorType
from penstock_runtime.project.quantities import memory_bytes

PROJECT_KEYS: Mapping[ExecutorType, tuple[str, ...]] = {
    ExecutorType.K8S: ("k8s_executor_config",),
    ExecutorType.ECS: ("ecs_config",),
    ExecutorType.GCP_CLOUD_RUN: ("gcp_cloud_run_config",),
    ExecutorType.AZURE_CONTAINER_INSTANCE: ("azure_container_instance_config",),
    ExecutorType.PYSPARK: ("emr_config", "spark_config"),
}
"""The keys of the project's metadata.yaml that configure an executor, weakest first."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of configuration, weakest first in a list of them: its name for people, and its values."""

    source: str
    values: Mapping[str, Any]


def choose(choices: Sequence[str | None], *, spark: bool) -> ExecutorType:
    """Return the executor of a block.

    `choices` are what block, pipeline and installation say, in that order. A block pinned with `local_python_force`
    stays local. A block of a Spark pipeline (`spark`) runs on Spark. Otherwise the first that is set and is not
    `local_python` decides: editors write `local_python` on every block, so it cannot mean a choice. ValueError for a
    name that is no executor.
    """
    stated = [ExecutorType(choice) for choice in choices if choice]
    if choices and choices[0] == ExecutorType.LOCAL_PYTHON_FORCE:
        return ExecutorType.LOCAL_PYTHON_FORCE
    if spark:
        return ExecutorType.PYSPARK
    return next((choice for choice in stated if choice is not ExecutorType.LOCAL_PYTHON), ExecutorType.LOCAL_PYTHON)


def layers(
    executor: ExecutorType,
    project: Mapping[str, Any],
    pipeline: Mapping[str, Any],
    block: Mapping[str, Any] | None = None,
) -> list[Layer]:
    """Return the configuration of an executor, weakest source first. The mappings are the three metadata documents."""
    found = [Layer(f"project {key}", _mapping(project.get(key))) for key in PROJECT_KEYS.get(executor, ())]
    if executor is ExecutorType.PYSPARK:
        found.append(Layer("pipeline spark_config", _mapping(pipeline.get("spark_config"))))
    found.append(Layer("pipeline executor_config", _mapping(pipeline.get("executor_config"))))
    if block is not None:
        found.append(Layer("block executor_config", _mapping(block.get("executor_config"))))
    return found


def deep_merge(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, mappings merged key by key at every depth; a stronger None leaves the weaker value."""
    merged = dict(weaker)
    for key, value in stronger.items():
        present = merged.get(key)
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            merged[key] = deep_merge(present, value)
        elif value is not None or key not in merged:
            merged[key] = value
    return merged


def merged(found: Sequence[Layer]) -> dict[str, Any]:
    """Return the layers merged, the last the strongest."""
    result: dict[str, Any] = {}
    for layer in found:
        result = deep_merge(result, layer.values)
    return result


def sources(found: Sequence[Layer]) -> list[tuple[str, Any, str]]:
    """Return (dotted key, value, source) of every leaf of the merged layers, sorted by key."""
    named: dict[str, tuple[Any, str]] = {}
    for layer in found:
        for key, value in _leaves(layer.values):
            if value is None and key in named:
                continue
            # A value that takes the place of a mapping, or the reverse, leaves nothing of what it replaced.
            for other in [other for other in named if other.startswith(f"{key}.") or key.startswith(f"{other}.")]:
                del named[other]
            named[key] = (value, layer.source)
    return [(key, value, source) for key, (value, source) in sorted(named.items())]


def memory_limit(executor: ExecutorType, config: Mapping[str, Any]) -> int | None:
    """Return the memory limit in bytes, or None. On ECS a plain number is MiB, as its API has it. ValueError."""
    plain_unit = 2**20 if executor is ExecutorType.ECS else 1
    limits = config.get("resource_limits")
    value = limits.get("memory") if isinstance(limits, Mapping) else None
    if value is None and executor is ExecutorType.ECS:
        value = config.get("memory")
    return None if value is None else memory_bytes(value, plain_unit)


def _leaves(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found.extend(_leaves(value, f"{prefix}{key}."))
        else:
            found.append((f"{prefix}{key}", value))
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
