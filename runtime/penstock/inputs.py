"""The positional arguments of a block: its upstream blocks' outputs, in the order of `upstream_blocks`."""

from __future__ import annotations

from penstock import results, serialize
from penstock.errors import BlockError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Input = dict[str, Any]


class Inputs:
    """What a block run receives: `values` by upstream block in order, and `metadata` of its dynamic item."""

    __slots__ = ("metadata", "names", "used_tables", "values")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[Any] = []
        self.metadata: dict[str, Any] = {}
        self.used_tables = False


def read_inputs(
    entries: list[Input], upstream: list[str], map_index: int | None, dynamic: dict[str, Any] | None
) -> Inputs:
    """Read the inputs of one block run.

    An entry is `{"block", "map_index", "outputs"}`. Entries of one block with several map indexes, those of a block
    that is mapped while this one is not, and any with `"reduced": true` are the instances of a block that reduces its
    output: they give one list, an element an instance in order (Mage gives tables unjoined too). An upstream block
    without an entry, or without outputs, gives None. For the block of `dynamic` its item `index` is read alone, and
    the item's metadata. Raises OutputError when an output cannot be read.
    """
    found: dict[str, list[Input]] = {}
    for entry in entries:
        found.setdefault(entry["block"], []).append(entry)
    inputs = Inputs()
    for name in upstream or list(found):
        inputs.names.append(name)
        inputs.values.append(_read_upstream(found.get(name, []), name, map_index, dynamic, inputs))
    return inputs


def _read_upstream(
    entries: list[Input], name: str, map_index: int | None, dynamic: dict[str, Any] | None, inputs: Inputs
) -> Any:
    for entry in entries:
        inputs.used_tables |= any(output["format"] in ("arrow", "parquet") for output in entry["outputs"])
    if dynamic is not None and dynamic["block"] == name:
        return _read_item(entries, name, int(dynamic["index"]), inputs)
    if _is_reduced(entries, map_index):
        instances = sorted([e for e in entries if e["map_index"] is not None], key=lambda e: int(e["map_index"]))
        return [_joined(entry) for entry in instances]
    return _joined(entries[0]) if entries else None


def _is_reduced(entries: list[Input], map_index: int | None) -> bool:
    if len(entries) > 1 or any(entry.get("reduced") for entry in entries):
        return True
    return bool(entries) and map_index is None and entries[0]["map_index"] is not None


def _joined(entry: Input) -> Any:
    return results.joined([serialize.read(output) for output in entry["outputs"]])


def _read_item(entries: list[Input], name: str, index: int, inputs: Inputs) -> Any:
    outputs = entries[0]["outputs"] if entries else []
    if not outputs:
        raise BlockError(f"the dynamic block {name!r} has no items, but item {index} was asked for")
    if len(outputs) > 1:
        inputs.metadata = serialize.read_item(outputs[1], index)
    return serialize.read_item(outputs[0], index)
