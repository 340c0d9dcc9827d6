"""The account behind the stand-ins: what exists, what was asked of it, and the failures that a test puts in."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NO_ID = "none"
"""The id that random's provider gives to every password: such things exist in the state alone."""


def place(token: str, identity: str, urn: str) -> tuple[str, str]:
    """Return the key of an object in the account."""
    return token, urn if identity == NO_ID else identity


@dataclass
class LiveObject:
    """Something that exists in the account; inputs and outputs by wire name."""

    token: str
    id: str
    urn: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    number: int = 0  # how many objects were made for its URN before it

    @property
    def name(self) -> str:
        """Return its name in the program."""
        return self.urn.split("::", 3)[3]

    @property
    def place(self) -> tuple[str, str]:
        """Return its key in the account."""
        return place(self.token, self.id, self.urn)


@dataclass
class Failure:
    """What goes wrong: an operation on a token or on a name in the program, so many times (None: each time)."""

    operation: str
    target: str
    message: str
    times: int | None = None


@dataclass
class World:
    """One cloud account, empty at first. Every method may be called from the server's threads and from the test."""

    objects: dict[tuple[str, str], LiveObject] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    _made: Counter[str] = field(default_factory=Counter)
    _failures: list[Failure] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def fail_create(self, target: str, message: str, times: int | None = None) -> None:
        """Refuse to create what has this token or this name in the program."""
        self._failures.append(Failure("create", target, message, times))

    def fail_update(self, target: str, message: str, times: int | None = None) -> None:
        self._failures.append(Failure("update", target, message, times))

    def fail_delete(self, target: str, message: str, times: int | None = None) -> None:
        self._failures.append(Failure("delete", target, message, times))

    def heal(self) -> None:
        """Take every failure out again."""
        self._failures.clear()

    def failure_of(self, operation: str, token: str, name: str) -> str | None:
        """Return the message of a failure that strikes now, and count it."""
        with self._lock:
            for failure in self._failures:
                if failure.operation == operation and failure.target in {token, name} and failure.times != 0:
                    failure.times = None if failure.times is None else failure.times - 1
                    return failure.message
        return None

    def live(self, target: str) -> list[LiveObject]:
        """Return what exists of a token or of a name in the program."""
        with self._lock:
            return [one for one in self.objects.values() if target in {one.token, one.name}]

    def only(self, target: str) -> LiveObject:
        """Return the one object of a token or name; LookupError when there are none or several."""
        found = self.live(target)
        if len(found) != 1:
            raise LookupError(f"{len(found)} objects are {target!r}: {[one.urn for one in found]}")
        return found[0]

    def vanish(self, target: str) -> None:
        """Delete something behind the engine's back."""
        with self._lock:
            for one in self.live(target):
                del self.objects[one.place]

    def drift(self, target: str, inputs: Mapping[str, Any]) -> None:
        """Change properties behind the engine's back, as someone at the cloud's console would."""
        with self._lock:
            one = self.only(target)
            one.inputs.update(inputs)
            one.outputs.update(inputs)

    def incarnations(self, urn: str) -> int:
        """Return how many objects were made for an URN so far."""
        return self._made[urn]

    def put(self, one: LiveObject) -> None:
        """Bring an object into being, or take its changed state."""
        with self._lock:
            if one.place not in self.objects:
                self._made[one.urn] += 1
            self.objects[one.place] = one

    def find(self, token: str, identity: str, urn: str) -> LiveObject | None:
        return self.objects.get(place(token, identity, urn))

    def remove(self, token: str, identity: str, urn: str) -> None:
        with self._lock:
            self.objects.pop(place(token, identity, urn), None)

    def remove_below(self, identity: str) -> None:
        """Take away every object whose id is a path that begins with this one."""
        with self._lock:
            for key in [key for key in self.objects if key[1].startswith(f"{identity}/")]:
                del self.objects[key]

    def holder(self, token: str, prop: str, value: Any) -> LiveObject | None:
        """Return the live object of a token that has this value of a property."""
        with self._lock:
            held = (one for one in self.objects.values() if one.token == token and one.inputs.get(prop) == value)
            return next(held, None)
