"""An exception as plain text: its type, its message, and a traceback that starts in the user's code.

Nothing here pickles an exception, so one that cannot be pickled is reported as well as any other.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import traceback
    from collections.abc import Iterator
    from typing import Any

MESSAGE_LIMIT = 16_384
TRACEBACK_LIMIT = 65_536
TYPE_LIMIT = 500
_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


class BlockError(Exception):
    """Something is wrong with a block itself; the message says what and how to mend it. It needs no traceback."""


class OutputError(BlockError):
    """A block's result cannot be stored, or an input cannot be read."""


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - limit} characters left out …\n{text[-half:]}"


def message_of(error: BaseException) -> str:
    """`str(error)`, for errors whose own `__str__` fails too."""
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 - user code runs in __str__ and may raise anything
        text = f"<the error's own text could not be made: {type(broken).__name__}>"
    return _cut(text, MESSAGE_LIMIT)


def describe(error: BaseException, bundle_dir: str | None = None) -> dict[str, Any]:
    """`{"type", "message", "traceback"}` of an error; paths inside the bundle are shown from the project's folder."""
    message = message_of(error)
    if isinstance(error, SystemExit):
        message = f"the block called sys.exit({message}); a block ends by returning from its function"
    elif isinstance(error, MemoryError) and not message:
        message = "the block ran out of the memory it may use"
    text = _cut(_traceback(error, bundle_dir), TRACEBACK_LIMIT)
    return {"type": _cut(_type_name(error), TYPE_LIMIT), "message": message, "traceback": text}


def _type_name(error: BaseException) -> str:
    kind = type(error)
    if kind.__module__ == "builtins" or kind.__module__.startswith(("penstock.", "penstock_block_")):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _traceback(error: BaseException, bundle_dir: str | None) -> str:
    if isinstance(error, BlockError) and error.__cause__ is None:
        return ""
    import traceback

    try:
        summary = traceback.TracebackException.from_exception(error, capture_locals=False)
        for part in _chain(summary, set()):
            part.stack[:] = [frame for frame in part.stack if not _is_ours(frame.filename)]
            for frame in part.stack:
                frame.filename = _shown(frame.filename, bundle_dir)
            if getattr(part, "filename", None):
                part.filename = _shown(part.filename, bundle_dir)
        return "".join(summary.format()).rstrip()
    except Exception as broken:  # noqa: BLE001 - user code (__str__, __repr__, __cause__) runs while formatting
        name = type(broken).__name__
        return f"{type(error).__name__}: {message_of(error)}\n(no traceback: formatting it raised {name})"


def _chain(summary: traceback.TracebackException, seen: set[int]) -> Iterator[traceback.TracebackException]:
    if id(summary) in seen:
        return
    seen.add(id(summary))
    yield summary
    for inner in (summary.__cause__, summary.__context__, *(getattr(summary, "exceptions", None) or ())):
        if inner is not None:
            yield from _chain(inner, seen)


def _is_ours(filename: str) -> bool:
    return filename.startswith((_OWN, "<frozen importlib"))


def _shown(filename: str, bundle_dir: str | None) -> str:
    if bundle_dir and filename.startswith(bundle_dir + os.sep):
        return filename[len(bundle_dir) + 1 :]
    return filename
