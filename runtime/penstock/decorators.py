"""The decorators that mark a block's functions: `@data_loader`, `@transformer`, `@test` and the rest.

A decorator notes the function in the collection of the block file that is being loaded in this thread, and gives the
function back as it is. A file that is only imported (a block that imports another block's module) notes nothing:
only a decorator called from the block file's own top level counts.
"""

from __future__ import annotations

import sys
from _thread import _local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    Function = Callable[..., Any]

# CPython's own; every interpreter that runs blocks has it, and `inspect` costs milliseconds.
_frame: Callable[[int], FrameType] = sys._getframe  # noqa: SLF001

CALLBACK_EVENTS = ("success", "failure")


class Collection:
    """The decorated functions of one block file, by decorator name, in file order.

    `callbacks` holds pairs (event, function), event being `success` or `failure`.
    """

    __slots__ = ("callbacks", "functions", "namespace")

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.functions: dict[str, list[Function]] = {}
        self.callbacks: list[tuple[str, Function]] = []


class _Current(_local):
    collection: Collection | None = None


_current = _Current()


def collecting(collection: Collection | None) -> Collection | None:
    """Make `collection` the one that this thread's decorators fill; gives back the one before."""
    before = _current.collection
    _current.collection = collection
    return before


def _note(kind: str, function: Function, caller: dict[str, Any]) -> Function:
    collection = _current.collection
    if collection is not None and collection.namespace is caller:
        collection.functions.setdefault(kind, []).append(function)
    return function


def _marker(kind: str) -> Function:
    def decorate(function: Function | None = None, *_args: Any, **_kwargs: Any) -> Function:
        if callable(function):
            return _note(kind, function, _frame(1).f_globals)
        return lambda inner: _note(kind, inner, _frame(1).f_globals)

    decorate.__name__ = decorate.__qualname__ = kind
    decorate.__doc__ = f"Mark a function as the block's {kind.replace('_', ' ')}; usable with or without brackets."
    return decorate


data_loader = _marker("data_loader")
transformer = _marker("transformer")
data_exporter = _marker("data_exporter")
sensor = _marker("sensor")
custom = _marker("custom")
condition = _marker("condition")
test = _marker("test")


def _note_callback(event: str, function: Function, caller: dict[str, Any]) -> Function:
    collection = _current.collection
    if collection is not None and collection.namespace is caller:
        collection.callbacks.append((event, function))
    return function


def callback(event: Any = "success", *_args: Any, **_kwargs: Any) -> Function:
    """Mark a callback: `@callback` and `@callback('success')` run after a success, `@callback('failure')` otherwise.

    Raises ValueError for any other event.
    """
    if callable(event):
        return _note_callback("success", event, _frame(1).f_globals)
    name = str(getattr(event, "value", event))
    if name not in CALLBACK_EVENTS:
        raise ValueError(f"@callback({name!r}): the event must be one of {', '.join(CALLBACK_EVENTS)}")
    return lambda function: _note_callback(name, function, _frame(1).f_globals)


def on_success(function: Function) -> Function:
    """The older spelling of `@callback('success')`."""
    return _note_callback("success", function, _frame(1).f_globals)


def on_failure(function: Function) -> Function:
    """The older spelling of `@callback('failure')`."""
    return _note_callback("failure", function, _frame(1).f_globals)


INJECTED: dict[str, Function] = {
    "data_loader": data_loader,
    "transformer": transformer,
    "data_exporter": data_exporter,
    "sensor": sensor,
    "custom": custom,
    "condition": condition,
    "test": test,
    "callback": callback,
    "on_success": on_success,
    "on_failure": on_failure,
}
