"""What changed between two sets of inputs, and whether it makes another object."""

from __future__ import annotations

import pytest

from support.engine.differences import Difference, differences, forces_replacement
from support.engine.wire import UNKNOWN


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", "update")]),
        ({}, {"a": {"b": 1}}, [("a", "add")]),
        ({"a": {"b": 1}}, {}, [("a", "delete")]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a.c", "update")]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, [("a[1]", "update"), ("a[2]", "add")]),
        ({"a": [{"b": 1}]}, {"a": []}, [("a[0]", "delete")]),
        ({"a": "x"}, {"a": UNKNOWN}, [("a", "update")]),
        ({"a": 1}, {"a": [1]}, [("a", "update")]),
        ({"a": None}, {}, []),
    ],
)
def test_differences_are_at_the_deepest_property(old, new, expected):
    assert list(differences(old, new)) == [Difference(*one) for one in expected]


@pytest.mark.parametrize(
    ("path", "replacing", "forces"),
    [
        ("cidrBlock", ["cidrBlock"], True),
        ("cidrBlocks", ["cidrBlock"], False),
        ("settings.tier", ["settings.tier"], True),
        ("settings.disk", ["settings.tier"], False),
        ("settings", ["settings.tier"], True),
        ("networks[0].name", ["networks.name"], True),
        ("networks[2].name.first", ["networks"], True),
        ("other", [], False),
    ],
)
def test_a_path_forces_replacement_when_it_touches_one_that_does(path, replacing, forces):
    assert forces_replacement(path, replacing) is forces
