"""Checks the inputs of a resource against its schema: unknown keys, missing keys, wrong types, bad enum values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from support.engine.schemas import ObjectShape, ResourceSchema
from support.engine.wire import SIGNATURE, UNKNOWN


@dataclass(frozen=True)
class Problem:
    """What is wrong with one property: `path` as in `settings.tier` or `containers[0].image`, "" for the whole."""

    path: str
    reason: str


@dataclass(frozen=True)
class Checker:
    """One schema; `open_enums` lets other values pass where the SDK says `str | Enum` (a cloud adds values)."""

    schema: ResourceSchema
    open_enums: bool = True

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """Return every problem of a resource's inputs, in order of its properties."""
        shape = ObjectShape(self.schema.inputs, self.schema.required)
        return list(self.check_object(inputs, shape, ""))

    def check_object(self, value: Mapping[str, Any], shape: ObjectShape, path: str) -> Iterator[Problem]:
        for name in shape.required:
            if value.get(name) is None:
                yield Problem(joined(path, name), "is required and missing")
        for name, item in value.items():
            if name not in shape.properties:
                yield Problem(
                    joined(path, name), f"is not a property; there are: {', '.join(sorted(shape.properties))}"
                )
            elif item is not None:
                yield from self.check(item, shape.properties[name], joined(path, name))

    def check(self, value: Any, kind: Any, path: str) -> Iterator[Problem]:
        """Yield what is wrong with a value of a type; an unknown value may still become anything."""
        if value == UNKNOWN or kind == "any":
            return
        if isinstance(kind, str):
            if not SCALAR_CHECKS[kind](value):
                yield Problem(path, f"must be {WORDS[kind]}, not {shown(value)}")
            return
        ((form, of),) = [(form, of) for form, of in kind.items() if form != "open"]
        yield from FORMS[form](self, value, {**kind, "of": of}, path)

    def check_list(self, value: Any, kind: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(path, f"must be a list, not {shown(value)}")
            return
        for index, item in enumerate(value):
            yield from self.check(item, kind["of"], f"{path}[{index}]")

    def check_map(self, value: Any, kind: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(path, f"must be a map, not {shown(value)}")
            return
        for name, item in value.items():
            if item is not None:
                yield from self.check(item, kind["of"], joined(path, name))

    def check_enum(self, value: Any, kind: Any, path: str) -> Iterator[Problem]:
        known = kind["of"]
        if value in known or (kind["open"] and self.open_enums and isinstance(value, type(known[0]))):
            return
        yield Problem(path, f"must be one of {', '.join(map(str, known))}, not {shown(value)}")

    def check_named_object(self, value: Any, kind: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(path, f"must be an object, not {shown(value)}")
            return
        yield from self.check_object(value, self.schema.objects[kind["of"]], path)

    def check_union(self, value: Any, kind: Any, path: str) -> Iterator[Problem]:
        """One member must fit; of those that do not, the one with the deepest problem says most."""
        findings = [list(self.check(value, member, path)) for member in kind["of"]]
        if all(findings):
            yield from max(findings, key=lambda found: max(len(problem.path) for problem in found))


FORMS: dict[str, Callable[[Checker, Any, Any, str], Iterator[Problem]]] = {
    "list": Checker.check_list,
    "map": Checker.check_map,
    "enum": Checker.check_enum,
    "object": Checker.check_named_object,
    "union": Checker.check_union,
}
SCALAR_CHECKS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "asset": lambda value: isinstance(value, dict) and SIGNATURE in value,
}
WORDS = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "asset": "an asset or archive",
}


def joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def shown(value: Any) -> str:
    """Return a value short enough for a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
