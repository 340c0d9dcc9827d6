"""What a rule is, and the resources it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock_infra.policy.values import UNKNOWN, Part

ROOT = "pulumi:pulumi:Stack"
"""The type of the resource whose outputs are the stack's."""


@dataclass(frozen=True)
class Resource:
    """A resource: its type, its name in the program, whether Pulumi protects it, and its properties.

    `props` are the inputs that the engine is about to send, by its camelCase names, or, when a whole stack is looked
    at, the outputs of what is there. `config` is what the operator set for the stack (`protectData`, `topology`,
    `monthlyBudget`) and for the rule that looks (`maxCopies`).
    """

    type: str
    name: str
    props: Mapping[str, Any]
    protect: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> str:
        """Where it is in itself."""
        return ""

    @property
    def whole(self) -> Part:
        """All its properties."""
        return Part(self.props, "", self.config)

    def get(self, path: str, default: Any = None) -> Any:
        """Return the value at a dotted path; maybe UNKNOWN."""
        return self.whole.get(path, default)

    def each(self, path: str) -> Iterator[Part]:
        """Yield the objects of a list."""
        return self.whole.each(path)

    def text(self, path: str) -> str:
        """Return the text there; empty where there is none or it is not known."""
        return self.whole.text(path)

    def texts(self, path: str) -> list[str]:
        """Return the texts of a list, or the one text there."""
        return self.whole.texts(path)

    def told(self, complaint: str) -> str:
        """Return a complaint of this resource, with its name."""
        return f"{self.name} ({self.type}): {complaint}"


Check = Callable[[Resource], Iterable[str]]
"""Yields what is wrong with a resource and what to set. Its documentation's first line, or `says`, is it in words."""


@dataclass(frozen=True)
class Setting:
    """What an operator may set for one rule in the policy pack's own config."""

    name: str
    kind: str
    default: Any
    meaning: str


@dataclass(frozen=True)
class Rule:
    """A rule over single resources: checks for each type that it concerns, which yield what is wrong, in words.

    A type may be all of a package, as `kubernetes:*`. `exceptions` are the named ones, in words.
    """

    name: str
    description: str
    checks: Mapping[str, Sequence[Check]] = field(repr=False)
    exceptions: Sequence[str] = ()
    settings: Sequence[Setting] = ()

    def complaints(self, resource: Resource) -> Iterator[str]:
        """Yield what is wrong with this resource; nothing for types that the rule does not concern."""
        package = f"{resource.type.partition(':')[0]}:*"
        for check in (*self.checks.get(resource.type, ()), *self.checks.get(package, ())):
            for complaint in check(resource):
                yield resource.told(complaint)


@dataclass(frozen=True)
class Stack:
    """All resources of a stack, with their outputs."""

    resources: Sequence[Resource]
    config: Mapping[str, Any] = field(default_factory=dict)

    def of(self, *types: str) -> list[Resource]:
        """Return the resources of these types."""
        return [one for one in self.resources if one.type in types]

    @property
    def outputs(self) -> Part:
        """What the stack exports."""
        found = self.of(ROOT)
        return Part(found[0].props if found else {}, "", self.config)

    @property
    def topology(self) -> str:
        """The topology: from the pack's config, else the stack's own output; empty when neither says."""
        given = self.config.get("topology")
        return given if isinstance(given, str) else self.outputs.text("topology")

    def knows(self, resources: Iterable[Resource], path: str) -> bool:
        """Return whether a property of all these resources is known by now."""
        return all(one.get(path) is not UNKNOWN for one in resources)


StackCheck = Callable[[Stack], Iterable[str]]


@dataclass(frozen=True)
class StackRule:
    """A rule over all resources of a stack: checks by cloud, under "all" those of every cloud."""

    name: str
    description: str
    checks: Mapping[str, Sequence[StackCheck]] = field(repr=False)
    exceptions: Sequence[str] = ()
    settings: Sequence[Setting] = ()

    def complaints(self, stack: Stack) -> Iterator[str]:
        """Yield what is wrong with the stack."""
        for checks in self.checks.values():
            for check in checks:
                yield from check(stack)


def says(check: Any) -> str:
    """Return a check in a sentence without its full stop."""
    words: str = getattr(check, "says", None) or (check.__doc__ or "").strip().splitlines()[0]
    return words.rstrip(".")
