"""Reading one pipeline folder into the plan that runs follow, with every problem that it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from penstock_runtime.domain.blocks import BlockSpec, BlockType, ExecutorType, PipelinePlan
from penstock_runtime.domain.errors import PipelineNotFound
from penstock_runtime.project import executor_choice, graph, keys, rules
from penstock_runtime.project.block_reader import SECTIONS, PipelineContext, RawBlock, identify, read_block
from penstock_runtime.project.documents import Document, DocumentBroken, read
from penstock_runtime.project.findings import Findings, Path
from penstock_runtime.project.notices import KEY as NOTICES
from penstock_runtime.project.notices import check_notices, notice_rules
from penstock_runtime.project.paths import inside, is_slug, pipeline_file
from penstock_runtime.project.problems import Problem, Severity, nearest
from penstock_runtime.project.project import Project
from penstock_runtime.project.templating import TemplateFunctions


@dataclass(frozen=True, slots=True)
class ReadPipeline:
    """A plan, and the problems behind `plan.problems`, warnings too."""

    plan: PipelinePlan
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Blocks:
    """The blocks read so far: by section, the raw entries by slug, and the slugs that were named but do not run."""

    specs: dict[str, dict[str, BlockSpec]] = field(default_factory=lambda: {section: {} for section in SECTIONS})
    raw: dict[str, RawBlock] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)


def read_pipeline(project: Project, slug: str, bundle: str = "") -> ReadPipeline:
    """Read a pipeline. PipelineNotFound when there is no such folder; nothing else is raised for what it says."""
    file = pipeline_file(slug)
    if not is_slug(slug) or not (project.root / file).is_file():
        raise PipelineNotFound(f"there is no pipeline {slug!r}")
    findings = Findings(file, slug)
    inside(project.root, file)
    plan = PipelinePlan(slug=slug, bundle=bundle, blocks=(), name=slug)
    document = _document(project, file, findings)
    if document is not None:
        plan = _plan(project, plan, document, findings)
    problems = tuple(sorted(findings.problems))
    stopping = [*_project_errors(project), *(problem for problem in problems if problem.severity is Severity.ERROR)]
    return ReadPipeline(replace(plan, problems=tuple(str(problem) for problem in stopping)), problems)


def _project_errors(project: Project) -> Iterable[Problem]:
    """Errors of the project's own metadata stop its pipelines: rules they rely on are unknown."""
    return (problem for problem in project.problems if problem.severity is Severity.ERROR)


def _document(project: Project, file: str, findings: Findings) -> Document | None:
    try:
        document = read(project.root, file)
    except (DocumentBroken, FileNotFoundError) as error:
        place = (error.line, error.column) if isinstance(error, DocumentBroken) else (0, 0)
        findings.add("bad-yaml", f"the pipeline cannot be read: {error}", "mend the YAML", place)
        return None
    findings.document = document
    if not isinstance(document.value, dict):
        message = "the pipeline is empty" if document.value is None else "the pipeline is not a mapping"
        findings.add("wrong-type", message, "write `name:`, `type:` and `blocks:`", (1, 1))
        return None
    return document


def _plan(project: Project, plan: PipelinePlan, document: Document, findings: Findings) -> PipelinePlan:
    values = document.mapping()
    _check_keys(findings, values, plan.slug)
    pipeline_type = str(values.get("type") or "python")
    plan = replace(
        plan,
        name=str(values.get("name") or plan.slug),
        description=str(values.get("description") or ""),
        type=pipeline_type,
    )
    if not _supported_type(findings, pipeline_type):
        return plan
    variables = findings.mapping(("variables",), values.get("variables"))
    functions = TemplateFunctions(env_var=project.installation.env_var, variables=variables)
    retry = _retry(project, values, findings)
    context = PipelineContext(project, values, findings, functions, retry, pipeline_type == "pyspark")
    blocks = _read_blocks(context)
    linked = _link(findings, blocks)
    limits = rules.limits(findings, project.metadata, values)
    check_notices(findings, values.get(NOTICES), project.installation, Severity.ERROR)
    stated = rules.stated_executor(findings, ("executor_type",), values.get("executor_type"), functions)
    executor = executor_choice.choose([None, stated, project.installation.default_executor], spark=context.spark)
    plan = replace(
        plan,
        blocks=tuple(linked),
        callbacks=blocks.specs["callbacks"],
        conditionals=blocks.specs["conditionals"],
        variables=variables,
        retry=rules.retry_policy(retry),
        block_run_limit=limits.block_run_limit,
        run_limit=limits.run_limit,
        run_limit_per_trigger=limits.run_limit_per_trigger,
        run_limit_reached=limits.run_limit_reached,
        in_one_process=values.get("run_pipeline_in_one_process") is True,
        executor=executor,
        executor_config=executor_choice.merged(executor_choice.layers(executor, project.metadata, values)),
        tags=tuple(findings.text_list(("tags",), values.get("tags"))),
        notices=notice_rules(project.metadata.get(NOTICES), values.get(NOTICES), project.installation),
    )
    _check_one_process(findings, plan, blocks)
    return plan


