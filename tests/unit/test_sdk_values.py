"""JSON values, SQL text and log samples: pure functions of the SDK."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import samples, serialize, statements
from penstock.results import fan_out, joined, split

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


def same(left, right):
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


@given(value=json_values, limit=st.sampled_from([0, 10, 32_768]))
def test_json_values_come_back_exactly(tmp_path_factory, value, limit):
    root = tmp_path_factory.mktemp("json")
    output = serialize.Writer(str(root), inline_bytes=limit).write("output_0", value)
    assert output["format"] == "json"
    stored = json.loads(json.dumps(output))
    if stored["file"]:
        stored["path"] = str(root / stored["file"])
    assert same(serialize.read(stored), value)
    assert output["inline"] is None or output["bytes"] <= limit


@given(value=json_values)
def test_json_is_told_from_what_only_looks_like_it(value):
    assert serialize.is_json(value)
    for other in (
        {1: value},
        (value,),
        {"a": {value if isinstance(value, str) else 1}},
        [math.nan],
        [math.inf],
        [b"x"],
    ):
        assert not serialize.is_json(other)


def test_a_value_that_holds_itself_is_no_json(tmp_path):
    value: list = []
    value.append(value)
    output = serialize.Writer(str(tmp_path)).write("output_0", value)
    assert output["format"] == "cloudpickle"
    again = serialize.read(output)
    assert again[0] is again


def test_deeply_nested_values_are_stored_or_refused_in_words(tmp_path):
    value: list = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(serialize.OutputError, match="cannot be stored"):
        serialize.Writer(str(tmp_path)).write("output_0", value)
    assert list(tmp_path.iterdir()) == []


def test_items_of_a_list_can_be_read_one_by_one(tmp_path):
    items = [1, {2, 3}, b"x"]
    output = serialize.Writer(str(tmp_path)).write_items("output_0", items)
    assert output["format"] == "items"
    output["path"] = str(tmp_path / output["file"])
    assert serialize.read(output) == items
    assert serialize.read_item(output, 1) == {2, 3}
    assert sorted(path.name for path in (tmp_path / "output_0").iterdir()) == [
        "0000.json",
        "0001.pickle",
        "0002.pickle",
    ]


def test_the_samples_of_many_outputs_are_bounded_together(tmp_path):
    wide = tuple("x" * 500 for _ in range(100))
    writer = serialize.Writer(str(tmp_path))
    outputs = [writer.write(f"output_{number}", wide) for number in range(60)]
    assert outputs[0]["sample"] is not None
    assert outputs[-1]["sample"] is None
    assert len(json.dumps(outputs)) < serialize.SAMPLES_BYTES * 1.2
    items = serialize.Writer(str(tmp_path)).write_items("items", [wide] * 60)
    assert len(json.dumps(items)) < 60 * 1000


@pytest.mark.parametrize(
    ("value", "elements", "apart"),
    [
        (None, [], False),
        ([], [[]], True),
        ([5], [5], True),
        ([1, 2], [1, 2], False),
        ((1, 2), [1, 2], False),
        ("ab", ["ab"], True),
    ],
)
def test_split(value, elements, apart):
    assert split(value) == (elements, apart)


def test_joined_undoes_split():
    assert joined([]) is None
    assert joined([3]) == 3
    assert joined([3, 4]) == [3, 4]


@pytest.mark.parametrize(
    ("value", "items", "metadata"),
    [
        ([[1, 2]], [1, 2], None),
        ([[1, 2], [{"block_uuid": "a"}, {"block_uuid": "b"}]], [1, 2], [{"block_uuid": "a"}, {"block_uuid": "b"}]),
        ([[1, 2], []], [1, 2], None),
        ([1, 2, 3], [1, 2, 3], None),
        ([[1], [2]], [[1], [2]], None),
        ([{"a": 1}], [{"a": 1}], None),
        (None, [], None),
    ],
)
def test_fan_out(value, items, metadata):
    assert fan_out(value, "d") == (items, metadata)


@pytest.mark.parametrize(
    ("value", "message"), [({"a": 1}, "must return"), (3, "must return"), ([[1], [{}, {}]], "1 items but 2")]
)
def test_fan_out_refuses_what_has_no_items(value, message):
    with pytest.raises(serialize.OutputError.__mro__[1], match=message):
        fan_out(value, "d")


@given(
    value=st.recursive(
        st.floats() | st.text() | st.integers() | st.binary(),
        lambda x: st.lists(x) | st.tuples(x) | st.dictionaries(st.integers(), x),
    )
)
def test_samples_are_strict_json_of_bounded_size(value):
    text = json.dumps(samples.sample_of(value), allow_nan=False)
    assert len(text) <= samples.BYTES + 10_000
    assert "\\u0000" not in text


def test_table_samples_stop_at_their_limits():
    sample = samples.table_sample(["a"], ([n] for n in range(1000)))
    assert len(sample["rows"]) == samples.ROWS
    wide = samples.table_sample(["a"], (["x" * 10_000] * 50 for _ in range(100)))
    assert 0 < len(wide["rows"]) < 10
    assert samples.table_sample(["a"], [[math.nan]])["rows"] == [[None]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1; select 2", ["select 1", "select 2"]),
        ("select ';'; -- a;b\nselect 2;", ["select ';'", "-- a;b\nselect 2"]),
        ('/* ; */ select "a;b" from t;;\n', ['/* ; */ select "a;b" from t']),
        ("do $x$ begin; end $x$; select 1", ["do $x$ begin; end $x$", "select 1"]),
        ("-- nothing", []),
        ("insert into t values ('it''s; fine')", ["insert into t values ('it''s; fine')"]),
    ],
)
def test_statements_are_cut_outside_quotes_and_comments(text, expected):
    assert statements.split_statements(text) == expected


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("-- x\n select 1", True),
        ("WITH a AS (select 1) select * from a", True),
        ("create table t (a int)", False),
        ("insert into t values (1) returning a", True),
        ("(select 1)", True),
    ],
)
def test_queries_are_told_from_commands(statement, rows):
    assert statements.gives_rows(statement) is rows
