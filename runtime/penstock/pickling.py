"""Pickles of values that no plainer format holds, made by value so that another process can read them."""

from __future__ import annotations

import sys

from penstock.errors import OutputError, message_of
from penstock.source import MODULE_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROTOCOL = 5


class LimitReached(Exception):
    """The pickle is larger than the buffer may grow."""


class LimitedBuffer:
    """Bytes up to a limit: a large value is found out early, without being pickled whole in memory."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self._limit = limit

    def write(self, data: Any) -> int:
        """Add bytes. Raises LimitReached beyond the limit."""
        view = memoryview(data)
        if len(self.data) + view.nbytes > self._limit:
            raise LimitReached
        self.data += view
        return view.nbytes


def dump(value: Any, sink: Any) -> None:
    """Pickle `value` into a writable. Raises OutputError naming the value's type when it cannot be pickled."""
    try:
        _pickler()(value, sink, protocol=PROTOCOL)
    except (LimitReached, OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - pickling runs the value's own code, which may raise anything
        raise OutputError(
            f"the block returned a {type(value).__module__}.{type(value).__qualname__}, which cannot be stored "
            f"({type(error).__name__}: {message_of(error)}): return plain data, a table, an array, or a list of these"
        ) from None


def _pickler() -> Any:
    try:
        import cloudpickle
    except ImportError:
        import pickle

        return pickle.dump
    for name in list(sys.modules):
        if name.startswith(MODULE_PREFIX):
            cloudpickle.register_pickle_by_value(sys.modules[name])
    return cloudpickle.dump


def load(source: Any) -> Any:
    """The value of a pickle. Raises OutputError when this environment lacks what it was made of."""
    import pickle

    try:
        return pickle.load(source)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {message_of(error)}"
        raise OutputError(f"a pickled input cannot be read here ({reason})") from error
