"""Compares two sets of inputs property by property, as a provider does before an update."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """One property that changed: `path` as in `settings.tier` or `containers[0].image`."""

    path: str
    kind: str  # add, delete or update


def differences(old: Any, new: Any, path: str = "") -> Iterator[Difference]:
    """Yield what changed, at the deepest property; an unknown new value counts as changed."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from between(old.get(name), new.get(name), f"{path}.{name}" if path else name)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from between(at(old, index), at(new, index), f"{path}[{index}]")
    elif old != new:
        yield Difference(path, "update")


def between(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if old is None and new is None:
        return
    if old is None:
        yield Difference(path, "add")
    elif new is None:
        yield Difference(path, "delete")
    else:
        yield from differences(old, new, path)


def at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else None


def forces_replacement(path: str, replacing: Collection[str]) -> bool:
    """Whether a change at `path` replaces the object, given paths without list positions.

    `settings.tier` covers a change of itself and of what lies in it; a change of the whole of `settings` (added or
    taken away) touches what lies in it too.
    """
    bare = re.sub(r"\[\d+\]", "", path)
    return any(bare == one or bare.startswith(f"{one}.") or one.startswith(f"{bare}.") for one in replacing)
