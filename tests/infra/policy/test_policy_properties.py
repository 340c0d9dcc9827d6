"""Rules look at properties that the SDKs have, and so do the cases."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import penstock_infra.policy
from penstock_infra.policy.rule import ROOT, Resource, Stack
from penstock_infra.policy.rules import RULES, STACK_RULES
from penstock_infra.policy.values import Part
from support.engine.checking import Checker
from support.engine.schemas import ResourceSchema, schema_of
from support.mutations import mutated
from support.policy_cases.every_cloud import BAD, BREAKS, GOOD, STACK_CASES, broken


class Watched(Mapping[str, Any]):
    """Properties that note under which path each is asked for."""

    def __init__(self, values: Mapping[str, Any], asked: set[tuple[str, ...]], at: tuple[str, ...] = ()) -> None:
        self.values_, self.asked, self.at = values, asked, at

    def __getitem__(self, name: str) -> Any:
        self.asked.add((*self.at, name))
        return self.wrapped(self.values_[name], (*self.at, name))

    def wrapped(self, value: Any, at: tuple[str, ...]) -> Any:
        if isinstance(value, Mapping):
            return Watched(value, self.asked, at)
        return [self.wrapped(item, at) for item in value] if isinstance(value, list) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def asked_of(kind: str) -> set[tuple[str, ...]]:
    """Return every path that rules ask for in the cases of a type."""
    asked: set[tuple[str, ...]] = set()
    found = [Resource(kind, "encryption-key", GOOD[kind], protect=True)] if kind in GOOD else []
    for resource in [*found, *(broken(one) for one in BREAKS if one.type == kind)]:
        watched = Watched(resource.props, asked)
        for rule in RULES:
            list(rule.complaints(Resource(kind, resource.name, watched, protect=True, config=resource.config)))
    return asked


@pytest.mark.parametrize("kind", sorted({*GOOD, *BAD}))
def test_rules_look_at_properties_that_exist(kind):
    schema = schema_of(kind)
    wrong = [".".join(path) for path in sorted(asked_of(kind)) if not is_property(schema, path)]
    assert wrong == []


def is_property(schema: ResourceSchema, path: tuple[str, ...]) -> bool:
    """Whether a path leads to a property; what is in maps and in texts is anybody's."""
    shape: Any = schema.inputs
    for name in path:
        if shape is None:
            return True
        if name not in shape:
            return False
        shape = within(schema, shape[name])
    return True


def within(schema: ResourceSchema, kind: Any) -> Any:
    """Return the properties of a type of value; None where there are no fixed ones."""
    if isinstance(kind, dict):
        if "object" in kind:
            return schema.objects[kind["object"]].properties
        if "list" in kind:
            return within(schema, kind["list"])
        if "union" in kind:
            return next((found for one in kind["union"] if (found := within(schema, one)) is not None), None)
    return None


@pytest.mark.parametrize("kind", sorted({*GOOD, *BAD}))
def test_cases_have_the_properties_of_the_sdk(kind):
    """A case that sets what no SDK has would prove nothing; what is required and left out does not matter here."""
    checker = Checker(schema_of(kind))
    cases = [GOOD.get(kind) or BAD.get(kind, {}), *(broken(one).props for one in BREAKS if one.type == kind)]
    found = {f"{p.path} {p.reason}" for props in cases for p in checker.problems(props) if "missing" not in p.reason}
    assert {text for text in found if "is not a property" in text} == set()


OF_NO_SDK = frozenset({ROOT})


@pytest.mark.parametrize("case", STACK_CASES, ids=map(str, range(len(STACK_CASES))))
def test_rules_of_stacks_look_at_properties_that_exist(case):
    """Of each resource: an input, an output or its id."""
    seen: dict[str, set[tuple[str, ...]]] = {one.type: set() for one in case.good}
    for resources in (case.good, mutated(case.good, case.mutation)):
        watched = [Resource(one.type, one.name, Watched(one.outputs, seen[one.type])) for one in resources]
        for rule in STACK_RULES:
            list(rule.complaints(Stack(watched, case.config)))
    for kind in set(seen) - OF_NO_SDK:
        schema = schema_of(kind)
        known = {*schema.inputs, *schema.outputs, "id"}
        assert {path[0] for path in seen[kind]} <= known, kind


def test_every_path_in_the_rules_is_asked_for_in_some_case(monkeypatch):
    """Else a misspelt one could hide behind a condition that no case meets."""
    asked: set[str] = set()
    get = Part.get
    monkeypatch.setattr(Part, "get", lambda part, path, default=None: asked.add(path) or get(part, path, default))
    for resource in [*(Resource(kind, "x", props) for kind, props in GOOD.items()), *map(broken, BREAKS)]:
        for rule in RULES:
            list(rule.complaints(resource))
    for case in STACK_CASES:
        made = [Resource(one.type, one.name, one.outputs) for one in case.good]
        for stack_rule in STACK_RULES:
            list(stack_rule.complaints(Stack(made, case.config)))
    written = set(literals())
    assert len(written) > 50
    assert written - asked == set()


def literals() -> Iterator[str]:
    """Yield the paths that rules give to `Must` and to what reads properties."""
    home = Path(penstock_infra.policy.__file__).parent
    for path in home.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and call.args and named(call.func) in ASKING:
                first = call.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def named(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


ASKING = frozenset({"Must", "each", "text", "texts", "hides"})
