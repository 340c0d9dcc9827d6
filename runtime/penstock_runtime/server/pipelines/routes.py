"""Pipelines: list, read, draw, edit."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated

from fastapi import Header, Response

from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.domain.errors import InvalidInput, NotFound, PipelineNotFound
from penstock_runtime.domain.runs import Run
from penstock_runtime.ports.run_store import RunFilter
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.server.json_response import answer, no_content, page
from penstock_runtime.server.parameters import BlockSlug, Cursor, Limit, Slug
from penstock_runtime.server.pipelines.schemas import Graph, Pipeline, PipelinePage, PipelineWrite, Source, SourceWrite
from penstock_runtime.server.pipelines.views import graph_view, pipeline_view, summary_view
from penstock_runtime.server.problems import PreconditionMissing
from penstock_runtime.server.routing import EDITOR, VIEWER, Answer, Call, Calling, Routes
from penstock_runtime.server.services import SourceText

routes = Routes("pipelines")

IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=200, description="The etag the edit began from.")]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", max_length=200, description="`*`: only if absent.")]


@routes.get("/pipelines", Answer(PipelinePage), access=VIEWER)
def list_pipelines(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Return the pipelines of the newest code, by slug, each with its newest run."""
    bundle = newest_bundle(call)
    if bundle is None:
        return page([], None)
    plans = call.services.runs.plans
    slugs = plans.pipelines(bundle)
    start = bisect_right(slugs, cursor) if cursor else 0
    shown = slugs[start : start + limit]
    items = [summary_view(plans.plan(bundle, slug), last_run_of(call, slug)) for slug in shown]
    return page(items, shown[-1] if start + limit < len(slugs) else None)


@routes.get("/pipelines/{slug}", Answer(Pipeline, errors=(404,)), access=VIEWER)
def get_pipeline(call: Call, slug: Slug) -> Response:
    """Return a pipeline of the newest code, and its definition's text as it is on disk."""
    return _pipeline(call, slug)


@routes.get("/pipelines/{slug}/graph", Answer(Graph, errors=(404,)), access=VIEWER)
def get_graph(call: Call, slug: Slug) -> Response:
    """Return the graph to draw, in topological order."""
    return answer(graph_view(newest_plan(call, slug)))


@routes.put("/pipelines/{slug}", Answer(Pipeline, errors=(404, 409, 428)), access=EDITOR)
def put_pipeline(
    call: Call, slug: Slug, body: PipelineWrite, if_match: IfMatch = None, if_none_match: IfNoneMatch = None
) -> Response:
    """Write a pipeline's definition. `If-Match` for one that exists, `If-None-Match: *` for a new one."""
    expected = _expected(if_match, if_none_match)
    call.services.sources.save_definition(slug, body.definition, expected, call.who.name)
    _published(call, "pipeline.save", slug)
    return _pipeline(call, slug)


@routes.delete("/pipelines/{slug}", Answer(status=204, errors=(404, 409)), access=EDITOR)
def delete_pipeline(call: Call, slug: Slug) -> Response:
    """Remove a pipeline; its runs stay readable, and so do its blocks' files."""
    call.services.sources.delete_pipeline(slug, call.who.name)
    _published(call, "pipeline.delete", slug)
    return no_content()


@routes.get("/pipelines/{slug}/blocks/{block:path}/source", Answer(Source, errors=(404,)), access=VIEWER)
def get_source(call: Call, slug: Slug, block: BlockSlug) -> Response:
    """Return the text of a block's file, with its ETag."""
    return _source(block, call.services.sources.read_source(slug, block))


@routes.put("/pipelines/{slug}/blocks/{block:path}/source", Answer(Source, errors=(404, 409, 428)), access=EDITOR)
def put_source(call: Call, slug: Slug, block: BlockSlug, body: SourceWrite, if_match: IfMatch = None) -> Response:
    """Save a block's file; a conflict, with the present text in `current`, when somebody else did meanwhile."""
    saved = call.services.sources.save_source(slug, block, body.text, _expected(if_match, None), call.who.name)
    _published(call, "source.save", f"{slug}/{block}")
    return _source(block, saved)


def newest_bundle(call: Calling) -> str | None:
    """Return the digest of the newest code version, or None before the first."""
    with call.services.runs.store.transaction(read_only=True) as tx:
        newest = tx.newest_code_version()
    return newest.digest if newest else None


def newest_plan(call: Calling, slug: str) -> PipelinePlan:
    """Return a pipeline of the newest code; PipelineNotFound."""
    bundle = newest_bundle(call)
    if bundle is None:
        raise PipelineNotFound(f"there is no pipeline {slug!r}: no code has been published yet")
    return call.services.runs.plans.plan(bundle, slug)


def last_run_of(call: Calling, slug: str) -> Run | None:
    """Return a pipeline's newest run."""
    with call.services.runs.store.transaction(read_only=True) as tx:
        found = tx.runs(RunFilter(pipeline=slug), 1).items
    return found[0] if found else None


def _pipeline(call: Calling, slug: str) -> Response:
    plan = newest_plan(call, slug)
    try:
        definition: SourceText | None = call.services.sources.read_definition(slug)
    except (NotFound, InvalidInput):
        definition = None  # The plan is of the newest published code; the file may be gone or unreadable since.
    headers = {"ETag": f'"{definition.etag}"'} if definition else {}
    text = definition.text if definition else None
    return answer(pipeline_view(plan, last_run_of(call, slug), text), headers=headers)


def _source(block: str, source: SourceText) -> Response:
    body = {
        "block": block,
        "path": source.path,
        "language": source.language,
        "text": source.text,
        "etag": source.etag,
    }
    return answer(body, headers={"ETag": f'"{source.etag}"'})


def _expected(if_match: str | None, if_none_match: str | None) -> str | None:
    if if_match is not None:
        return if_match.strip().removeprefix("W/").strip('"')
    if if_none_match is not None and if_none_match.strip() == "*":
        return None
    raise PreconditionMissing("say which text the edit began from: send its ETag as `If-Match`")


def _published(call: Calling, action: str, target: str) -> None:
    call.services.accounts.record(call.who, action, target)
    call.services.hub.announce(Wakeup("code"))
