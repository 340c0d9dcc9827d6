"""The rules of a pipeline that stand on several levels: retries, limits, executor; the stronger level wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock_runtime.domain.blocks import ExecutorType, RetryPolicy
from penstock_runtime.project import executor_choice, keys
from penstock_runtime.project.findings import Findings, Path
from penstock_runtime.project.project import Project
from penstock_runtime.project.templating import TemplateFailed, TemplateFunctions, has_template, render_text

_EXECUTORS = frozenset(ExecutorType)
_RETRY_FIELDS = {"retries": "retries", "delay": "delay_seconds", "max_delay": "max_delay_seconds"}


@dataclass(frozen=True, slots=True)
class Limits:
    """The concurrency rules of a pipeline, as PipelinePlan has them."""

    block_run_limit: int | None = None
    run_limit: int | None = None
    run_limit_per_trigger: int | None = None
    run_limit_reached: str = "wait"


def retry_values(findings: Findings, path: Path, value: Any) -> dict[str, Any]:
    """Return what a `retry_config` sets, checked. A null leaves the weaker level's value."""
    section = findings.mapping(path, value)
    findings.unknown_keys(path, section, keys.RETRY)
    found: dict[str, Any] = {}
    for key, name in _RETRY_FIELDS.items():
        number = findings.number((*path, key), section.get(key))
        if number is not None:
            found[name] = int(number) if key == "retries" else number
    backoff = section.get("exponential_backoff")
    if isinstance(backoff, bool):
        found["exponential_backoff"] = backoff
    elif backoff is not None:
        findings.at(
            (*path, "exponential_backoff"),
            "wrong-value",
            f"`exponential_backoff` is {backoff!r}",
            "write true or false",
        )
    factor = findings.number((*path, "memory_factor"), section.get("memory_factor"), 1)
    if factor is not None:
        found["memory_factor"] = factor
    return found


def retry_policy(*levels: Mapping[str, Any]) -> RetryPolicy:
    """Return the policy of checked levels, weakest first."""
    merged: dict[str, Any] = {}
    for level in levels:
        merged.update(level)
    return RetryPolicy(**merged)


def limits(findings: Findings, project: Mapping[str, Any], pipeline: Mapping[str, Any]) -> Limits:
    """Return the concurrency rules: the pipeline's over the project's, key by key."""
    path: Path = ("concurrency_config",)
    section = findings.mapping(path, pipeline.get("concurrency_config"))
    findings.unknown_keys(path, section, keys.CONCURRENCY)
    inherited = project.get("concurrency_config")
    merged = {
        **(inherited if isinstance(inherited, dict) else {}),
        **{k: v for k, v in section.items() if v is not None},
    }
    numbers = {
        key: int(number)
        for key in ("block_run_limit", "pipeline_run_limit", "pipeline_run_limit_all_triggers")
        if (number := findings.number((*path, key), merged.get(key), 1)) is not None
    }
    reached = merged.get("on_pipeline_run_limit_reached") or "wait"
    if reached not in ("wait", "skip"):
        findings.at(
            (*path, "on_pipeline_run_limit_reached"),
            "wrong-value",
            f"{reached!r} is no answer to a limit",
            "write wait or skip",
        )
        reached = "wait"
    # In the project format `pipeline_run_limit` counts the runs of each trigger for itself.
    return Limits(
        numbers.get("block_run_limit"),
        numbers.get("pipeline_run_limit_all_triggers"),
        numbers.get("pipeline_run_limit"),
        reached,
    )


def stated_executor(findings: Findings, path: Path, value: Any, functions: TemplateFunctions) -> str | None:
    """Return an `executor_type` with its template rendered, or None when it is not set or cannot be used."""
    if not value:
        return None
    text = str(value)
    if has_template(text):
        try:
            text = render_text(text, functions).strip()
        except TemplateFailed as error:
            findings.at(
                path, "template", f"`executor_type` cannot be rendered: {error}", "define it, or give a default"
            )
            return None
    if text and text not in _EXECUTORS:
        known = ", ".join(ExecutorType)
        findings.at(path, "unknown-executor", f"there is no executor {text!r}", f"use one of {known}")
        return None
    return text or None


def check_startable(findings: Findings, path: Path, executor: ExecutorType, project: Project) -> None:
    """Note an executor that this installation cannot start."""
    available = project.installation.executors
    if executor is ExecutorType.LOCAL_PYTHON_FORCE:
        executor = ExecutorType.LOCAL_PYTHON
    if available is not None and executor not in available:
        names = ", ".join(sorted(available)) or "none"
        message = f"the executor {executor.value!r} cannot be started by this installation"
        findings.at(path, "executor-unavailable", message, f"configure it, or use one of: {names}")


def memory_limit(
    findings: Findings, path: Path, executor: ExecutorType, config: Mapping[str, Any], functions: TemplateFunctions
) -> int | None:
    """Return the memory limit of a merged executor configuration, in bytes."""
    limits_section = config.get("resource_limits")
    value = limits_section.get("memory") if isinstance(limits_section, Mapping) else None
    if isinstance(value, str) and has_template(value):
        try:
            config = {**config, "resource_limits": {"memory": render_text(value, functions)}}
        except TemplateFailed as error:
            findings.at(
                path, "template", f"the memory limit cannot be rendered: {error}", "define it, or give a default"
            )
            return None
    try:
        return executor_choice.memory_limit(executor, config)
    except ValueError as error:
        findings.at(path, "wrong-value", f"memory limit: {error}", "write an amount such as 512Mi or 2Gi")
        return None
