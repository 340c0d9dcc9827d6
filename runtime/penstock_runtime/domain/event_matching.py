"""Which events start a trigger: a name, and what the payload has to say at JSON paths; pure.

A trigger's settings write it as

    event:
      name: order.paid
      match:
        $.customer.country: DE
        $.items[*].sku: [A-1, A-2]

Every path has to find a value that equals what stands there, or one of a list. Without `match` the name is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonpath
from jsonpath import CompoundJSONPath, JSONPath

from penstock_runtime.domain.errors import InvalidInput

# RFC 9535 as it is written, without the library's own additions.
_STRICT = jsonpath.JSONPathEnvironment(strict=True)
_KEYS = frozenset({"name", "match"})
_PLAIN = (str, bool, int, float, type(None))


@dataclass(frozen=True, slots=True)
class EventMatcher:
    """The events of one name whose payload has, at each path, one of the values written for it."""

    name: str
    match: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def accepts(self, name: str, payload: Any) -> bool:
        """Whether an event of that name and payload (JSON) is meant."""
        if name != self.name:
            return False
        return all(_finds(path, wanted, payload) for path, wanted in self.match)


def parse_event(settings: Mapping[str, Any]) -> EventMatcher | None:
    """Return the matcher that a trigger's settings describe, None when they name no event. InvalidInput."""
    event = settings.get("event")
    if event is None:
        return None
    if not isinstance(event, Mapping) or not isinstance(event.get("name"), str) or not event["name"].strip():
        raise InvalidInput("`event` needs a `name`, and may have a `match` of JSON paths and values", "event")
    unknown = sorted(str(key) for key in event if key not in _KEYS)
    if unknown:
        raise InvalidInput(f"`event` has the unknown key {unknown[0]!r}; it has `name` and `match`", "event")
    match = event.get("match") or {}
    if not isinstance(match, Mapping):
        raise InvalidInput("`event.match` is not a mapping; write `$.path: value` lines under it", "event")
    return EventMatcher(event["name"].strip(), tuple((str(path), _wanted(str(path), match[path])) for path in match))


def _wanted(path: str, value: Any) -> tuple[Any, ...]:
    if not path.startswith("$"):
        raise InvalidInput(f"the JSON path {path!r} does not begin with `$`", "event")
    try:
        _compiled(path)
    except jsonpath.JSONPathError as error:
        reason = str(error).partition("\n")[0]
        raise InvalidInput(f"{path!r} is no JSON path: {reason}", "event") from error
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not values or not all(isinstance(one, _PLAIN) for one in values):
        raise InvalidInput(f"`event.match` of {path!r} is neither a plain value nor a list of them", "event")
    return values


@lru_cache(maxsize=1024)
def _compiled(path: str) -> JSONPath | CompoundJSONPath:
    return _STRICT.compile(path)


def _finds(path: str, wanted: tuple[Any, ...], payload: Any) -> bool:
    if not isinstance(payload, Mapping | list):
        # The library would read a text as JSON of its own.
        return False
    try:
        found = _compiled(path).findall(payload)
    except jsonpath.JSONPathError:
        # A payload that the path cannot walk, such as one nested too deeply, has no such value.
        return False
    return any(_same(value, one) for value in found for one in wanted)


def _same(value: Any, wanted: Any) -> bool:
    # In JSON true is not 1, as it is in Python.
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)
