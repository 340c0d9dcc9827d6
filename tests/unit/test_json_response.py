"""JSON answers hold whatever users' values hold."""

from __future__ import annotations

import json
import math

from penstock_runtime.server.json_response import encode_json


def test_numbers_that_json_lacks_are_null():
    content = {"a": [math.nan, 1.5, {"b": (math.inf, -math.inf)}], "c": "é"}
    assert json.loads(encode_json(content)) == {"a": [None, 1.5, {"b": [None, None]}], "c": "é"}


def test_half_a_character_is_escaped():
    assert encode_json(["\ud800", math.nan]) == b'["\\ud800",null]'
