"""What a case of a rule is: for each type properties with which no rule finds fault, and single breaks of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.mutations import GONE, Made, Mutation

IMAGE = "registry.example.com/penstock@sha256:" + "5e" * 32
TAGS = {"app": "penstock", "stack": "dev", "topology": "ha"}

__all__ = ["GONE", "IMAGE", "TAGS", "Break", "Clouds", "Made", "Mutation", "StackCase", "breaks"]


@dataclass(frozen=True)
class Break:
    """One property of the good ones set to something else, and a word of what the rule must say then.

    `path` "protect" is the option; "" leaves the properties: the resource itself is what is wrong.
    """

    rule: str
    type: str
    path: str
    value: Any
    says: str
    name: str = "x"
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StackCase:
    """Resources with which a rule of stacks is content, and one mutation with which it is not."""

    rule: str
    good: Sequence[Made]
    mutation: Mutation
    says: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Clouds:
    """The cases of one cloud: good properties by type, breaks, and cases of stacks."""

    good: Mapping[str, Mapping[str, Any]]
    breaks: Sequence[Break]
    stacks: Sequence[StackCase] = ()
    bad: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Properties of types whose every resource is wrong."""


def breaks(rule: str, kind: str, *found: tuple[str, Any, str]) -> Iterable[Break]:
    """Yield the breaks of a rule for a type: (path, value, word of the complaint)."""
    for path, value, says in found:
        yield Break(rule, kind, path, value, says)
