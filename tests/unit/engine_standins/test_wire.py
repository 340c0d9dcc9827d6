"""Values to the wire and back."""

from __future__ import annotations

from google.protobuf import struct_pb2

from support.engine.wire import OUTPUT_VALUE, SECRET, SIGNATURE, UNKNOWN, Secret, decode, encode, is_unknown


def test_plain_values_come_back_as_they_went():
    values = {"a": 1, "b": 1.5, "c": True, "d": "x", "e": [1, {"f": []}], "g": {"h": {}}}
    assert decode(encode(values)) == values
    assert isinstance(decode(encode(values))["a"], int)


def test_nothing_is_left_out_of_maps():
    assert decode(encode({"a": None, "b": {"c": None}})) == {"b": {}}


def test_a_secret_goes_out_wrapped_at_any_depth():
    struct = encode({"a": [Secret("x")], "b": Secret({"c": 1})})
    assert struct["a"][0][SIGNATURE] == SECRET
    assert struct["a"][0]["value"] == "x"
    assert struct["b"]["value"]["c"] == 1


def test_a_secret_or_output_comes_in_opened():
    struct = struct_pb2.Struct()
    struct.update(
        {
            "secret": {SIGNATURE: SECRET, "value": "x"},
            "output": {SIGNATURE: OUTPUT_VALUE, "value": [1], "secret": True},
            "unknown": {SIGNATURE: OUTPUT_VALUE},
        }
    )
    assert decode(struct) == {"secret": "x", "output": [1], "unknown": UNKNOWN}


def test_an_unknown_is_seen_at_any_depth():
    assert is_unknown({"a": [{"b": UNKNOWN}]})
    assert not is_unknown({"a": [{"b": "known"}]})
