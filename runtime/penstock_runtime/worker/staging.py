"""Moving an attempt's outputs from its private folder into the artifact store, and naming them again for a reader."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock_runtime.domain.runs import UNMAPPED, Attempt
from penstock_runtime.ports.artifact_store import ArtifactStore


def artifact_prefix(attempt: Attempt) -> str:
    """Return the key prefix under which an attempt's outputs are kept."""
    index = "all" if attempt.map_index == UNMAPPED else str(attempt.map_index)
    return f"runs/{attempt.run_id}/{attempt.block or '_pipeline'}/{index}/{attempt.number}"


def adopt_result(
    artifacts: ArtifactStore, attempt: Attempt, staging: Path, result: Mapping[str, Any], *, move: bool = True
) -> Mapping[str, Any]:
    """Store the files a result names and return it with their keys; without `move` the files stay as well.

    Idempotent. Raises ArtifactStoreFailed, and ValueError for a file outside the folder.
    """
    prefix = artifact_prefix(attempt)
    outputs = [_adopt(artifacts, prefix, staging, output, move=move) for output in result.get("outputs") or ()]
    return {**result, "outputs": outputs}


def _adopt(
    artifacts: ArtifactStore, prefix: str, staging: Path, output: Mapping[str, Any], *, move: bool
) -> Mapping[str, Any]:
    name = output.get("file")
    if not name:
        return output
    source = (staging / str(name)).resolve()
    if not source.is_relative_to(staging.resolve()):
        raise ValueError(f"an output names a file outside its folder: {name}")
    key = f"{prefix}/{name}"
    if source.is_dir():
        for part in sorted(path for path in source.rglob("*") if path.is_file()):
            artifacts.put_file(f"{key}/{part.relative_to(source).as_posix()}", part, move=move)
    else:
        artifacts.put_file(key, source, move=move)
    return {**output, "key": key}


def clear(staging: Path) -> None:
    """Remove what is left of a private folder; a folder that never was is fine."""
    shutil.rmtree(staging, ignore_errors=True)


def localise(
    artifacts: ArtifactStore, inputs: Sequence[Mapping[str, Any]], dynamic: Mapping[str, Any] | None = None
) -> list[Mapping[str, Any]]:
    """Give each output of each input an absolute `path` on this machine. Raises ArtifactNotFound.

    Of the list that `dynamic` takes one item of, only that item is fetched and sent.
    """
    localised: list[Mapping[str, Any]] = []
    for one in inputs:
        index = dynamic["index"] if dynamic is not None and dynamic["block"] == one["block"] else None
        here = {**one, "outputs": [_here(artifacts, output, index) for output in one["outputs"]]}
        localised.append(here)
    return localised


def _here(artifacts: ArtifactStore, output: Mapping[str, Any], index: int | None = None) -> Mapping[str, Any]:
    key = output.get("key")
    if not key:
        return output
    if output.get("format") != "items":
        return {**output, "path": str(artifacts.local_path(str(key)))}
    first = 0 if index is None else index
    items = list(output["items"] if index is None else output["items"][index : index + 1])
    paths = [artifacts.local_path(f"{key}/{str(item['file']).rpartition('/')[2]}") for item in items]
    folder = str(paths[0].parent) if paths else ""
    return {**output, "items": items, "items_from": first, "path": folder}


def has_table(inputs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any input carries a table, so that a parent with pandas loaded serves it faster."""
    return any(output.get("format") in ("arrow", "parquet") for one in inputs for output in one["outputs"])
