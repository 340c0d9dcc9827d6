"""What `expected.json` of a test project says of a run, compared with what the API shows of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.installation import Installation

PROJECTS = Path(__file__).parent / "projects"
SECRETS = {"warehouse_token": "eleven-char"}


@dataclass(frozen=True)
class Case:
    """One run that a project's `expected.json` describes."""

    project: str
    pipeline: str
    name: str
    given: Mapping[str, Any]

    @property
    def id(self) -> str:
        return f"{self.pipeline}: {self.name}" if self.name else self.pipeline


def cases_of(project: str) -> list[Case]:
    """Return every case of a project."""
    found = json.loads((PROJECTS / project / "expected.json").read_text())["pipelines"]
    return [case for slug, one in found.items() for case in _cases(project, slug, one)]


def _cases(project: str, slug: str, one: Mapping[str, Any]) -> Iterator[Case]:
    outer = {key: value for key, value in one.items() if key != "cases"}
    if "cases" not in one:
        yield Case(project, slug, "", outer)
    for name, inner in one.get("cases", {}).items():
        yield Case(project, slug, name, {**outer, **inner})


def copy_project(name: str, home: Path) -> Path:
    """Copy a project to where it may write; what the tests know of it stays behind."""
    target = home / name
    shutil.copytree(PROJECTS / name, target, ignore=shutil.ignore_patterns("expected*.json"))
    return target


def postgres_variables(url: str) -> dict[str, str]:
    """Return the environment that etl_sql's io_config asks for, for a database of the tests' own server."""
    parts = urlsplit(url)
    return {
        "SHOP_POSTGRES_DBNAME": parts.path.lstrip("/"),
        "SHOP_POSTGRES_USER": parts.username or "postgres",
        "SHOP_POSTGRES_PASSWORD": "none is asked for",
        "SHOP_POSTGRES_HOST": parse_qs(parts.query)["host"][0],
        "SHOP_POSTGRES_PORT": "5432",
    }


def wrong_with(penstock: Installation, run: str, given: Mapping[str, Any]) -> list[str]:
    """Return everything about a run that is not as expected."""
    found = penstock.get(f"/runs/{run}")
    wrong = [] if found["status"] == given["status"] else [f"the run is {found['status']}: {penstock.errors(run)}"]
    rows = penstock.blocks(run)
    for slug, wanted in given.get("blocks", {}).items():
        wrong += [f"{slug}: {what}" for what in _wrong_with_block(penstock, run, rows, slug, wanted)]
    if "block_runs" in given:
        mapped = {row["block"] for row in rows if row["kind"] == "instance"}
        counted = [row for row in rows if row["kind"] == "instance" or row["block"] not in mapped]
        if len(counted) != given["block_runs"]:
            wrong.append(f"{len(counted)} block runs")
    if "attempts_of_the_pipeline" in given:
        units = [row for row in rows if row["kind"] == "pipeline"]
        if [len(unit["attempts"]) for unit in units] != [given["attempts_of_the_pipeline"]]:
            wrong.append(f"attempts of the pipeline: {units}")
    for path, text in given.get("files", {}).items():
        target = penstock.project / path
        if not target.exists() or target.read_text() != text:
            wrong.append(f"{path}: {target.read_text() if target.exists() else 'is not there'}")
    return wrong


def _wrong_with_block(
    penstock: Installation, run: str, rows: list[dict[str, Any]], slug: str, wanted: Mapping[str, Any]
) -> Iterator[str]:
    (row,) = (one for one in rows if one["block"] == slug and one["map_index"] is None and one["kind"] == "block")
    instances = sorted(
        (one for one in rows if one["block"] == slug and one["kind"] == "instance"), key=lambda one: one["map_index"]
    )
    seen: dict[str, Any] = {"status": row["status"], "fan_out": row["fan_out"], "attempts": len(row["attempts"])}
    if row["error"]:
        seen["error"] = {key: row["error"][key] for key in ("type", "message")}
    if row["attempts"]:
        seen["exit_reason"] = row["attempts"][-1]["exit_reason"]
    if ("value" in wanted or "table" in wanted) and row["status"] == "succeeded":
        seen["value"] = seen["table"] = penstock.output(run, slug)
    if "outputs" in wanted and row["status"] == "succeeded":
        seen["outputs"] = {name: penstock.output(run, slug, name=name) for name in wanted["outputs"]}
    if "instances" in wanted:
        seen["instances"] = [penstock.output(run, slug, one["map_index"]) for one in instances]
    if row["status"] not in wanted.get("may_be", [row["status"]]):
        yield f"is {row['status']}"
    for key, value in wanted.items():
        if key != "may_be" and seen.get(key) != value:
            yield f"{key} is {seen.get(key)!r}, not {value!r}; {row['error']}"


def sqlite_rows(path: Path, query: str) -> list[list[Any]]:
    """Return the rows of a query."""
    with sqlite3.connect(path) as connection:
        return [list(row) for row in connection.execute(query)]