def _check_keys(findings: Findings, values: Mapping[str, Any], slug: str) -> None:
    findings.duplicate_keys()
    findings.unknown_keys((), values, keys.PIPELINE_READ, keys.PIPELINE_BOOKKEEPING | set(keys.PIPELINE_UNSUPPORTED))
    findings.unsupported_keys((), values, keys.PIPELINE_UNSUPPORTED)
    uuid = values.get("uuid")
    if uuid not in (None, slug):
        message = f"uuid {uuid!r} is not the folder's name {slug!r}; the folder's name counts"
        findings.at(("uuid",), "name-mismatch", message, "make them equal", Severity.WARNING)
    for index, chart in enumerate(values.get("widgets") or ()):
        name = chart.get("uuid") if isinstance(chart, dict) else chart
        message = f"the chart {name!r} is a note of the notebook and does not run"
        findings.at(("widgets", index), "notebook-block", message, "remove it if that is not meant", Severity.WARNING)


def _supported_type(findings: Findings, pipeline_type: str) -> bool:
    if pipeline_type in keys.PIPELINE_TYPES:
        return True
    message = keys.UNSUPPORTED_PIPELINE_TYPES.get(pipeline_type)
    if message:
        findings.at(("type",), "unsupported", message, "write it as a `type: python` pipeline, or keep it where it is")
    else:
        close = nearest(pipeline_type, keys.PIPELINE_TYPES)
        findings.at(
            ("type",),
            "unknown-type",
            f"there is no pipeline type {pipeline_type!r}",
            f"did you mean {close!r}?" if close else "use python or pyspark",
        )
    return False


