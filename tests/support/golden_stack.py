"""The reference of a stack: its config keys with types, bounds and defaults, and its outputs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import EnumType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from support.project_file import default_of, is_union, kind_of

INTRODUCTION = """\
# A stack's config and outputs

Keys of `infra/stacks/Pulumi.<stack>.yaml`, each under `penstock:`. Only `cloud` and `topology` have no default; where a
default is empty, it comes from the topology ([choosing a topology](guides/choosing-a-topology.md)). A value that cannot
be used is told before any resource is made, with every other problem of the same config.

This page is made from `penstock_platform.options` and `penstock_infra.contract` by `make golden`.

# Config
"""


def stack_page() -> str:
    """Return the reference of config and outputs."""
    from penstock_infra.contract import OUTPUT_MEANINGS
    from penstock_platform.options import MEANINGS, StackOptions

    lines = [INTRODUCTION]
    for name, field in StackOptions.model_fields.items():
        lines.extend(key_lines(to_camel(name), MEANINGS[to_camel(name)], field))
    lines.append("# Outputs\n\nThe same on every cloud.\n")
    lines.extend(f"- `{name}`: {meaning}" for name, meaning in OUTPUT_MEANINGS.items())
    return "\n".join([*lines, ""])


def key_lines(key: str, meaning: str, field: Any) -> Iterator[str]:
    """Yield one key's heading, meaning, allowed values and default; a group's keys as a list."""
    yield f"## {key}\n"
    yield f"{meaning}\n"
    kind = kind_of(field.annotation)
    group = first_type(field.annotation)
    if isinstance(group, type) and issubclass(group, BaseModel):
        yield from (f"- `{key}.{to_camel(name)}`: {described(one)}" for name, one in group.model_fields.items())
        yield ""
        return
    yield f"- written as: {kind}"
    if choices := choices_of(field.annotation):
        yield f"- allowed: {choices}"
    default = None if field.is_required() else default_of(kind, field.get_default(call_default_factory=True))
    yield f"- default: {'none, it must be given' if field.is_required() else shown(default)}\n"


def described(field: Any) -> str:
    """Return the type, bounds and default of a key in a group, in words."""
    bounds = [
        f"{word} {getattr(one, mark)}"
        for one in metadata(field)
        for mark, word in (("ge", "at least"), ("le", "at most"))
        if hasattr(one, mark)
    ]
    words = choices_of(field.annotation) or unit(field.annotation)
    default = "" if field.default is None else f"; default {shown(field.default)}"
    return ", ".join([words, *bounds]) + default


def metadata(field: Any) -> list[Any]:
    """Return a field's constraints, those inside an optional type included."""
    inner = [one for part in get_args(field.annotation) for one in getattr(part, "__metadata__", ())]
    return [*field.metadata, *inner]


def unit(annotation: Any) -> str:
    """Return what a plain value is: CPU in millis, memory in MiB once read, a number or text."""
    text = repr(annotation)
    if "cpu_millis" in text:
        return "CPU such as 500m or 2 (bounds in thousandths of a core)"
    if "memory_mib" in text:
        return "memory such as 512Mi or 2Gi (bounds in MiB)"
    return "a whole number" if "int" in text else "text"


def choices_of(annotation: Any) -> str:
    found = first_type(annotation)
    found = next(iter(get_args(found)), found) if not isinstance(found, EnumType) else found
    return ", ".join(f"`{one.value}`" for one in found) if isinstance(found, EnumType) else ""


def first_type(annotation: Any) -> Any:
    return next(one for one in get_args(annotation) if one is not type(None)) if is_union(annotation) else annotation


def shown(value: Any) -> str:
    return "empty" if value in ("", {}, [], None) else f"`{str(value).lower() if isinstance(value, bool) else value}`"
