"""Reading one block of a pipeline's metadata into a BlockSpec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock_runtime.domain.blocks import BlockSpec, BlockType, ExecutorType
from penstock_runtime.project import block_files, executor_choice, keys, python_scan, rules
from penstock_runtime.project.block_files import BlockFile
from penstock_runtime.project.findings import Findings, Path
from penstock_runtime.project.paths import is_block_slug
from penstock_runtime.project.problems import Severity, nearest
from penstock_runtime.project.project import Project
from penstock_runtime.project.templating import TemplateFunctions

SECTIONS = {"blocks": None, "callbacks": "callback", "conditionals": "conditional"}
"""The lists of a pipeline that hold blocks, and the type that their members have."""
_TYPES = frozenset(BlockType)


@dataclass(frozen=True, slots=True)
class PipelineContext:
    """What the blocks of one pipeline are read with. `sources` holds each block's entry by slug, for replicas."""

    project: Project
    document: Mapping[str, Any]
    findings: Findings
    functions: TemplateFunctions
    retry: Mapping[str, Any]
    spark: bool
    sources: dict[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RawBlock:
    """An entry of a list of blocks that can be read on: its place, its slug, type and language."""

    path: Path
    values: Mapping[str, Any]
    slug: str
    type: BlockType
    language: str


def identify(context: PipelineContext, path: Path, values: Any) -> RawBlock | None:
    """Return the entry when it is a block that runs here; else note why not and return None."""
    findings = context.findings
    if not isinstance(values, dict):
        findings.at(path, "wrong-type", "an entry of the list is not a block", "write `uuid:`, `type:` …")
        return None
    slug = str(values.get("uuid") or values.get("name") or "")
    if not is_block_slug(slug):
        message = f"{slug!r} cannot name a block" if slug else "a block has no uuid"
        findings.at((*path, "uuid") if slug else path, "bad-name", message, "use letters, digits, '_', '-' and '/'")
        return None
    block_type = _block_type(context, path, slug, values)
    if block_type is None:
        return None
    language = _language(context, path, slug, values)
    return RawBlock(path, values, slug, block_type, language) if language else None


def read_block(context: PipelineContext, raw: RawBlock) -> BlockSpec:
    """Read the rest of a block: everything but its edges, which need the whole pipeline."""
    findings, values, path = context.findings, raw.values, raw.path
    findings.unknown_keys(path, values, keys.BLOCK_READ, keys.BLOCK_BOOKKEEPING | set(keys.BLOCK_UNSUPPORTED))
    findings.unsupported_keys(path, values, keys.BLOCK_UNSUPPORTED)
    configuration = findings.mapping((*path, "configuration"), values.get("configuration"))
    file = _file(context, raw, configuration)
    executor, config = _executor(context, raw, file)
    retry = rules.retry_values(findings, (*path, "retry_config"), values.get("retry_config"))
    in_sql = raw.language == "sql"
    if in_sql:
        _check_sql(context, raw, configuration)
    elif file.text is not None:
        block_files.check_python(findings, file, raw.type.value, context.project)
    return BlockSpec(
        slug=raw.slug,
        type=raw.type,
        language=raw.language,
        path=file.path,
        retry=rules.retry_policy(context.retry, retry),
        timeout_seconds=findings.number((*path, "timeout"), values.get("timeout")) or None,
        executor=executor,
        executor_config=config,
        configuration=configuration,
        dynamic=_dynamic(context, raw, configuration),
        reduce_output=bool(configuration.get("reduce_output")),
        memory_bytes=rules.memory_limit(findings, (*path, "executor_config"), executor, config, context.functions),
        poll_seconds=findings.number((*path, "configuration", "poll_seconds"), configuration.get("poll_seconds"), 1)
        or 60.0,
        uses_tables=in_sql or block_files.uses_tables(context.project, file),
        sql=(file.text or "") if in_sql else None,
        name=str(values.get("name") or raw.slug),
        color=str(values["color"]) if values.get("color") else None,
    )


def _block_type(context: PipelineContext, path: Path, slug: str, values: Mapping[str, Any]) -> BlockType | None:
    findings = context.findings
    expected = SECTIONS[str(path[0])]
    stated = str(values.get("type") or expected or "")
    place = (*path, "type") if values.get("type") else path
    if stated in keys.NOTEBOOK_TYPES:
        message = f"the {stated} block {slug!r} is a note of the notebook and does not run"
        findings.at(place, "notebook-block", message, "remove it if that is not meant", Severity.WARNING)
    elif stated in keys.UNSUPPORTED_TYPES:
        findings.at(place, "unsupported", keys.UNSUPPORTED_TYPES[stated], f"rewrite {slug!r} as a Python or SQL block")
    elif stated not in _TYPES:
        close = nearest(stated, _TYPES)
        remedy = f"did you mean {close!r}?" if close else f"use one of {', '.join(BlockType)}"
        findings.at(
            place, "unknown-type", f"there is no block type {stated!r}" if stated else f"{slug!r} has no type", remedy
        )
    elif (expected or stated) != stated or (expected is None and stated in SECTIONS.values()):
        section = next((name for name, kind in SECTIONS.items() if kind == stated), "blocks")
        findings.at(
            place, "wrong-section", f"the {stated} {slug!r} stands under `{path[0]}`", f"move it under `{section}`"
        )
    else:
        return BlockType(stated)
    return None


def _language(context: PipelineContext, path: Path, slug: str, values: Mapping[str, Any]) -> str | None:
    names = {"r": "R", "yaml": "YAML", "markdown": "Markdown"}
    language = str(values.get("language") or "python").lower()
    if language in ("python", "sql"):
        return language
    if language in keys.LANGUAGE_SUFFIXES:
        message, code = f"the {names.get(language, language)} block {slug!r} is not supported", "unsupported"
    else:
        message, code = f"{slug!r}: there is no language {language!r}", "unknown-language"
    context.findings.at((*path, "language"), code, message, "write the block in Python or SQL")
    return None


def _file(context: PipelineContext, raw: RawBlock, configuration: Mapping[str, Any]) -> BlockFile:
    """Find and read the block's file; a replica's is its source's."""
    slug, block_type = raw.slug, raw.type.value
    place: Path = (*raw.path, "uuid")
    replicated = raw.values.get("replicated_block")
    values: Mapping[str, Any] = configuration
    if replicated:
        place = (*raw.path, "replicated_block")
        found = context.sources.get(str(replicated))
        if found is None:
            context.findings.at(
                place,
                "unknown-block",
                f"there is no block {replicated!r} to replicate",
                "name a block of this pipeline",
            )
            return BlockFile("")
        slug, block_type = str(replicated), str(found.get("type") or block_type)
        stated = found.get("configuration")
        values = stated if isinstance(stated, dict) else {}
    path = block_files.block_path(context.project, slug, block_type, raw.language, values)
    file, fault = block_files.read_block_file(context.project, path)
    if fault is not None:
        code = "missing-file" if "does not exist" in fault else "unreadable-file"
        context.findings.at(place, code, f"block {raw.slug!r}: {fault}", "add the file, or remove the block")
    return file


def _executor(context: PipelineContext, raw: RawBlock, file: BlockFile) -> tuple[ExecutorType, Mapping[str, Any]]:
    findings, path = context.findings, (*raw.path, "executor_type")
    quiet = Findings(findings.file)  # the pipeline's own value was checked, and noted, when the pipeline was read
    stated = rules.stated_executor(findings, path, raw.values.get("executor_type"), context.functions)
    inherited = rules.stated_executor(quiet, (), context.document.get("executor_type"), context.functions)
    spark = context.spark and not (raw.type is BlockType.SENSOR and not python_scan.uses_spark(file.text or ""))
    if raw.type in (BlockType.CALLBACK, BlockType.CONDITIONAL):
        return ExecutorType.LOCAL_PYTHON, {}
    executor = executor_choice.choose([stated, inherited, context.project.installation.default_executor], spark=spark)
    rules.check_startable(findings, path if stated else raw.path, executor, context.project)
    findings.mapping((*raw.path, "executor_config"), raw.values.get("executor_config"))
    layers = executor_choice.layers(executor, context.project.metadata, context.document, raw.values)
    return executor, executor_choice.merged(layers)


def _check_sql(context: PipelineContext, raw: RawBlock, configuration: Mapping[str, Any]) -> None:
    findings = context.findings
    path: Path = (*raw.path, "configuration")
    provider = str(configuration.get("data_provider") or "").lower()
    supported = ", ".join(sorted(keys.SQL_PROVIDERS))
    if not provider:
        findings.at(
            path if configuration else raw.path,
            "no-provider",
            f"the SQL block {raw.slug!r} names no data_provider",
            f"use one of {supported}",
        )
    elif provider not in keys.SQL_PROVIDERS:
        findings.at(
            (*path, "data_provider"), "unsupported", f"SQL on {provider!r} is not supported", f"use one of {supported}"
        )
    policy = configuration.get("export_write_policy")
    if policy not in (None, "", "append", "replace", "fail"):
        findings.at(
            (*path, "export_write_policy"),
            "wrong-value",
            f"there is no write policy {policy!r}",
            "use append, replace or fail",
        )
    profile = str(configuration.get("data_provider_profile") or "default")
    place = findings.document.place(*path, "data_provider_profile") if findings.document else (0, 0)
    block_files.check_profile(findings, findings.file, place, profile, context.project)


def _dynamic(context: PipelineContext, raw: RawBlock, configuration: Mapping[str, Any]) -> bool:
    value = configuration.get("dynamic")
    if not isinstance(value, dict):
        return bool(value)
    # The other product's second form: only `parent: true` means what `dynamic: true` means.
    extra = [key for key, item in value.items() if key != "parent" and item]
    if extra:
        message = f"`dynamic` with {', '.join(map(str, extra))} is not supported"
        context.findings.at((*raw.path, "configuration", "dynamic"), "unsupported", message, "write `dynamic: true`")
    return bool(value.get("parent"))
