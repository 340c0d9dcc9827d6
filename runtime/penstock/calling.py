"""Calling a block's function with the inputs and keyword arguments that it can take.

It reads the function's code object: `inspect` costs more to import than most light blocks take to run.
"""

from __future__ import annotations

from penstock.errors import BlockError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class Shape:
    """What a function takes: names in order, how many have defaults, keyword-only names, `*args`, `**kwargs`."""

    __slots__ = ("by_keyword", "keyword_only", "optional", "positional", "takes_kwargs", "takes_many")

    def __init__(self, function: Callable[..., Any]) -> None:
        bound = getattr(function, "__self__", None) is not None and hasattr(function, "__func__")
        code = getattr(function, "__code__", None)
        if code is None:
            self._inspect(function)
            return
        count = code.co_argcount
        start = 1 if bound else 0
        self.positional = code.co_varnames[start:count]
        self.by_keyword = code.co_varnames[max(code.co_posonlyargcount, start) : count]
        self.keyword_only = code.co_varnames[count : count + code.co_kwonlyargcount]
        self.optional = len(getattr(function, "__defaults__", None) or ())
        self.takes_many = bool(code.co_flags & 4)
        self.takes_kwargs = bool(code.co_flags & 8)

    def _inspect(self, function: Callable[..., Any]) -> None:
        import inspect

        parameters = list(inspect.signature(function).parameters.values())
        plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.positional = tuple(p.name for p in plain)
        self.by_keyword = tuple(p.name for p in plain if p.kind is p.POSITIONAL_OR_KEYWORD)
        self.keyword_only = tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
        self.optional = sum(p.default is not p.empty for p in plain)
        self.takes_many = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.takes_kwargs = any(p.kind is p.VAR_KEYWORD for p in parameters)


def call(function: Callable[..., Any], inputs: Sequence[Any], kwargs: dict[str, Any], what: str) -> Any:
    """Call `function(*inputs, **kwargs)`, giving it only the keyword arguments that it can take.

    Inputs fill the leading parameters in order; a name left over is filled from `kwargs`. An input that is None may be
    left out when the function has no room for it (an upstream block without a result, such as a sensor). Awaits a
    coroutine. Raises BlockError, saying how many inputs there are, when they do not fit; `what` names the function.
    """
    shape = Shape(function)
    args = _fit_inputs(shape, list(inputs), what)
    given = shape.positional[: len(args)]
    if shape.takes_kwargs:
        named = {name: value for name, value in kwargs.items() if name not in given}
    else:
        wanted = (*shape.by_keyword, *shape.keyword_only)
        named = {name: kwargs[name] for name in wanted if name in kwargs and name not in given}
    required = shape.positional[: len(shape.positional) - shape.optional]
    missing = [name for name in required[len(args) :] if name not in named]
    if missing:
        raise BlockError(
            f"{what} takes {len(required)} inputs ({', '.join(required)}) but the block has {len(args)}: "
            "add the missing upstream blocks, or take the parameters out"
        )
    result = function(*args, **named)
    if getattr(getattr(result, "cr_code", None), "co_flags", 0) & 0x80:
        import asyncio

        return asyncio.run(result)
    return result


def _fit_inputs(shape: Shape, args: list[Any], what: str) -> list[Any]:
    room = len(shape.positional)
    if shape.takes_many or len(args) <= room:
        return args
    present = [value for value in args if value is not None]
    if len(present) <= room:
        return present
    raise BlockError(
        f"{what} takes {room} inputs but the block has {len(args)} upstream blocks: "
        "add a parameter for each, or *args, or take upstream blocks away"
    )
