"""What a resource takes and gives, derived from the installed SDK: names, types, required marks, enums.

    schema = schema_of("aws:ec2/vpc:Vpc")
    schema.inputs["cidrBlock"]      # "string"
    schema.required                 # {"..."}
    schema.outputs["arn"]           # "string"

Derived when a token is first met (in a process of its own, which imports that one module), then kept in
.cache/sdk-schemas for each SDK version.
The names and types come from `pulumi._types`, which is private to Pulumi: tests/infra/test_schemas.py
holds known facts.

A type is JSON: "string", "integer", "number", "boolean", "any", "asset", or one of {"list": T}, {"map": T},
{"union": [T]}, {"enum": [values], "open": whether others of the same kind pass too}, {"object": key into `objects`}.
"""

from __future__ import annotations

import collections.abc
import functools
import importlib
import inspect
import json
import sys
import types
import typing
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pulumi
from pulumi import _types

from support.engine.derivation import Deriver
from support.engine.tokens import CACHE, UnknownToken, class_of, package_of, sdk_version, write_whole

FORMAT = 2  # of what is cached: raise it when the derivation changes
SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", typing.Any: "any", object: "any"}
ASSETS = (pulumi.Asset, pulumi.Archive)
DERIVER = Deriver()


@dataclass(frozen=True)
class ObjectShape:
    """The properties of an object type by wire name, and those that must be there."""

    properties: dict[str, Any]
    required: list[str]


@dataclass(frozen=True)
class ResourceSchema:
    """One resource: inputs and pure outputs by wire name."""

    token: str
    inputs: dict[str, Any]
    required: list[str]
    outputs: dict[str, Any]
    objects: dict[str, ObjectShape] = field(default_factory=dict)


@functools.cache
def schema_of(token: str) -> ResourceSchema:
    """Return the schema of a resource token; UnknownToken when the installed SDK has none."""
    path = cached(token)
    if not path.exists():
        DERIVER.derive(token)
    return read(json.loads(path.read_text()))


def cached(token: str) -> Path:
    package = package_of(token)
    name = token.replace(":", "_").replace("/", "_")
    return CACHE / f"{package}-{sdk_version(package)}-{FORMAT}" / f"{name}.json"


def answer(token: str) -> dict[str, str]:
    """Put the schema of a token into the cache; return what went wrong, if anything did."""
    try:
        write_whole(cached(token), asdict(derive(token)))
    except UnknownToken as problem:
        return {"unknown": str(problem)}
    except Exception as problem:  # noqa: BLE001 - whatever an SDK does on import is told to the process that asked
        return {"failed": f"{type(problem).__name__}: {problem}"}
    return {}


def read(content: dict[str, Any]) -> ResourceSchema:
    objects = {key: ObjectShape(**shape) for key, shape in content.pop("objects").items()}
    return ResourceSchema(**content, objects=objects)


def derive(token: str) -> ResourceSchema:
    """Import the module of a resource and read its types."""
    module_name, class_name = class_of(token)
    kind = getattr(importlib.import_module(module_name), class_name)
    walk = Walk()
    shape = walk.shape_of(arguments_of(kind))
    outputs = {
        name: walk.describe(type_)
        for name, type_ in _types.resource_types(kind).items()
        if name not in shape.properties and name not in {"id", "urn"}
    }
    return ResourceSchema(token, shape.properties, shape.required, outputs, walk.objects)


def arguments_of(kind: Any) -> Any:
    """Return the input type that a resource class takes as `args` (its name is not always <Class>Args)."""
    for overload in typing.get_overloads(kind.__init__):
        annotation = inspect.signature(overload).parameters.get("args")
        if annotation is not None:
            return next(
                part for part in (annotation.annotation, *typing.get_args(annotation.annotation)) if is_input(part)
            )
    raise TypeError(f"{kind} has no constructor that takes args")


def is_input(kind: Any) -> bool:
    return isinstance(kind, type) and _types.is_input_type(kind)


class Walk:
    """Describes types and gathers the object types met on the way."""

    def __init__(self) -> None:
        self.objects: dict[str, ObjectShape] = {}

    def describe(self, kind: Any) -> Any:
        """Return a type as JSON; TypeError for a form that the SDKs had not used so far."""
        if kind in SCALARS:
            return SCALARS[kind]
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Union or origin is types.UnionType:
            return self.describe_union(arguments)
        if origin is typing.Literal:
            return {"enum": list(arguments), "open": False}
        if origin in {collections.abc.Sequence, list}:
            return {"list": self.describe(arguments[0])}
        if origin in {collections.abc.Mapping, dict}:
            return {"map": self.describe(arguments[1])}
        return self.describe_class(kind)

    def describe_class(self, kind: Any) -> Any:
        if kind in {dict, collections.abc.Mapping}:
            return {"map": "any"}
        if isinstance(kind, type) and issubclass(kind, ASSETS):
            return "asset"
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"enum": [member.value for member in kind], "open": False}
        if is_input(kind) or (isinstance(kind, type) and _types.is_output_type(kind)):
            return self.describe_object(kind)
        raise TypeError(f"no description for {kind!r}")

    def describe_union(self, members: tuple[Any, ...]) -> Any:
        """Describe what a union takes beside None, awaitables and outputs of the same; str | Enum is an open enum."""
        flat = [part for member in members for part in members_of(member)]
        enums = [part for part in flat if isinstance(part, type) and issubclass(part, Enum)]
        if enums and all(part in enums or part in {str, int, float} for part in flat):
            return {"enum": [member.value for kind in enums for member in kind], "open": len(flat) > len(enums)}
        described = []
        for part in flat:
            if (one := self.describe(part)) not in described:
                described.append(one)
        return described[0] if len(described) == 1 else {"union": described}

    def describe_object(self, kind: Any) -> Any:
        key = f"{kind.__module__}.{kind.__qualname__}"
        if key not in self.objects:
            self.objects[key] = ObjectShape({}, [])  # types may hold themselves
            self.objects[key] = self.shape_of(kind)
        return {"object": key}

    def shape_of(self, kind: Any) -> ObjectShape:
        """Return the properties and required names of an input or output type."""
        if not is_input(kind):
            return ObjectShape({n: self.describe(t) for n, t in _types.output_type_types(kind).items()}, [])
        properties = {name: self.describe(type_) for name, type_ in _types.input_type_types(kind).items()}
        names = _types.input_type_py_to_pulumi_names(kind)
        parameters = inspect.signature(kind.__init__).parameters
        required = [names[p.name] for p in parameters.values() if p.name in names and p.default is p.empty]
        return ObjectShape(properties, required)


def members_of(kind: Any) -> list[Any]:
    """Return the members of a union within unions, without None, awaitables and outputs."""
    origin = typing.get_origin(kind)
    if kind is type(None) or origin in {pulumi.Output, collections.abc.Awaitable}:
        return []
    if origin is typing.Union or origin is types.UnionType:
        return [part for member in typing.get_args(kind) for part in members_of(member)]
    return [kind]


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(line.strip())), flush=True)
