"""Pulumi.yaml, made from the stack options: every key with its type, its default and its meaning."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from penstock_platform.options import MEANINGS, REQUIRED, StackOptions

HEADING = """\
# One project, a stack per cloud: `pulumi up` with one of infra/stacks/Pulumi.<stack>.yaml.
# Made from penstock_platform.options by `make golden`. An empty text is a key that is not given.
"""


def project_file() -> str:
    """Return the text of Pulumi.yaml."""
    document: dict[str, Any] = {
        "name": "penstock",
        "description": "Penstock on AWS, GCP, Azure or Kubernetes, from one blueprint.",
        "runtime": {"name": "python", "options": {"toolchain": "uv", "virtualenv": ".venv"}},
        "main": "infra",
        "stackConfigDir": "infra/stacks",
        "config": {to_camel(name): declared(to_camel(name), name) for name in StackOptions.model_fields},
    }
    return HEADING + yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True)


def declared(key: str, name: str) -> dict[str, Any]:
    """Return the declaration of one key; a required one has no default, so that the engine asks for it."""
    field = StackOptions.model_fields[name]
    kind = kind_of(field.annotation)
    found: dict[str, Any] = {"type": kind, "description": MEANINGS[key]}
    if kind == "array":
        found["items"] = {"type": "string"}
    if key not in REQUIRED:
        found["default"] = default_of(kind, field.get_default(call_default_factory=True))
    return found


def kind_of(annotation: Any) -> str:
    """Return the engine's word for a type: string, boolean, array or object. Numbers are text that may be empty."""
    options = [
        one for one in (get_args(annotation) if is_union(annotation) else (annotation,)) if one is not type(None)
    ]
    first = get_args(options[0])[0] if get_origin(options[0]) is Annotated else options[0]
    if first is bool:
        return "boolean"
    if get_origin(first) is tuple:
        return "array"
    if isinstance(first, type) and issubclass(first, BaseModel):
        return "object"
    return "string" if get_origin(first) is None else "object"


def is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def default_of(kind: str, value: Any) -> Any:
    """Return a default as the engine writes it: groups of keys start empty, what is not given is an empty text."""
    if kind == "object":
        return {}
    if kind == "array":
        return list(value)
    if kind == "boolean":
        return value
    return "" if value is None else str(value)