def _retry(project: Project, values: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """Return the project's retry rules with the pipeline's over them."""
    quiet = Findings("metadata.yaml")  # the project's own section was checked when the project was opened
    weaker = rules.retry_values(quiet, ("retry_config",), project.metadata.get("retry_config"))
    return {**weaker, **rules.retry_values(findings, ("retry_config",), values.get("retry_config"))}


def _read_blocks(context: PipelineContext) -> _Blocks:
    blocks = _Blocks()
    found: list[tuple[str, RawBlock]] = []
    for section in SECTIONS:
        entries = context.document.get(section)
        if entries is not None and not isinstance(entries, list):
            context.findings.at((section,), "wrong-type", f"`{section}` is not a list", "write `- uuid: …` under it")
            continue
        for index, values in enumerate(entries or ()):
            raw = identify(context, (section, index), values)
            if raw is None:
                blocks.dropped.add(str(values.get("uuid")) if isinstance(values, dict) else "")
            elif raw.slug in blocks.raw:
                first = (
                    context.findings.document.place(*blocks.raw[raw.slug].path, "uuid")[0]
                    if context.findings.document
                    else 0
                )
                message = f"the name {raw.slug!r} is used twice (first on line {first})"
                context.findings.at((*raw.path, "uuid"), "duplicate-name", message, "give one of them another name")
            else:
                blocks.raw[raw.slug] = raw
                context.sources[raw.slug] = raw.values
                found.append((section, raw))
    for section, raw in found:
        blocks.specs[section][raw.slug] = read_block(context, raw)
    _old_callbacks(context, blocks)
    return blocks


def _old_callbacks(context: PipelineContext, blocks: _Blocks) -> None:
    """`has_callback: true`, the older form: the callback is the file named after the block."""
    for slug in list(blocks.specs["blocks"]):
        name = f"{slug}_callback"
        if (
            blocks.raw[slug].values.get("has_callback") is True
            and (context.project.root / "callbacks" / f"{name}.py").is_file()
        ):
            values = {"uuid": name, "type": "callback", "upstream_blocks": [slug]}
            raw = RawBlock(blocks.raw[slug].path, values, name, BlockType.CALLBACK, "python")
            blocks.raw.setdefault(name, raw)
            blocks.specs["callbacks"].setdefault(name, read_block(context, replace(raw, values={"uuid": name})))


def _link(findings: Findings, blocks: _Blocks) -> list[BlockSpec]:
    """Return the graph's blocks with their edges, in topological order."""
    specs = blocks.specs["blocks"]
    upstream = {slug: _upstream(findings, blocks, slug) for slug in specs}
    for path in graph.cycles(upstream):
        message = "the blocks wait for each other: " + " -> ".join(path)
        findings.at((*blocks.raw[path[0]].path, "upstream_blocks"), "cycle", message, "remove one of these edges")
    upstream = graph.without_cycles(upstream)
    attached = {kind: _attached(findings, blocks, kind) for kind in ("callbacks", "conditionals")}
    return [
        replace(
            specs[slug],
            upstream=tuple(upstream[slug]),
            downstream=_downstream(findings, blocks, slug, upstream),
            callbacks=attached["callbacks"].get(slug, ()),
            conditionals=attached["conditionals"].get(slug, ()),
        )
        for slug in graph.order(upstream)
    ]


def _upstream(findings: Findings, blocks: _Blocks, slug: str) -> list[str]:
    path: Path = (*blocks.raw[slug].path, "upstream_blocks")
    named = findings.text_list(path, blocks.raw[slug].values.get("upstream_blocks"))
    return _known(findings, blocks, path, named)


def _known(findings: Findings, blocks: _Blocks, path: Path, named: Sequence[str]) -> list[str]:
    """Return the named blocks of the graph, noting the others."""
    specs, found = blocks.specs["blocks"], list[str]()
    for index, name in enumerate(named):
        if name in found:
            findings.at(
                (*path, index), "duplicate-edge", f"{name!r} stands twice in `{path[-1]}`", "keep one", Severity.WARNING
            )
        elif name in specs:
            found.append(name)
        elif name not in blocks.dropped:
            close = nearest(name, specs)
            remedy = f"did you mean {close!r}?" if close else "name a block of this pipeline"
            findings.at((*path, index), "unknown-block", f"there is no block {name!r}", remedy)
    return found


def _downstream(
    findings: Findings, blocks: _Blocks, slug: str, upstream: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Return who waits for a block: upstream lists decide, `downstream_blocks` gives the order and is checked."""
    path: Path = (*blocks.raw[slug].path, "downstream_blocks")
    named = _known(findings, blocks, path, findings.text_list(path, blocks.raw[slug].values.get("downstream_blocks")))
    waiting = [child for child, parents in upstream.items() if slug in parents]
    for name in named:
        stated = blocks.raw[name].values.get("upstream_blocks")
        if slug not in (stated if isinstance(stated, list) else ()):
            message = f"{slug!r} names {name!r} as downstream, but {name!r} does not name it as upstream"
            findings.at(path, "edge-mismatch", message, "add or remove both; upstream_blocks counts", Severity.WARNING)
    return tuple([name for name in named if name in waiting] + [name for name in waiting if name not in named])


def _attached(findings: Findings, blocks: _Blocks, section: str) -> dict[str, tuple[str, ...]]:
    """Return, by block, the callbacks or conditionals that hang on it.

    They name their blocks in `upstream_blocks`; blocks may name them in `callback_blocks` or `conditional_blocks`.
    """
    key = f"{section[:-1]}_blocks"
    found: dict[str, list[str]] = {}
    for slug in blocks.specs["blocks"]:
        path: Path = (*blocks.raw[slug].path, key)
        for index, name in enumerate(findings.text_list(path, blocks.raw[slug].values.get(key))):
            if name in blocks.specs[section]:
                found.setdefault(slug, []).append(name)
            elif name not in blocks.dropped:
                findings.at(
                    (*path, index), "unknown-block", f"there is no {section[:-1]} {name!r}", f"add it under `{section}`"
                )
    for name in blocks.specs[section]:
        for parent in _upstream(findings, blocks, name):
            if name not in found.setdefault(parent, []):
                found[parent].append(name)
    for name in blocks.specs[section]:
        if not any(name in names for names in found.values()):
            message = f"the {section[:-1]} {name!r} hangs on no block and never runs"
            findings.at(
                blocks.raw[name].path, "unattached", message, "name its blocks in upstream_blocks", Severity.WARNING
            )
    return {slug: tuple(names) for slug, names in found.items() if names}


def _check_one_process(findings: Findings, plan: PipelinePlan, blocks: _Blocks) -> None:
    if not plan.in_one_process:
        return
    for block in plan.blocks:
        where = ExecutorType.LOCAL_PYTHON if block.executor is ExecutorType.LOCAL_PYTHON_FORCE else block.executor
        if where is not plan.executor and plan.executor is not ExecutorType.LOCAL_PYTHON_FORCE:
            own, shared = block.executor.value, plan.executor.value
            message = f"{block.slug!r} runs on {own}, but its pipeline runs in one process on {shared}"
            remedy = "remove one executor_type, or run_pipeline_in_one_process"
            findings.at((*blocks.raw[block.slug].path, "executor_type"), "executor-differs", message, remedy)
