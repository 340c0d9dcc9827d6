"""The project's files as people edit them, for the server: read from disk, saved to disk, published at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from penstock_runtime.bootstrap.components import Components
from penstock_runtime.domain.errors import Conflict
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.ports.sources import SourceChanged, SourceText
from penstock_runtime.ports.wakeups import Wakeup, Wakeups
from penstock_runtime.project.paths import TRIGGERS, pipeline_file
from penstock_runtime.project.sources import ProjectSources, SourceConflict, etag_of

_EDIT_LEASE = timedelta(seconds=15)
_PATIENCE_SECONDS = 5.0
_LOOK_SECONDS = 0.02


class PublishedSources:
    """See ports.sources.Sources."""

    def __init__(self, components: Components, wakeups: Wakeups) -> None:
        """Edit the live project folder."""
        self._components = components
        self._wakeups = wakeups
        self._files = ProjectSources(components.settings.project_dir)

    def read_source(self, pipeline: str, block: str) -> SourceText:
        """Return a block's file."""
        text, etag = self._files.read_source(pipeline, block)
        return self._source(pipeline, block, text, etag)

    def save_source(self, pipeline: str, block: str, text: str, if_match: str | None, by: str) -> SourceText:
        """Write a block's file and publish."""
        try:
            with self._editing(f"{pipeline}/{block}"):
                etag = self._files.save_source(pipeline, block, text, if_match)
        except SourceConflict as conflict:
            theirs = conflict.current or ""
            current = self._source(pipeline, block, theirs, conflict.current_etag or etag_of(theirs))
            raise SourceChanged(str(conflict), current) from conflict
        self._publish(by)
        return self._source(pipeline, block, text, etag)

    def read_definition(self, pipeline: str) -> SourceText:
        """Return the pipeline's metadata.yaml."""
        text, etag = self._files.read_document(pipeline)
        return _definition(pipeline, text, etag)

    def save_definition(self, pipeline: str, text: str, if_match: str | None, by: str) -> SourceText:
        """Write the pipeline's metadata.yaml and publish; makes the pipeline when there is none."""
        try:
            with self._editing(pipeline):
                etag = self._files.save_document(pipeline, text, if_match)
        except SourceConflict as conflict:
            theirs = conflict.current or ""
            current = _definition(pipeline, theirs, conflict.current_etag or etag_of(theirs))
            raise SourceChanged(str(conflict), current) from conflict
        self._publish(by)
        return _definition(pipeline, text, etag)

    def delete_pipeline(self, pipeline: str, by: str) -> None:
        """Remove the pipeline's folder and publish."""
        with self._editing(pipeline):
            self._files.delete_pipeline(pipeline)
        self._publish(by)

    def save_trigger(
        self, pipeline: str, name: str | None, change: Callable[[Trigger | None], Trigger], by: str
    ) -> Trigger:
        """Write a trigger into triggers.yaml and publish; one that is renamed stays the same trigger."""
        with self._editing(f"{pipeline}/{TRIGGERS}"):
            saved = self._files.save_trigger(pipeline, name, change)
            if name is not None and saved.name != name:
                self._rename(pipeline, name, saved.name)
        self._publish(by)
        return saved

    def delete_trigger(self, pipeline: str, name: str, by: str) -> None:
        """Take a trigger out of triggers.yaml and publish, which leaves its tombstone."""
        with self._editing(f"{pipeline}/{TRIGGERS}"):
            self._files.delete_trigger(pipeline, name)
        self._publish(by)

    def _rename(self, pipeline: str, name: str, to: str) -> None:
        # Before the publishing, which would take it for one that is gone and another that is new.
        with self._components.store.transaction() as tx:
            found = next((trigger for trigger in tx.triggers(pipeline) if trigger.name == name), None)
            if found is not None:
                tx.put_trigger(replace(found, name=to))

    @contextmanager
    def _editing(self, what: str) -> Iterator[None]:
        """Hold the right to save a file: several web servers edit one tree, and locks of network shares may lie."""
        store, clock = self._components.store, self._components.clock
        lease, holder = f"edit:{etag_of(what)}", uuid.uuid4().hex
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while True:
            now = clock.now()
            with store.transaction() as tx:
                held_by = tx.acquire_lease(lease, holder, now, now + _EDIT_LEASE).holder
            if held_by == holder:
                break
            if time.monotonic() > give_up:
                raise Conflict("somebody else is saving this file; try again in a moment")
            time.sleep(_LOOK_SECONDS)
        try:
            yield
        finally:
            with store.transaction() as tx:
                tx.release_lease(lease, holder)

    def _source(self, pipeline: str, block: str, text: str, etag: str) -> SourceText:
        path = self._files.block_path(pipeline, block)
        language = "sql" if path.endswith(".sql") else "python"
        return SourceText(text, etag, path, language)

    def _publish(self, by: str) -> None:
        if self._components.publish_code(by):
            self._wakeups.publish(Wakeup("code"))


def _definition(pipeline: str, text: str, etag: str) -> SourceText:
    return SourceText(text, etag, pipeline_file(pipeline), "yaml")
