"""Every problem of a project at once, and the configuration that really counts, with the source of each key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock_runtime.domain.errors import BlockNotFound
from penstock_runtime.project import executor_choice
from penstock_runtime.project.documents import DocumentBroken, read
from penstock_runtime.project.findings import Findings
from penstock_runtime.project.paths import METADATA, PIPELINES, is_slug, pipeline_file, pipeline_slugs
from penstock_runtime.project.pipeline_reader import read_pipeline
from penstock_runtime.project.problems import Problem, Severity
from penstock_runtime.project.project import Installation, Project, open_project
from penstock_runtime.project.triggers import read_triggers


@dataclass(frozen=True, slots=True)
class EffectiveValue:
    """One key of an effective configuration, its value (templates unrendered), and the level that set it."""

    key: str
    value: Any
    source: str


def validate(project_dir: Path, installation: Installation | None = None) -> list[Problem]:
    """Return every problem of a project folder, by file and line. Never raises for what a file says."""
    return validate_project(open_project(project_dir, installation))


def validate_project(project: Project) -> list[Problem]:
    """Return every problem of an opened project, by file and line."""
    problems = set(project.problems) | set(_unnamed(project.root))
    for slug in pipeline_slugs(project.root):
        problems.update(read_pipeline(project, slug).problems)
        problems.update(read_triggers(project.root, slug).problems)
    return sorted(_once_each(problems))


def effective_config(project: Project, pipeline: str, block: str | None = None) -> list[EffectiveValue]:
    """Return the executor and its configuration for a block, or for the pipeline; each key with where it comes from.

    PipelineNotFound, BlockNotFound. Templates are shown as written, so no secret is ever part of it.
    """
    plan = read_pipeline(project, pipeline).plan
    document = _mapping(project.root, pipeline_file(pipeline))
    values: dict[str, Any] | None = None
    executor = plan.executor
    if block is not None:
        spec = plan.block(block)
        executor = spec.executor
        values = _block_values(document, block)
    layers = executor_choice.layers(executor, project.metadata, document, values)
    chosen = EffectiveValue("executor_type", executor.value, _executor_source(project, document, values, plan.type))
    return [chosen, *(EffectiveValue(*leaf) for leaf in executor_choice.sources(layers))]


def _executor_source(
    project: Project, document: dict[str, Any], block: dict[str, Any] | None, pipeline_type: str
) -> str:
    if block is not None and block.get("executor_type") == "local_python_force":
        return "block executor_type"
    if pipeline_type == "pyspark":
        return "pipeline type"
    stated = (
        ("block executor_type", (block or {}).get("executor_type")),
        ("pipeline executor_type", document.get("executor_type")),
    )
    for source, value in stated:
        if value and value != "local_python":
            return source
    return "DEFAULT_EXECUTOR_TYPE" if project.installation.default_executor != "local_python" else "default"


def _block_values(document: dict[str, Any], slug: str) -> dict[str, Any]:
    for section in ("blocks", "callbacks", "conditionals"):
        entries = document.get(section)
        for values in entries if isinstance(entries, list) else ():
            if isinstance(values, dict) and str(values.get("uuid") or values.get("name")) == slug:
                return values
    raise BlockNotFound(f"there is no block {slug!r}")


def _mapping(root: Path, file: str) -> dict[str, Any]:
    try:
        return read(root, file).mapping()
    except (DocumentBroken, FileNotFoundError):
        return {}


def _unnamed(root: Path) -> list[Problem]:
    """Note folders under pipelines/ that hold no pipeline, or one that cannot be named."""
    findings = Findings(PIPELINES)
    try:
        entries = sorted((root / PIPELINES).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    for entry in entries:
        if not entry.is_dir() or entry.name.startswith((".", "__")):
            continue
        file = f"{PIPELINES}/{entry.name}/{METADATA}"
        if not is_slug(entry.name):
            findings.add(
                "bad-name", f"{entry.name!r} cannot name a pipeline", "use letters, digits, '_', '-' and '.'", file=file
            )
        elif not (entry / METADATA).is_file():
            message, remedy = f"the folder {entry.name!r} has no metadata.yaml", "add it, or remove the folder"
            findings.add("missing-file", message, remedy, file=file, severity=Severity.WARNING)
    return findings.problems


def _once_each(problems: set[Problem]) -> list[Problem]:
    """A file that several pipelines share has its problems once, under the first of them."""
    found: dict[tuple[str, int, int, str, str], Problem] = {}
    for problem in sorted(problems):
        found.setdefault((problem.file, problem.line, problem.column, problem.code, problem.message), problem)
    return list(found.values())
