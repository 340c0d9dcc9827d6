"""Editing a project's files: blocks and pipelines, one file at a time, never over somebody else's change.

Each text comes with an etag, the hash of its bytes. A save names the etag that it started from; when the file is not
that any more, `SourceConflict` carries both texts. A save is a temporary file and a rename, so a reader never sees half
a file. Two writers that save within the same instant are kept apart by the caller (the edit lease in the run store).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from penstock_runtime.domain.errors import (
    BlockNotFound,
    Conflict,
    InvalidInput,
    PipelineInvalid,
    PipelineNotFound,
)
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.ports.sources import SourceUnavailable
from penstock_runtime.project.documents import DocumentBroken, parse
from penstock_runtime.project.paths import METADATA, PIPELINES, TRIGGERS, checked_slug, inside, pipeline_file
from penstock_runtime.project.pipeline_reader import read_pipeline
from penstock_runtime.project.project import open_project
from penstock_runtime.project.tree_scan import CODE_BYTES
from penstock_runtime.project.trigger_file import trigger_names, with_trigger, without_trigger
from penstock_runtime.project.triggers import triggers_of_text

_NEW_PIPELINE = "uuid: {slug}\nname: {name}\ntype: python\n\nblocks: []\n"


class SourceConflict(Conflict):
    """The file changed since it was read for editing. Carries both texts; `current` is None when it is gone."""

    def __init__(self, path: str, current: str | None, yours: str) -> None:
        """Name the file; keep both texts for whoever merges them."""
        super().__init__(f"{path} was changed by someone else since you opened it")
        self.path = path
        self.current = current
        self.current_etag = etag_of(current) if current is not None else None
        self.yours = yours


def etag_of(text: str) -> str:
    """Return the etag of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class ProjectSources:
    """The files of one project folder, for reading and saving by name. Paths that lead out of it are InvalidInput."""

    def __init__(self, project_dir: Path) -> None:
        """Nothing is read until it is asked for."""
        self._root = project_dir

    def read_source(self, pipeline: str, block: str) -> tuple[str, str]:
        """Return a block's text and its etag. PipelineNotFound; BlockNotFound, also when its file is missing."""
        path = self.block_path(pipeline, block)
        text = self._read(path)
        if text is None:
            raise BlockNotFound(f"the file {path} of block {block!r} does not exist")
        return text, etag_of(text)

    def save_source(self, pipeline: str, block: str, text: str, if_match: str | None) -> str:
        """Save a block's text and return the new etag. Without `if_match` only a file that does not exist is written.

        PipelineNotFound, BlockNotFound, SourceConflict, SourceUnavailable.
        """
        return self._save(self.block_path(pipeline, block), text, if_match)

    def block_path(self, pipeline: str, block: str) -> str:
        """Return the file of a block, relative to the project. PipelineNotFound, BlockNotFound."""
        plan = read_pipeline(open_project(self._root), pipeline).plan
        path = plan.block(block).path
        if not path:
            raise BlockNotFound(f"block {block!r} of pipeline {pipeline!r} has no file")
        return path

    def read_document(self, pipeline: str) -> tuple[str, str]:
        """Return the text of a pipeline's metadata.yaml and its etag. PipelineNotFound."""
        text = self._read(pipeline_file(checked_slug(pipeline)))
        if text is None:
            raise PipelineNotFound(f"there is no pipeline {pipeline!r}")
        return text, etag_of(text)

    def save_document(self, pipeline: str, text: str, if_match: str | None) -> str:
        """Save a pipeline's metadata.yaml as it was written, comments and all, and return the new etag.

        Without `if_match` only a pipeline that does not exist is made. PipelineInvalid for text that is not a YAML
        mapping; other problems are saved, and keep the pipeline from starting until they are mended. SourceConflict.
        """
        file = pipeline_file(checked_slug(pipeline))
        _check_document(text, file)
        return self._save(file, text, if_match)

    def create_pipeline(self, pipeline: str, name: str = "") -> str:
        """Make an empty pipeline and return its etag. Conflict when there is one of that name."""
        file = pipeline_file(checked_slug(pipeline))
        if (self._root / file).exists():
            raise Conflict(f"there is a pipeline {pipeline!r} already")
        # JSON strings are YAML strings, whatever the name holds.
        text = _NEW_PIPELINE.format(slug=_quoted(pipeline), name=_quoted(name or pipeline))
        return self._save(file, text, None)

    def delete_pipeline(self, pipeline: str) -> None:
        """Remove a pipeline's folder; block files stay, since others may share them. PipelineNotFound."""
        folder = inside(self._root, f"{PIPELINES}/{checked_slug(pipeline)}")
        if folder.is_symlink() or not (folder / METADATA).is_file():
            raise PipelineNotFound(f"there is no pipeline {pipeline!r}")
        try:
            # Renamed away first: whoever scans the tree meanwhile sees all of it or nothing.
            gone = folder.with_name(f".deleted-{uuid.uuid4().hex}")
            folder.rename(gone)
            shutil.rmtree(gone)
        except OSError as error:
            raise SourceUnavailable(f"the pipeline {pipeline!r} cannot be removed: {error.strerror}") from error

    def save_trigger(self, pipeline: str, name: str | None, change: Callable[[Trigger | None], Trigger]) -> Trigger:
        """Write a trigger into the pipeline's triggers.yaml and return it as the file has it now.

        `change` gets the one called `name` as it is (None: there is none) and returns what is to stand there.
        PipelineNotFound; PipelineInvalid, naming file and line; Conflict for a name that is taken; SourceUnavailable.
        """
        self.read_document(pipeline)
        file = pipeline_file(checked_slug(pipeline), TRIGGERS)
        text = self._read(file)
        names = trigger_names(text or "", file)
        read = triggers_of_text(text or "", pipeline)
        before = next((trigger for trigger in read.triggers if trigger.name == name), None)
        if before is None and name in names:
            problems = tuple(str(problem) for problem in read.problems)
            raise PipelineInvalid(f"the trigger {name!r} has to be mended first:\n" + "\n".join(problems), problems)
        after = change(before)
        previous = None if before is None else before.name
        if after.name != previous and after.name in names:
            raise Conflict(f"there is a trigger {after.name!r} of pipeline {pipeline!r} already")
        drop = before is not None and before.token_digest is not None and before.token_digest != after.token_digest
        changed = with_trigger(text, file, after, previous, drop_token=drop)
        if changed != text:
            self._save(file, changed, None if text is None else etag_of(text))
        return next(one for one in triggers_of_text(changed, pipeline).triggers if one.name == after.name)

    def delete_trigger(self, pipeline: str, name: str) -> None:
        """Take a trigger out of the pipeline's triggers.yaml, with the comment right above it; nothing without one."""
        file = pipeline_file(checked_slug(pipeline), TRIGGERS)
        text = self._read(file)
        if text is not None and name in trigger_names(text, file):
            self._save(file, without_trigger(text, file, name), etag_of(text))

    def _read(self, path: str) -> str | None:
        try:
            return inside(self._root, path).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnicodeDecodeError as error:
            raise SourceUnavailable(f"{path} is not UTF-8 text") from error
        except OSError as error:
            raise SourceUnavailable(f"{path} cannot be read: {error.strerror}") from error

    def _save(self, path: str, text: str, if_match: str | None) -> str:
        if len(text.encode()) > CODE_BYTES:
            raise InvalidInput(f"{path} would be larger than {CODE_BYTES // 1024} KiB", "text")
        current = self._read(path)
        if (None if current is None else etag_of(current)) != if_match:
            raise SourceConflict(path, current, text)
        target = inside(self._root, path)
        prepared = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(prepared, text, target)
            prepared.replace(target)
        except OSError as error:
            raise SourceUnavailable(f"{path} cannot be written: {error.strerror}") from error
        finally:
            prepared.unlink(missing_ok=True)
        return etag_of(text)


def _write(prepared: Path, text: str, target: Path) -> None:
    """Write the text on to the disk with the permissions of the file that it takes the place of."""
    with prepared.open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())  # a user's source is worth the milliseconds that an artifact is not
    if target.exists():
        prepared.chmod(target.stat().st_mode & 0o777)


def _check_document(text: str, file: str) -> None:
    try:
        document = parse(text, file)
    except DocumentBroken as error:
        problem = f"{file}:{error.line}: the pipeline cannot be read: {error}"
        raise PipelineInvalid(problem, (problem,)) from error
    if not isinstance(document.value, dict):
        problem = f"{file}:1: the pipeline is not a mapping"
        raise PipelineInvalid(problem, (problem,))


def _quoted(text: str) -> str:
    plain = text.replace("_", "").replace("-", "")
    if plain.isascii() and plain.isalnum() and not plain.isdigit() and plain.lower() not in _NOT_TEXT:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


# What YAML reads as something else than text.
_NOT_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
