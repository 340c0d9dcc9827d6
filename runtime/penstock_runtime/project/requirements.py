"""What the user environment of a code version needs: the project's requirements.txt, and what its files imply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from penstock_runtime.project.documents import DocumentBroken, read
from penstock_runtime.project.paths import REQUIREMENTS, pipeline_file, pipeline_slugs

# A connection's driver. Tables of every kind pass through pandas.
_PROVIDERS = {"duckdb": ("duckdb", "pandas"), "postgres": ("psycopg[binary]", "pandas"), "sqlite": ("pandas",)}
_MODULES = {
    "azure_blob_storage": ("azure-storage-blob", "azure-identity", "pandas"),
    "bigquery": ("google-cloud-bigquery", "pandas"),
    "duckdb": _PROVIDERS["duckdb"],
    "file": ("pandas",),
    "google_cloud_storage": ("google-cloud-storage", "pandas"),
    "mysql": ("pymysql", "pandas"),
    "postgres": _PROVIDERS["postgres"],
    "redshift": ("redshift-connector", "pandas"),
    "s3": ("boto3", "pandas"),
    "snowflake": ("snowflake-connector-python", "pandas"),
}
_IO_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+(?:mage_ai|penstock)\.io\.(\w+)", re.MULTILINE)
_CLEANER_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+mage_ai\.data_cleaner\b", re.MULTILINE)


def requirements_text(bundle_dir: Path) -> str:
    """Return the project's requirements.txt, empty when there is none."""
    try:
        return (bundle_dir / REQUIREMENTS).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def extra_requirements(bundle_dir: Path) -> list[str]:
    """Return the packages that SQL blocks and `mage_ai.io` imports need beyond requirements.txt, sorted.

    A package that requirements.txt names already, at whatever version, is left to it.
    """
    needed: set[str] = set()
    for provider in _sql_providers(bundle_dir):
        needed.update(_PROVIDERS.get(provider, ()))
    for path in sorted(bundle_dir.rglob("*.py")):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for found in _IO_IMPORT.finditer(text):
            needed.update(_MODULES.get(found[1], ()))
        if _CLEANER_IMPORT.search(text):
            needed.add("pandas")
    stated = _named(requirements_text(bundle_dir))
    return sorted(name for name in needed if _bare(name) not in stated)


def _sql_providers(bundle_dir: Path) -> Iterator[str]:
    for slug in pipeline_slugs(bundle_dir):
        try:
            blocks = read(bundle_dir, pipeline_file(slug)).mapping().get("blocks")
        except (DocumentBroken, FileNotFoundError):
            continue
        for block in blocks if isinstance(blocks, list) else ():
            configuration = block.get("configuration") if isinstance(block, dict) else None
            if isinstance(configuration, dict) and block.get("language") == "sql":
                yield str(configuration.get("data_provider") or "").lower()


def _named(text: str) -> frozenset[str]:
    lines = (line.strip() for line in text.splitlines())
    return frozenset(_bare(line) for line in lines if line and not line.startswith(("#", "-")))


def _bare(requirement: str) -> str:
    return re.split(r"[\s\[<>=!~;@]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")
