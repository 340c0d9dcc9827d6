"""What an in-memory run store holds, and the copies that keep its records apart from the caller's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from penstock_runtime.domain.runs import Attempt, BlockRun, Lease, Member, Run
from penstock_runtime.ports.run_store import CodeVersion, Trigger

R = TypeVar("R")


@dataclass
class State:
    """Every table: records by id, in the order in which they were inserted."""

    runs: dict[str, Run] = field(default_factory=dict)
    block_runs: dict[str, BlockRun] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    versions: list[CodeVersion] = field(default_factory=list)
    keys: dict[tuple[str, str], tuple[str, str, datetime]] = field(default_factory=dict)
    lost_ticks: dict[str, Any] = field(default_factory=dict)
    backfills: dict[str, Any] = field(default_factory=dict)
    messages: dict[str, Any] = field(default_factory=dict)
    decisions: dict[str, Any] = field(default_factory=dict)
    term: int = 0

    def copy(self) -> State:
        """Return the same records in tables of their own: records are frozen, so that is enough to go back to."""
        tables = {each.name: getattr(self, each.name).copy() for each in fields(self) if each.name != "term"}
        return State(**tables, term=self.term)


class StateSteps:
    """Part of a transaction over the state, whose lock is held."""

    def __init__(self, state: State) -> None:
        """Work on the state of an open transaction."""
        self._state = state


def plain(value: Any) -> Any:
    """Return what a database would give back: times in UTC, JSON values as JSON; ValueError for a naive time."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"a time without a timezone cannot be stored: {value!r}")
        return value.astimezone(UTC)
    if isinstance(value, Mapping):
        return json.loads(json.dumps(value, default=dict))
    if isinstance(value, list | tuple):
        return tuple(json.loads(json.dumps(value, default=dict)))
    return value


def stored(record: R) -> R:
    """Return a copy of a record that shares nothing changeable with the caller's."""
    found: Any = record
    values = {each.name: getattr(found, each.name) for each in fields(found)}
    copied: R = replace(found, **{name: plain(value) for name, value in values.items() if _holds(value)})
    return copied


def _holds(value: Any) -> bool:
    return isinstance(value, datetime | Mapping | list | tuple)
