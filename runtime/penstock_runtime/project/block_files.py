"""The file behind a block: where it is, and what is wrong with what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.project import keys, python_scan
from penstock_runtime.project.findings import Findings
from penstock_runtime.project.mage_names import supported
from penstock_runtime.project.paths import inside
from penstock_runtime.project.problems import Severity
from penstock_runtime.project.project import Project
from penstock_runtime.project.python_scan import PythonScan


@dataclass(frozen=True, slots=True)
class BlockFile:
    """A block's file: its path relative to the project, and its text (None when it could not be read)."""

    path: str
    text: str | None = None


def block_path(project: Project, slug: str, block_type: str, language: str, configuration: Mapping[str, Any]) -> str:
    """Return where the file of a block is kept, relative to the project.

    A `file_path` (or `file_source.path`) of the configuration wins; editors write it relative to the project or to
    the folder above it.
    """
    source = configuration.get("file_source")
    stated = configuration.get("file_path") or (source.get("path") if isinstance(source, dict) else None)
    if stated:
        relative = str(stated)
        prefix = f"{project.root.name}/"
        return relative.removeprefix(prefix) if not (project.root / relative).exists() else relative
    return f"{keys.BLOCK_FOLDERS[block_type]}/{slug}{keys.LANGUAGE_SUFFIXES.get(language, '.py')}"


def read_block_file(project: Project, path: str) -> tuple[BlockFile, str | None]:
    """Return the file, and why its text cannot be had (None when it can)."""
    try:
        return BlockFile(path, inside(project.root, path).read_text(encoding="utf-8")), None
    except FileNotFoundError:
        return BlockFile(path), f"the file {path} does not exist"
    except InvalidInput as error:
        return BlockFile(path), str(error)
    except UnicodeDecodeError:
        return BlockFile(path), f"the file {path} is not UTF-8 text"
    except OSError as error:
        return BlockFile(path), f"the file {path} cannot be read: {error.strerror}"


def check_python(findings: Findings, file: BlockFile, block_type: str, project: Project) -> None:
    """Note what is wrong with a block's Python, at its own lines."""
    if file.text is None:
        return
    scan = python_scan.scan(file.text)
    if scan.fault is not None:
        place = (scan.fault.line, scan.fault.column)
        findings.add(
            "python-syntax", f"Python cannot read it: {scan.fault.message}", "mend the line", place, file=file.path
        )
        return
    for module, line, column in scan.imports:
        if not supported(module):
            message = f"`{module}` is not on the list of supported mage_ai names"
            findings.add(
                "unsupported-import", message, "use a library of your own instead", (line, column), file=file.path
            )
    for profile, line, column in scan.profiles:
        check_profile(findings, file.path, (line, column), profile, project)
    _check_decorator(findings, file, block_type, scan)


def check_profile(findings: Findings, file: str, place: tuple[int, int], profile: str, project: Project) -> None:
    """Note a connection profile that io_config.yaml does not have."""
    if project.profiles is None or profile in project.profiles:
        return
    known = ", ".join(sorted(project.profiles)) or "none"
    message = f"io_config.yaml has no profile {profile!r}"
    findings.add("unknown-profile", message, f"add it, or use one of: {known}", place, file=file)


def uses_tables(project: Project, file: BlockFile) -> bool:
    """Guess whether a Python block works on tables: from its imports, and those of the project's modules it imports."""
    if file.text is None:
        return False
    if python_scan.uses_tables(file.text):
        return True
    return any(
        python_scan.uses_tables(text)
        for module in python_scan.imported_modules(file.text)
        if (text := _module_text(project.root, module)) is not None
    )


def _module_text(root: Path, module: str) -> str | None:
    """Return the text of a module of the project (also when written with the project's name before it)."""
    relative = module.replace(".", "/").removeprefix(f"{root.name}/")
    for path in (root / f"{relative}.py", root / relative / "__init__.py"):
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return None


def _check_decorator(findings: Findings, file: BlockFile, block_type: str, scan: PythonScan) -> None:
    decorator = keys.DECORATORS[block_type]
    if decorator not in scan.decorators:
        message = f"no function is decorated with @{decorator}"
        severity = Severity.WARNING if scan.decorators else Severity.ERROR
        findings.add(
            "no-decorator",
            message,
            f"put @{decorator} above the function to run",
            (1, 1),
            file=file.path,
            severity=severity,
        )
