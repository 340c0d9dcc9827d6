"""What rules look at: values with names, some of which are not known yet, and what a value must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class Unknown:
    """What is not known before something is made. No rule complains of it: the next `up` looks again."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = Unknown()


def is_list(value: Any) -> bool:
    """Return whether a value is a list."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def joined(at: str, path: str) -> str:
    """Return the path of something inside of something."""
    return f"{at}.{path}" if at and path else at or path


@dataclass(frozen=True)
class Part:
    """An object in a resource's inputs, by the engine's camelCase names; `at` is where, "" for the whole resource.

    `config` is what the operator set: see penstock_infra.policy.rule.
    """

    values: Mapping[str, Any]
    at: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)

    def get(self, path: str, default: Any = None) -> Any:
        """Return the value at a dotted path such as `settings.ipConfiguration.ipv4Enabled`; maybe UNKNOWN.

        Of a list on the way the first item counts: some providers write a single object as a list of one.
        """
        value: Any = self.values
        for name in path.split("."):
            if is_list(value):
                value = value[0] if value else None
            if value is UNKNOWN:
                return UNKNOWN
            value = value.get(name) if isinstance(value, Mapping) else None
            if value is None:
                return default
        return value

    def each(self, path: str) -> Iterator[Part]:
        """Yield the objects of a list, or the one object there; nothing where it is unknown or missing."""
        found = self.get(path)
        if isinstance(found, Mapping):
            yield Part(found, joined(self.at, path), self.config)
        elif is_list(found):
            for index, item in enumerate(found):
                if isinstance(item, Mapping):
                    yield Part(item, f"{joined(self.at, path)}[{index}]", self.config)

    def texts(self, path: str) -> list[str]:
        """Return the texts of a list, or the one text there; none where it is unknown or missing."""
        found = self.get(path)
        items = found if is_list(found) else [found]
        return [item for item in items if isinstance(item, str)]

    def text(self, path: str) -> str:
        """Return the text there; empty where there is none or it is not known."""
        found = self.get(path)
        return found if isinstance(found, str) else ""

    def hides(self, path: str) -> bool:
        """Return whether a value is not known yet, or one of the list that it is."""
        found = self.get(path)
        return found is UNKNOWN or (is_list(found) and any(item is UNKNOWN for item in found))


@dataclass(frozen=True)
class Kind:
    """What a value must be: in words that finish "set it to …", as a test, and in words that finish "it is …"."""

    words: str
    holds: Callable[[Any], bool]
    stated: str = ""


TRUE = Kind("true", lambda value: value in (True, "true"))
FALSE = Kind("false", lambda value: value in (False, "false"))
NOT_TRUE = Kind("false", lambda value: value in (None, False, "false"))
"""False is the provider's own default too."""
GIVEN = Kind("a value", lambda value: not nothing(value), "given")


def nothing(value: Any) -> bool:
    """Return whether there is no value."""
    return value in (None, "", [], {})


ABSENT = Kind("nothing (leave it out)", nothing, "left out")


def number(value: Any) -> float | None:
    """Return a number, also one that is written as text; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def at_least(least: float) -> Kind:
    """Return a bound from below; nothing is too little."""
    return Kind(f"{least:g} or more", lambda value: (found := number(value)) is not None and found >= least)


def at_most(most: float) -> Kind:
    """Return a bound from above; no bound at all is too much."""
    return Kind(f"{most:g} or less", lambda value: (found := number(value)) is not None and found <= most)


def one_of(*values: str) -> Kind:
    """Return a choice."""
    return Kind(" or ".join(values), lambda value: value in values)


class Holder(Protocol):
    """A resource or a part of one."""

    @property
    def at(self) -> str:
        """Where in its resource it is, "" for the whole."""
        ...

    @property
    def config(self) -> Mapping[str, Any]:
        """What the operator set."""
        ...

    def get(self, path: str, default: Any = None) -> Any:
        """Return the value at a dotted path; maybe UNKNOWN."""
        ...


@dataclass(frozen=True)
class Must:
    """A property that must be something. `wrong` says what is the matter when it is not.

    With `protects` it must only where the stack protects its data.
    """

    path: str
    be: Kind
    wrong: str
    protects: bool = False

    def __call__(self, part: Holder) -> Iterator[str]:
        """Yield what is wrong and what to set."""
        if self.protects and not protects_data(part.config):
            return
        value = part.get(self.path)
        if value is not UNKNOWN and not self.be.holds(value):
            yield f"{self.wrong}; set {joined(part.at, self.path)} to {self.be.words}"

    @property
    def says(self) -> str:
        """The check in a sentence."""
        where = " where `protectData` is on" if self.protects else ""
        return f"`{self.path}` is {self.be.stated or self.be.words}{where}"


def protects_data(config: Mapping[str, Any]) -> bool:
    """Return whether the stack protects its data, which is so unless it says otherwise."""
    return config.get("protectData", True) not in (False, "false")
