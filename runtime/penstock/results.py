"""What a block's function returned, as the outputs that are stored.

The rule, which is Mage's as a downstream block sees it:

- None gives no output; the downstream block gets None.
- A list (or tuple) of one element gives that element.
- A longer list or tuple gives a list. It is stored as several outputs, `output_0`, `output_1` …, when one of its
  elements is a table or an array, otherwise as one. Either way the downstream block gets one list, and `@test`
  functions get its elements as positional arguments.
- Anything else is the one output.

A dynamic block returns `[items]` or `[items, metadata]`, the metadata being a list of dicts, one an item; a bare
list or a table is taken as the items. They become `output_0` and `output_1`.
"""

from __future__ import annotations

import sys

from penstock import tables
from penstock.errors import BlockError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from penstock.serialize import Output, Writer


PAIR = 2  # items and metadata


def split(value: Any) -> tuple[list[Any], bool]:
    """The elements that tests get, and whether they are stored one by one. One element alone stands for itself."""
    if value is None:
        return [], False
    if type(value) is tuple:
        value = list(value)
    if type(value) is not list or not value:
        return [value], True
    return value, len(value) == 1 or any(map(_is_large, value))


def _is_large(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(value) is numpy.ndarray:
        return True
    return tables.kind_of(value) is not None or tables.pandas_kind(value) is not None


def store(value: Any, writer: Writer) -> list[Output]:
    """Write what a block returned; gives the outputs in order."""
    elements, apart = split(value)
    if not elements:
        return []
    if not apart:
        return [writer.write("output_0", elements)]
    return [writer.write(f"output_{number}", element) for number, element in enumerate(elements)]


def joined(values: list[Any]) -> Any:
    """What a downstream block gets for the values of an upstream block's outputs, in order."""
    if not values:
        return None
    return values[0] if len(values) == 1 else values


def fan_out(value: Any, slug: str) -> tuple[Any, list[dict[str, Any]] | None]:
    """The items and the metadata that a dynamic block returned. Raises BlockError for what has no items."""
    items, metadata = _items_and_metadata(value)
    if not isinstance(items, list) and tables.kind_of(items) is None:
        raise BlockError(
            f"the dynamic block {slug!r} returned a {type(value).__qualname__}: "
            "it must return [items] or [items, metadata], where items is a list or a table"
        )
    if metadata is not None and len(metadata) != length(items):
        raise BlockError(
            f"the dynamic block {slug!r} returned {length(items)} items but {len(metadata)} pieces of metadata"
        )
    return items, metadata


def _items_and_metadata(value: Any) -> tuple[Any, list[dict[str, Any]] | None]:
    if value is None:
        return [], None
    if type(value) is tuple:
        value = list(value)
    if type(value) is not list:
        return value, None
    holds_items = bool(value) and (type(value[0]) in (list, tuple) or tables.kind_of(value[0]) is not None)
    if len(value) == 1 and holds_items:
        return _as_list(value[0]), None
    if len(value) == PAIR and holds_items and type(value[1]) is list and all(type(one) is dict for one in value[1]):
        return _as_list(value[0]), value[1] or None
    return value, None


def _as_list(items: Any) -> Any:
    return list(items) if type(items) is tuple else items


def length(items: Any) -> int:
    """How many items a list or a table holds."""
    if tables.kind_of(items) == "pyarrow.Table":
        return int(items.num_rows)
    return len(items)


def store_fan_out(items: Any, metadata: list[dict[str, Any]] | None, writer: Writer) -> list[Output]:
    """Write a dynamic block's items and metadata so that one item can be read alone."""
    write = writer.write_items if isinstance(items, list) else writer.write
    outputs = [write("output_0", items)]
    if metadata:
        outputs.append(writer.write_items("output_1", metadata))
    return outputs
