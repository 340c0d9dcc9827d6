"""Breaks one property in a copy of a rendered stack and says which rules of the policy pack complain.

    stack = rendered(Cloud.AWS, Topology.HA, folder)        # support.rendered: made once on the engine
    broken = mutated(stack, Mutation("aws:rds/instance:Instance", "publiclyAccessible", True))
    assert "database-private" in {one.rule for one in complaints(broken)}

A path is made of camelCase names, `[0]` for an item of a list, `[+]` for one more, and `|` where a text holds JSON:
`containerDefinitions|[0].environment[+]`. Paths may be made where they are not yet.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from penstock_infra.policy.rule import Resource, Stack
from penstock_infra.policy.rules import RULES, STACK_RULES

GONE = object()
"""The value of a property that is taken away."""
STEP = re.compile(r"([^.\[\]|]+)|\[(\d+|\+)\]|(\|)")


@dataclass(frozen=True)
class Made:
    """A resource of a stack as it was made."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    protect: bool = False


@dataclass(frozen=True)
class Mutation:
    """One thing broken in the resources of a type (or `type::name`): a property, their protection, their being there.

    `path` "protect" is the option. With `value` GONE and no path the resources themselves are taken away.
    """

    target: str
    path: str = ""
    value: Any = GONE

    def hits(self, made: Made) -> bool:
        return self.target in {made.type, f"{made.type}::{made.name}"}


@dataclass(frozen=True)
class Complaint:
    """What a rule says; the text names the resource."""

    rule: str
    text: str


def mutated(resources: Sequence[Made], *mutations: Mutation) -> list[Made]:
    """Return a copy with everything broken that the mutations name. LookupError when one hits nothing."""
    found = list(resources)
    for mutation in mutations:
        if not any(mutation.hits(one) for one in found):
            raise LookupError(f"there is no {mutation.target} among {sorted({one.type for one in found})}")
        found = [changed for one in found for changed in applied(one, mutation)]
    return found


def applied(made: Made, mutation: Mutation) -> Iterator[Made]:
    """Yield a resource as a mutation leaves it; nothing when it takes it away."""
    if not mutation.hits(made):
        yield made
    elif mutation.path == "protect":
        yield replace(made, protect=mutation.value)
    elif mutation.path:
        inputs = with_value(made.inputs, mutation.path, mutation.value) if made.inputs else {}
        outputs = with_value(made.outputs, mutation.path, mutation.value) if made.outputs else {}
        yield replace(made, inputs=inputs, outputs=outputs)


def with_value(values: Any, path: str, value: Any) -> Any:
    """Return a copy of nested values with one changed, added or, for GONE, taken away."""
    steps = [next(part for part in found if part) for found in STEP.findall(path)]
    return changed(copy.deepcopy(values), steps, value)


def changed(holder: Any, steps: Sequence[str], value: Any) -> Any:
    """Return a holder with the value at the end of the steps."""
    if not steps:
        return copy.deepcopy(value)
    step, rest = steps[0], steps[1:]
    if step == "|":
        return json.dumps(changed(json.loads(holder), rest, value))
    if step == "+" or step.isdigit():
        return changed_list(list(holder or ()), step, rest, value)
    holder = dict(holder or {})
    if not rest and value is GONE:
        holder.pop(step, None)
    else:
        holder[step] = changed(holder.get(step), rest, value)
    return holder


def changed_list(items: list[Any], step: str, rest: Sequence[str], value: Any) -> list[Any]:
    if step == "+":
        return [*items, changed(None, rest, value)]
    index = int(step)
    if not rest and value is GONE:
        return items[:index] + items[index + 1 :]
    items[index] = changed(items[index], rest, value)
    return items


def complaints(resources: Sequence[Made], config: Mapping[str, Any] | None = None) -> list[Complaint]:
    """Return what every rule says of a stack: rules of resources look at inputs, rules of stacks at outputs."""
    settings = dict(config or {})
    asked = [Resource(one.type, one.name, one.inputs, protect=one.protect, config=settings) for one in resources]
    there = [Resource(one.type, one.name, one.outputs, protect=one.protect, config=settings) for one in resources]
    stack = Stack(there, settings)
    found = [Complaint(rule.name, text) for rule in RULES for one in asked for text in rule.complaints(one)]
    return found + [Complaint(rule.name, text) for rule in STACK_RULES for text in rule.complaints(stack)]


def complaining(
    resources: Sequence[Made], mutation: Mutation, config: Mapping[str, Any] | None = None
) -> frozenset[str]:
    """Return the names of the rules that complain of a mutation and did not before."""
    before = set(complaints(resources, config))
    after = complaints(mutated(resources, mutation), config)
    return frozenset(one.rule for one in after if one not in before)
