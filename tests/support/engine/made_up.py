"""Made-up values for the outputs that no catalogue names: right in type, the same in each run."""

from __future__ import annotations

from typing import Any

from support.engine.facts import Made
from support.engine.schemas import ResourceSchema

DEPTH = 3  # nested objects deeper than that stay empty


def made_up_outputs(schema: ResourceSchema, made: Made) -> dict[str, Any]:
    """Return a value for every output that is not an input too."""
    return {name: made_up(kind, name, made, schema) for name, kind in schema.outputs.items()}


def made_up(kind: Any, name: str, made: Made, schema: ResourceSchema, depth: int = DEPTH) -> Any:
    """Return one value of a type; `name` shows in texts."""
    if isinstance(kind, str):
        return scalar(kind, name, made)
    if "enum" in kind:
        return kind["enum"][0]
    if "union" in kind:
        return made_up(kind["union"][0], name, made, schema, depth)
    if depth == 0 or "map" in kind:
        return [] if "list" in kind else {}
    if "list" in kind:
        return [made_up(kind["list"], name, made, schema, depth - 1)]
    properties = schema.objects[kind["object"]].properties
    return {inner: made_up(of, inner, made, schema, depth - 1) for inner, of in properties.items()}


def scalar(kind: str, name: str, made: Made) -> Any:
    if kind == "string":
        return f"{name}-{made.digest(8)}"
    if kind in {"integer", "number"}:
        return int(made.digest(4), 16)
    return False if kind == "boolean" else None
