"""Property values as they travel between the engine and a provider: protobuf structs to plain Python and back.

An unknown value (what is not known until an object exists) is UNKNOWN, the sentinel string of the protocol. Secrets
come in as their plain value: like the Terraform bridge, the stand-ins let the engine keep the mark of secret inputs.
What goes out as Secret is secret in the state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

UNKNOWN = rpc.UNKNOWN
SIGNATURE = rpc._special_sig_key
SECRET = rpc._special_secret_sig
OUTPUT_VALUE = rpc._special_output_value_sig


@dataclass(frozen=True)
class Secret:
    """An output that the state must hold encrypted."""

    value: Any


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Return a struct as a dict; whole numbers are int, null values are left out."""
    return {key: plain(value) for key, value in struct.fields.items() if value.WhichOneof("kind") != "null_value"}


def plain(value: struct_pb2.Value) -> Any:
    """Return one protobuf value as Python: None, bool, int, float, str, list or dict."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return opened(decode(value.struct_value))
    if kind == "list_value":
        return [plain(item) for item in value.list_value.values]
    if kind == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    return None if kind in {None, "null_value"} else getattr(value, kind)


def opened(value: dict[str, Any]) -> Any:
    """Return what a wrapped secret or output holds (UNKNOWN when it holds nothing yet); other dicts as they are."""
    if value.get(SIGNATURE) in {SECRET, OUTPUT_VALUE}:
        return value.get("value", UNKNOWN)
    return value


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return a dict as a struct; None is left out, Secret is wrapped."""
    struct = struct_pb2.Struct()
    struct.update({key: wrapped(value) for key, value in values.items() if value is not None})
    return struct


def wrapped(value: Any) -> Any:
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": wrapped(value.value)}
    if isinstance(value, Mapping):
        return {key: wrapped(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [wrapped(item) for item in value]
    return value


def is_unknown(value: Any) -> bool:
    """Whether a value is unknown, or holds an unknown one somewhere."""
    return any(leaf == UNKNOWN for leaf in leaves(value))


def leaves(value: Any) -> Iterator[Any]:
    """Yield every scalar of a value."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value
