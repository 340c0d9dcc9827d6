"""A project folder opened for reading: its own metadata, and what the installation adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock_runtime.domain.blocks import ExecutorType
from penstock_runtime.project import keys
from penstock_runtime.project.documents import Document, DocumentBroken, read
from penstock_runtime.project.findings import Findings
from penstock_runtime.project.notices import KEY as NOTICES
from penstock_runtime.project.notices import check_notices
from penstock_runtime.project.paths import IO_CONFIG, METADATA
from penstock_runtime.project.problems import Problem, Severity
from penstock_runtime.project.templating import profile_names


def _no_environment(_name: str) -> str | None:
    return None


def _no_apprise_problem(_address: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Installation:
    """What the project runs on.

    Its default executor, the executors that can be started here (None: not known), the environment variables that
    templates may read, and what Apprise says is wrong with an address (None: nothing, or nobody asks it here).
    """

    default_executor: str = ExecutorType.LOCAL_PYTHON.value
    executors: frozenset[ExecutorType] | None = None
    env_var: Callable[[str], str | None] = _no_environment
    apprise_problem: Callable[[str], str | None] = _no_apprise_problem


@dataclass(frozen=True, slots=True)
class Project:
    """A project folder. `metadata` is empty when its file is broken; the reasons are in `problems`."""

    root: Path
    installation: Installation
    metadata: Mapping[str, Any] = field(default_factory=dict)
    profiles: frozenset[str] | None = None
    problems: tuple[Problem, ...] = ()


def open_project(root: Path, installation: Installation | None = None) -> Project:
    """Read what belongs to every pipeline of a folder. Never raises for what a file says: see `problems`."""
    findings = Findings(METADATA)
    document = _metadata(root, findings)
    if document is not None:
        # Who is told of a run does not decide whether it may run: a mistake here is said and stops no pipeline.
        section = document.mapping().get(NOTICES)
        check_notices(findings, section, installation or Installation(), Severity.WARNING)
    profiles = _profiles(root, findings)
    return Project(
        root=root,
        installation=installation or Installation(),
        metadata=document.mapping() if document else {},
        profiles=profiles,
        problems=tuple(findings.problems),
    )


def _metadata(root: Path, findings: Findings) -> Document | None:
    try:
        document = read(root, METADATA)
    except FileNotFoundError:
        findings.add(
            "missing-file", "the folder has no metadata.yaml", "run `penstock init` here, or name another folder",
            severity=Severity.WARNING,
        )  # fmt: skip
        return None
    except DocumentBroken as error:
        findings.add("bad-yaml", f"metadata.yaml cannot be read: {error}", "mend the YAML", (error.line, error.column))
        return None
    findings.document = document
    if document.value is not None and not isinstance(document.value, dict):
        findings.add("wrong-type", "metadata.yaml is not a mapping", "write `key: value` lines")
    findings.duplicate_keys()
    # A key that the project misspells must not stop pipelines that do not depend on it.
    findings.unknown_keys(
        (), document.mapping(), keys.PROJECT_READ, keys.PROJECT_BOOKKEEPING, severity=Severity.WARNING
    )
    for name, known in (("retry_config", keys.RETRY), ("concurrency_config", keys.CONCURRENCY)):
        section = document.mapping().get(name)
        if isinstance(section, dict):
            findings.unknown_keys((name,), section, known, severity=Severity.WARNING)
    return document


def _profiles(root: Path, findings: Findings) -> frozenset[str] | None:
    """Return the names of the connection profiles; None when there is no file that could be read."""
    try:
        text = (root / IO_CONFIG).read_text(encoding="utf-8")
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError) as error:
        findings.add("bad-yaml", f"{IO_CONFIG} cannot be read: {error}", "mend the file", file=IO_CONFIG)
        return None
    return frozenset(profile_names(text))
