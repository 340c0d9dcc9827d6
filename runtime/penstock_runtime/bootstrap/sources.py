"""The project's files as people edit them, for the server: read from disk, saved to disk, published at once."""

from __future__ import annotations

from penstock_runtime.bootstrap.components import Components
from penstock_runtime.ports.sources import SourceChanged, SourceText
from penstock_runtime.ports.wakeups import Wakeup, Wakeups
from penstock_runtime.project.paths import pipeline_file
from penstock_runtime.project.sources import ProjectSources, SourceConflict, etag_of


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
            etag = self._files.save_document(pipeline, text, if_match)
        except SourceConflict as conflict:
            theirs = conflict.current or ""
            current = _definition(pipeline, theirs, conflict.current_etag or etag_of(theirs))
            raise SourceChanged(str(conflict), current) from conflict
        self._publish(by)
        return _definition(pipeline, text, etag)

    def delete_pipeline(self, pipeline: str, by: str) -> None:
        """Remove the pipeline's folder and publish."""
        self._files.delete_pipeline(pipeline)
        self._publish(by)

    def _source(self, pipeline: str, block: str, text: str, etag: str) -> SourceText:
        path = self._files.block_path(pipeline, block)
        language = "sql" if path.endswith(".sql") else "python"
        return SourceText(text, etag, path, language)

    def _publish(self, by: str) -> None:
        if self._components.publish_code(by):
            self._wakeups.publish(Wakeup("code"))


def _definition(pipeline: str, text: str, etag: str) -> SourceText:
    return SourceText(text, etag, pipeline_file(pipeline), "yaml")
