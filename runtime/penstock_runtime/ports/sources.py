"""The project's files, as people edit them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from penstock_runtime.domain.errors import Conflict, PenstockError
from penstock_runtime.ports.run_store import Trigger


@dataclass(frozen=True, slots=True)
class SourceText:
    """One file of the project as it is now. `etag` is its content's hash, without quotes; `path` is for people."""

    text: str
    etag: str
    path: str
    language: str


class SourceChanged(Conflict):
    """Somebody saved in the meantime; `current` is what is there now."""

    def __init__(self, message: str, current: SourceText) -> None:
        """Keep the present text, so that the two can be shown side by side."""
        super().__init__(message)
        self.current = current


class SourceUnavailable(PenstockError):
    """A file cannot be read or written; the text names it and the cause (a full disk, a read-only project)."""


class Sources(Protocol):
    """The project's files on disk, as people edit them. A change is published as a new code version before it returns.

    `if_match` is the etag the edit began from, None for a file that must not exist yet; SourceChanged otherwise.
    Raises PipelineNotFound, BlockNotFound, InvalidInput (text that cannot be kept at all), Conflict, SourceUnavailable.
    """

    def read_source(self, pipeline: str, block: str) -> SourceText: ...
    def save_source(self, pipeline: str, block: str, text: str, if_match: str | None, by: str) -> SourceText: ...
    def read_definition(self, pipeline: str) -> SourceText:
        """Return the text of the pipeline's `metadata.yaml`."""
        ...

    def save_definition(self, pipeline: str, text: str, if_match: str | None, by: str) -> SourceText:
        """Write it; without `if_match` a pipeline of that slug is made."""
        ...

    def delete_pipeline(self, pipeline: str, by: str) -> None:
        """Remove the pipeline's folder; its blocks' files, which others may use, stay."""
        ...

    def save_trigger(
        self, pipeline: str, name: str | None, change: Callable[[Trigger | None], Trigger], by: str
    ) -> Trigger:
        """Write a trigger into the pipeline's `triggers.yaml` and return it as it stands there, without an id.

        `change` gets the trigger called `name` as the file has it now, None when it has none (or `name` is None), and
        returns what is to stand there, or raises. A trigger that has another `token_digest` afterwards, or none, loses
        the token that the file may hold in clear. Conflict when the name is taken; PipelineInvalid, with file and line,
        for a file that cannot be changed safely: then nothing is written.
        """
        ...

    def delete_trigger(self, pipeline: str, name: str, by: str) -> None:
        """Take a trigger out of the pipeline's `triggers.yaml`; nothing when it is not there."""
        ...
