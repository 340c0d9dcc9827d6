"""Inputs against a schema: what is refused, where, and in which words."""

from __future__ import annotations

import pytest

from support.engine.checking import Checker, Problem
from support.engine.schemas import ObjectShape, ResourceSchema
from support.engine.wire import SIGNATURE, UNKNOWN

CONTAINER = ObjectShape({"image": "string", "port": {"union": ["integer", "string"]}}, ["image"])
NODE = ObjectShape({"next": {"object": "node"}, "value": "any"}, [])
SCHEMA = ResourceSchema(
    token="cloud:index:Thing",
    inputs={
        "name": "string",
        "count": "integer",
        "ratio": "number",
        "flag": "boolean",
        "code": "asset",
        "tags": {"map": "string"},
        "containers": {"list": {"object": "container"}},
        "closed": {"enum": ["a", "b"], "open": False},
        "open": {"enum": ["a", "b"], "open": True},
        "node": {"object": "node"},
        "either": {"union": ["string", {"object": "container"}]},
    },
    required=["name"],
    outputs={},
    objects={"container": CONTAINER, "node": NODE},
)


def problems(*, open_enums=True, **inputs):
    return Checker(SCHEMA, open_enums=open_enums).problems({"name": "x", **inputs})


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"count": 3, "ratio": 0.5, "flag": False, "tags": {"a": "b"}, "closed": "a", "open": "z"},
        {"ratio": 2},
        {"containers": [{"image": "x", "port": 80}, {"image": "y", "port": "http"}]},
        {"containers": UNKNOWN, "tags": {"a": UNKNOWN}, "flag": UNKNOWN, "closed": UNKNOWN, "node": UNKNOWN},
        {"node": {"next": {"next": {"value": [1, {"x": None}]}}}},
        {"either": "text"},
        {"either": {"image": "x"}},
        {"code": {SIGNATURE: "an asset", "path": "x"}},
        {"count": None, "tags": {"a": None}},
    ],
)
def test_right_inputs_pass(inputs):
    assert problems(**inputs) == []


@pytest.mark.parametrize(
    ("inputs", "path", "words"),
    [
        ({"nmae": "x"}, "nmae", "is not a property"),
        ({"name": None}, "name", "is required and missing"),
        ({"name": 1}, "name", "must be a string, not 1"),
        ({"count": "3"}, "count", "must be a whole number, not '3'"),
        ({"count": 1.5}, "count", "must be a whole number, not 1.5"),
        ({"count": True}, "count", "must be a whole number, not True"),
        ({"ratio": True}, "ratio", "must be a number, not True"),
        ({"flag": "true"}, "flag", "must be true or false, not 'true'"),
        ({"code": "x"}, "code", "must be an asset or archive"),
        ({"tags": {"a": 1}}, "tags.a", "must be a string, not 1"),
        ({"tags": []}, "tags", "must be a map, not []"),
        ({"containers": {}}, "containers", "must be a list, not {}"),
        ({"containers": [{"image": "x"}, {"image": 1}]}, "containers[1].image", "must be a string, not 1"),
        ({"containers": [{}]}, "containers[0].image", "is required and missing"),
        (
            {"containers": [{"image": "x", "prot": 1}]},
            "containers[0].prot",
            "is not a property; there are: image, port",
        ),
        ({"containers": ["x"]}, "containers[0]", "must be an object, not 'x'"),
        ({"closed": "c"}, "closed", "must be one of a, b, not 'c'"),
        ({"open": 1}, "open", "must be one of a, b, not 1"),
        ({"either": {"image": 1}}, "either.image", "must be a string, not 1"),
        ({"node": {"next": {"nxet": 1}}}, "node.next.nxet", "is not a property"),
    ],
)
def test_wrong_inputs_are_named_with_their_path(inputs, path, words):
    (problem,) = problems(**inputs)
    assert problem.path == path
    assert words in problem.reason


def test_an_open_enum_closes_where_the_cloud_says_so():
    assert problems(open_enums=False, open="z") == [Problem("open", "must be one of a, b, not 'z'")]


def test_every_problem_is_listed():
    assert [one.path for one in problems(count="x", flag="y", other=1)] == ["count", "flag", "other"]


def test_long_values_are_cut():
    (problem,) = problems(count="x" * 500)
    assert len(problem.reason) < 100
